"""DuckDB's column types as a tree, and which of them a table can hold.

Invariant: what `storage` gives has an Iceberg v2 type; `printed` is the one spelling of a type, that of DuckDB."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from kshell.columns import Column, quote
from kshell.errors import BadValueError, RefusedError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from duckdb.sqltypes import DuckDBPyType

MOST_LEVELS = 32                              # lists of 50 levels are written and cannot be read, structs of 70 cannot be loaded


@dataclass(frozen=True, slots=True)
class Type:
    """One type. `json`: VARCHAR that holds JSON text."""

    kind: str                                 # BIGINT, ..., DECIMAL, STRUCT, LIST, MAP
    precision: int = 0                        # DECIMAL
    scale: int = 0
    fields: tuple[tuple[str, Type], ...] = () # STRUCT: by name; LIST: one; MAP: key and value
    json: bool = False
    keys: tuple[str, ...] = ()                # STRUCT: the keys of its fields in the payload; (): they are the names

    def __post_init__(self) -> None:
        if self.keys and self.keys == tuple(name for name, _ in self.fields):
            object.__setattr__(self, "keys", ())  # one type is one value

    def key_of(self, name: str) -> str:
        return self.keys[[n for n, _ in self.fields].index(name)] if self.keys else name

    @property
    def item(self) -> Type:
        """Of a LIST its elements, of a MAP its values."""
        return self.fields[-1][1]

    def sql(self) -> str:
        if self.kind == "DECIMAL":
            return f"DECIMAL({self.precision},{self.scale})"
        if self.kind == "STRUCT":
            return f"STRUCT({', '.join(f'{quote(name)} {t.sql()}' for name, t in self.fields)})"
        if self.kind == "LIST":
            return f"{self.item.sql()}[]"
        return f"MAP({self.fields[0][1].sql()}, {self.item.sql()})" if self.kind == "MAP" else self.kind

    def declared(self) -> str:
        """The text of a column list that declares it: JSON where JSON text is held."""
        if self.json:
            return "JSON"
        if self.kind == "STRUCT":
            return f"STRUCT({', '.join(f'{quote(name)} {t.declared()}' for name, t in self.fields)})"
        if self.kind == "LIST":
            return f"{self.item.declared()}[]"
        return f"MAP({self.fields[0][1].declared()}, {self.item.declared()})" if self.kind == "MAP" else self.sql()

    def arrow(self) -> pa.DataType:
        if self.kind == "DECIMAL":
            return pa.decimal128(self.precision, self.scale)
        if self.kind == "STRUCT":
            return pa.struct([pa.field(name, t.arrow()) for name, t in self.fields])
        if self.kind == "LIST":
            return pa.list_(self.item.arrow())
        return pa.map_(self.fields[0][1].arrow(), self.item.arrow()) if self.kind == "MAP" else _ARROW[self.kind]

    def holds_json(self) -> bool:
        """JSON text stands somewhere below the top."""
        return any(t.json or t.holds_json() for _, t in self.fields)


_ARROW = {"BOOLEAN": pa.bool_(), "INTEGER": pa.int32(), "BIGINT": pa.int64(), "FLOAT": pa.float32(), "DOUBLE": pa.float64(),
          "DATE": pa.date32(), "TIME": pa.time64("us"), "TIMESTAMP": pa.timestamp("us"),
          "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
          "VARCHAR": pa.string(), "UUID": pa.string(), "BLOB": pa.binary()}

VARCHAR, JSON_TEXT = Type("VARCHAR"), Type("VARCHAR", json=True)
_SAME = {name: Type(name) for name in _ARROW}
_STORED = _SAME | {
    "TINYINT": Type("INTEGER"), "SMALLINT": Type("INTEGER"), "UTINYINT": Type("INTEGER"), "USMALLINT": Type("INTEGER"),
    "UINTEGER": Type("BIGINT"), "UBIGINT": Type("DECIMAL", 20, 0), "HUGEINT": Type("DECIMAL", 38, 0), "UHUGEINT": Type("DECIMAL", 38, 0),
    "BIT": VARCHAR, "INTERVAL": VARCHAR,
    "TIMESTAMP_S": Type("TIMESTAMP"), "TIMESTAMP_MS": Type("TIMESTAMP"), "TIMESTAMP_NS": Type("TIMESTAMP"),
    "JSON": JSON_TEXT,
}


def storage(text: str, column: str) -> Type:
    """The type in which a column declared as `text` is held."""
    return _stored(_parse(text, column), column, 1)


def of(column: Column) -> Type:
    """The type of a column: its JSON text inside structs stands in the declared spelling, its renamed keys in `renames`."""
    type_ = JSON_TEXT if column.json_text else storage(column.type, column.name)
    if column.declared and type_.fields:
        spelled = storage(column.declared, column.name)
        type_ = spelled if spelled.sql() == type_.sql() else type_
    return _keyed(type_, (), {(path[:-1], name): path[-1] for path, name in column.renames}) if column.renames else type_


def _keyed(type_: Type, path: tuple[str, ...], keys: dict[tuple[tuple[str, ...], str], str]) -> Type:
    """The same type with the payload's keys; lists and maps add nothing to a path."""
    if type_.kind != "STRUCT":
        return replace(type_, fields=tuple((n, _keyed(t, path, keys)) for n, t in type_.fields))
    own = tuple(keys.get((path, name), name) for name, _ in type_.fields)
    fields = tuple((name, _keyed(t, (*path, key), keys)) for (name, t), key in zip(type_.fields, own, strict=True))
    return replace(type_, fields=fields, keys=own)


def printed(type_: Type) -> str:
    """DuckDB's spelling."""
    return str(_parse(type_.sql(), "")) if type_.fields else type_.sql()


def _stored(node: DuckDBPyType, column: str, level: int) -> Type:
    kind = str(node)
    if kind in _STORED:
        return _STORED[kind]
    children: list[tuple[str, Any]] = node.children if node.id in ("decimal", "struct", "list", "array", "map", "union", "enum") else []
    if node.id == "decimal":
        return Type("DECIMAL", int(children[0][1]), int(children[1][1]))
    if node.id == "enum":
        return VARCHAR
    if level > MOST_LEVELS:
        raise RefusedError(f"Column {column}: more than {MOST_LEVELS} levels of types.", hint=f"declare it: ({quote(column)} JSON)")
    if node.id in ("list", "array"):
        return Type("LIST", fields=(("element", _stored(children[0][1], column, level + 1)),))
    if node.id in ("struct", "map", "union"):
        members = children[1:] if node.id == "union" else children
        fields = tuple((name, _stored(child, column, level + 1)) for name, child in members)
        return Type("MAP" if node.id == "map" else "STRUCT", fields=fields)
    raise RefusedError(f"Column {column}: {kind} has no Iceberg type.", hint=_INSTEAD.get(kind, "use VARCHAR"))


_INSTEAD = {"TIME WITH TIME ZONE": "use TIME or VARCHAR", "VARIANT": "use JSON", "BIGNUM": "use DECIMAL(38,0) or VARCHAR"}
_lock = threading.Lock()
_connection: DuckDBPyConnection | None = None


def _parse(text: str, column: str) -> DuckDBPyType:
    """DuckDB reads the type, so that every spelling it knows is known here."""
    global _connection
    with _lock:
        if _connection is None:
            _connection = duckdb.connect(":memory:", config={"threads": "1", "autoinstall_known_extensions": "false"})
        try:
            return duckdb.type(text, connection=_connection)
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0].partition(": ")[2] or str(error)
            raise BadValueError(f"Column {column}: {text} is not a type: {reason}",
                                hint="for example BIGINT, DOUBLE, VARCHAR, TIMESTAMPTZ") from None
