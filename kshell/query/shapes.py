"""DuckDB's type objects as shapes and as Arrow types.

Invariant: every type DuckDB can export to Arrow without loss has a shape; the others are refused by name."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from kshell.errors import RefusedError
from kshell.lang.tokens import tokens
from kshell.output._shape import OutColumn, Shape

_INEXACT = {"variant": "JSON", "time with time zone": "VARCHAR", "time_with_time_zone": "VARCHAR",
            "geometry": "VARCHAR"}            # type -> what to cast it to


def shape_of(dtype: Any) -> Shape:
    """The shape of a DuckDB type object."""
    text = str(dtype)
    if text == "JSON":
        return Shape("json")
    kind = str(dtype.id)
    if kind == "struct":
        fields = tuple((name, shape_of(inner)) for name, inner in dtype.children)
        return Shape("struct" if all(name for name, _ in fields) else "row", fields)
    if kind in ("list", "array"):
        return Shape(kind, (("", shape_of(dtype.children[0][1])),))
    if kind == "map":
        return Shape(kind, tuple((name, shape_of(inner)) for name, inner in dtype.children))
    if kind == "union":
        return Shape(kind, tuple((name, shape_of(inner)) for name, inner in dtype.children if name))   # the unnamed first one is the tag
    return Shape(kind)


def columns_of(description: list[tuple[Any, ...]]) -> tuple[OutColumn, ...]:
    """The columns of a cursor's `description`; a type that Arrow cannot carry is refused with the cast that helps."""
    columns = tuple(OutColumn(str(d[0]), str(d[1]), shape_of(d[1])) for d in description)
    for column in columns:
        if column.shape.holds(*_INEXACT):
            cast = next(cast for kind, cast in _INEXACT.items() if column.shape.holds(kind))
            raise RefusedError(f"column {column.name} has type {column.type}, which cannot be read exactly",
                               hint=f"cast it in the query: {column.name}::{cast}")
    return columns


_PLAIN: dict[str, pa.DataType] = {
    "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64(),
    "utinyint": pa.uint8(), "usmallint": pa.uint16(), "uinteger": pa.uint32(), "ubigint": pa.uint64(),
    "hugeint": pa.decimal128(38, 0), "uhugeint": pa.decimal128(38, 0), "float": pa.float32(), "double": pa.float64(),
    "date": pa.date32(), "time": pa.time64("us"), "timestamp": pa.timestamp("us"), "timestamp_s": pa.timestamp("s"),
    "timestamp_ms": pa.timestamp("ms"), "timestamp_ns": pa.timestamp("ns"), "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "varchar": pa.string(), "uuid": pa.string(), "json": pa.string(), "blob": pa.binary(), "bit": pa.binary(),
    "interval": pa.month_day_nano_interval(),
}


def arrow_type(dtype: Any) -> pa.DataType:
    """The Arrow type DuckDB exports this type as."""
    kind = str(dtype.id)
    if kind == "struct":
        return pa.struct([pa.field(name, arrow_type(inner)) for name, inner in dtype.children])
    if kind == "list":
        return pa.list_(arrow_type(dtype.children[0][1]))
    if kind == "map":
        return pa.map_(arrow_type(dtype.children[0][1]), arrow_type(dtype.children[1][1]))
    if kind == "decimal":
        sizes = {name: int(value) for name, value in dtype.children}
        return pa.decimal128(sizes["precision"], sizes["scale"])
    if kind in _PLAIN:
        return _PLAIN[kind]
    return _ask_duckdb(str(dtype))


def _ask_duckdb(text: str) -> pa.DataType:
    """Enums, unions and fixed arrays: what DuckDB itself makes of an empty result."""
    with duckdb.connect(":memory:") as connection:
        return connection.execute(f"SELECT NULL::{text} WHERE false").to_arrow_reader(1).schema.field(0).type


def fields(type_: str) -> set[str]:
    """The names in small letters of a struct's own fields, from its type as text; of another type none."""
    if not type_.upper().startswith("STRUCT("):
        return set()
    found, depth, fresh = set(), 0, True
    for token in tokens(type_[len("STRUCT("):]):
        if fresh and token.kind in ("word", "name"):
            found.add(token.text.strip('"').replace('""', '"').lower())
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        fresh = depth == 0 and token.text == ","
    return found
