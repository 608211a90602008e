"""The PostgreSQL type of each DuckDB type.

Invariant: every DuckDB type has one; what PostgreSQL has no scalar type for is `json` when it is nested, else `text`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class PgType:
    """`size` in bytes, -1: it varies. `modifier` is the typmod, of numeric its precision and scale, -1: none. `element` is the OID of an
    array's elements, 0: no array."""

    oid: int
    size: int
    name: str
    modifier: int = -1
    element: int = 0


_SIZED = (PgType(16, 1, "bool"), PgType(21, 2, "int2"), PgType(23, 4, "int4"), PgType(20, 8, "int8"), PgType(700, 4, "float4"),
          PgType(701, 8, "float8"), PgType(1700, -1, "numeric"), PgType(25, -1, "text"), PgType(17, -1, "bytea"), PgType(1082, 4, "date"),
          PgType(1083, 8, "time"), PgType(1266, 12, "timetz"), PgType(1114, 8, "timestamp"), PgType(1184, 8, "timestamptz"),
          PgType(26, 4, "oid"), PgType(1186, 16, "interval"), PgType(2950, 16, "uuid"), PgType(114, -1, "json"))
SCALARS = {type_.name: type_ for type_ in _SIZED}
ARRAYS = {"bool": 1000, "int2": 1005, "int4": 1007, "int8": 1016, "float4": 1021, "float8": 1022, "numeric": 1231, "text": 1009,
          "bytea": 1001, "date": 1182, "time": 1183, "timetz": 1270, "timestamp": 1115, "timestamptz": 1185, "interval": 1187,
          "uuid": 2951, "json": 199, "oid": 1028}
TYPES: dict[int, PgType] = {type_.oid: type_ for type_ in _SIZED} | {
    oid: PgType(oid, -1, f"_{name}", element=SCALARS[name].oid) for name, oid in ARRAYS.items()}

_NAMES = {
    "BOOLEAN": "bool", "TINYINT": "int2", "SMALLINT": "int2", "UTINYINT": "int2", "INTEGER": "int4", "USMALLINT": "int4",
    "BIGINT": "int8", "UINTEGER": "int8", "FLOAT": "float4", "DOUBLE": "float8",
    "DECIMAL": "numeric", "HUGEINT": "numeric", "UHUGEINT": "numeric", "UBIGINT": "numeric", "BIGNUM": "numeric",
    "BLOB": "bytea", "DATE": "date", "TIME": "time", "TIME_NS": "time", "TIME WITH TIME ZONE": "timetz",
    "TIMESTAMP": "timestamp", "TIMESTAMP_S": "timestamp", "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz", "INTERVAL": "interval", "UUID": "uuid",
    "JSON": "json", "STRUCT": "json", "MAP": "json", "UNION": "json", "VARIANT": "json",
}
_NESTED = ("STRUCT(", "MAP(", "UNION(")
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_HEADER_BYTES = 4                             # PostgreSQL counts the header of a varying value into the typmod


@lru_cache(maxsize=1024)
def pg_type(duckdb_type: str) -> PgType:
    """The PostgreSQL type of a DuckDB type as `DESCRIBE` and a cursor's description print it."""
    if duckdb_type.endswith("]"):
        return _list(duckdb_type[:duckdb_type.rindex("[")])
    if sizes := _DECIMAL.fullmatch(duckdb_type):
        precision, scale = map(int, sizes.groups())
        return replace(SCALARS["numeric"], modifier=(precision << 16 | scale) + _HEADER_BYTES)
    return SCALARS[_NAMES.get(duckdb_type.partition("(")[0], "text")]


def _list(element: str) -> PgType:
    if element.endswith("]") or element.startswith(_NESTED):
        return SCALARS["json"]                # PostgreSQL's arrays of arrays are rectangular, and it has no array of anonymous records
    if element == "UINTEGER":
        return TYPES[ARRAYS["oid"]]           # PostgreSQL's one array of unsigned 32-bit numbers, which drivers know without asking
    inner = pg_type(element)
    return replace(TYPES[ARRAYS[inner.name]], modifier=inner.modifier)
