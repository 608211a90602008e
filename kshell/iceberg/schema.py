"""Columns and the Iceberg schema that holds them, in both directions.

Invariant: the committed table decides every type. A column is optional at every level, and the DuckDB type named here is the
one `iceberg_scan` gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from duckdb.sqltypes import DuckDBPyType
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from kshell.columns import Column, is_metadata, quote
from kshell.errors import RefusedError
from kshell.iceberg.values import Head, Stop, StopState

FORMAT_VERSION = 2
_PLAIN: dict[str, IcebergType] = {
    "boolean": BooleanType(), "integer": IntegerType(), "bigint": LongType(), "float": FloatType(), "double": DoubleType(),
    "date": DateType(), "time": TimeType(), "timestamp": TimestampType(), "timestamp with time zone": TimestamptzType(),
    "varchar": StringType(), "uuid": UUIDType(), "blob": BinaryType(),
}
_NAMES = {type(t): n.upper() for n, t in _PLAIN.items()} | {FixedType: "BLOB"}


# ---- DuckDB to Iceberg -------------------------------------------------------------------------------------------

def iceberg_type(duckdb_type: str) -> IcebergType:
    """The Iceberg type of a storage type (types.md 2). Field ids are placeholders: the catalog assigns them."""
    return _convert(DuckDBPyType(duckdb_type), _Ids())


class _Ids:
    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last += 1
        return self._last


def _convert(type_: DuckDBPyType, ids: _Ids) -> IcebergType:
    if type_.id in _PLAIN:
        return _PLAIN[type_.id]
    children: list[tuple[str, Any]] = list(type_.children) if type_.id in ("decimal", "struct", "list", "map") else []
    if type_.id == "decimal":
        return DecimalType(children[0][1], children[1][1])
    if type_.id == "struct":
        return StructType(*(NestedField(ids.next(), name, _convert(t, ids), required=False) for name, t in children))
    if type_.id == "list":
        return ListType(ids.next(), _convert(children[0][1], ids), element_required=False)
    if type_.id == "map":
        return MapType(ids.next(), _convert(children[0][1], ids), ids.next(), _convert(children[1][1], ids), value_required=False)
    raise RefusedError(f"{type_} has no Iceberg type")


def new_schema(columns: Sequence[Column]) -> Schema:
    ids = _Ids()
    return Schema(*(NestedField(ids.next(), c.name, _convert(DuckDBPyType(c.type), ids), required=False) for c in columns))


# ---- Iceberg to DuckDB -------------------------------------------------------------------------------------------

def duckdb_type(type_: IcebergType) -> str:
    """The type that iceberg_scan shows, as DuckDB prints it."""
    if type(type_) in _NAMES:
        return _NAMES[type(type_)]
    return str(DuckDBPyType(_text(type_)))


def _text(type_: IcebergType) -> str:
    if isinstance(type_, DecimalType):
        return f"DECIMAL({type_.precision},{type_.scale})"
    if isinstance(type_, StructType):
        return "STRUCT(" + ", ".join(f"{quote(f.name)} {_text(f.field_type)}" for f in type_.fields) + ")"
    if isinstance(type_, ListType):
        return f"{_text(type_.element_type)}[]"
    if isinstance(type_, MapType):
        return f"MAP({_text(type_.key_type)}, {_text(type_.value_type)})"
    if type(type_) not in _NAMES:
        raise RefusedError(f"Iceberg's type {type_} has no DuckDB type that kshell reads and writes alike")
    return _NAMES[type(type_)]


def table_columns(schema: Schema) -> tuple[Column, ...]:
    """Every column of the table, in its order."""
    return tuple(Column(f.name, duckdb_type(f.field_type)) for f in schema.fields)


# ---- a source on an existing table -------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Fit:
    columns: tuple[Column, ...]               # the source's columns that the table has, with the table's types
    missing: tuple[Column, ...]               # metadata columns to add to the table
    notes: tuple[str, ...]


def require_version(version: int, table: str) -> None:
    if version != FORMAT_VERSION:
        raise RefusedError(f"FORMAT_VERSION: Table {table} has Iceberg format version {version}; kshell writes version {FORMAT_VERSION}.",
                           hint=f"use a version {FORMAT_VERSION} table")


def reconcile(columns: Iterable[Column], schema: Schema, *, inferred: bool, table: str, sink: str, before: Schema | None = None,
              evolves: bool = False) -> Fit:
    """What a source writes into this table. `before`: the schema of our last commit; None: this sink has committed nothing."""
    fields = {f.name: f for f in schema.fields}
    kept: list[Column] = []
    missing: list[Column] = []
    notes: list[str] = []
    for column in columns:
        field = fields.get(column.name)
        if field is not None:
            kept.append(_typed(column, field, inferred=inferred, evolves=evolves, table=table, notes=notes))
        elif is_metadata(column.name) and not _was_there(column, before):
            missing.append(column)
        elif not (inferred or evolves) or _was_there(column, before):
            raise _column_missing(column, table, sink, gone=_was_there(column, before))
        else:
            then = "added with the first record that has it" if evolves else "not read"
            notes.append(f"column {column.name} is not in {table} and is {then}")
    _no_unfilled(fields.values(), kept, table)
    return Fit((*kept, *missing), tuple(missing), tuple(notes))


def _was_there(column: Column, before: Schema | None) -> bool:
    return before is not None and any(f.name == column.name for f in before.fields)


def _column_missing(column: Column, table: str, sink: str, *, gone: bool) -> Stop:
    what = f"Table {table} has no column {column.name}."
    if gone:
        what = f"Column {column.name} of {table} was dropped or renamed by another writer."
    return Stop(StopState.COLUMN_MISSING, what, f"put it back, or: CREATE OR REPLACE SINK {sink} AS SELECT <the others> ...")


def _typed(column: Column, field: NestedField, *, inferred: bool, evolves: bool, table: str, notes: list[str]) -> Column:
    committed = duckdb_type(field.field_type)
    if str(DuckDBPyType(column.type)) == committed:
        return replace(column, type=committed)
    free = inferred and not is_metadata(column.name)
    ours, theirs = iceberg_type(column.type), field.field_type
    if free or _within(ours, theirs) or (evolves and _within(theirs, ours)):
        notes.append(f"column {column.name} has the type {committed} of {table}")
        return replace(column, type=committed, json_text=column.json_text and committed == "VARCHAR")
    raise Stop(StopState.TYPE_MISMATCH, f"Column {column.name} is {column.type} in the source and {committed} in {table}.",
               f"declare it as the table has it: {quote(column.name)} {committed}")


def _within(ours: IcebergType, theirs: IcebergType) -> bool:
    """Every value of ours is one of theirs: the same, promoted, or with fewer fields."""
    match ours, theirs:
        case StructType(), StructType():
            fields = {f.name: f.field_type for f in theirs.fields}
            return all(f.name in fields and _within(f.field_type, fields[f.name]) for f in ours.fields)
        case ListType(), ListType():
            return _within(ours.element_type, theirs.element_type)
        case MapType(), MapType():
            return _within(ours.key_type, theirs.key_type) and _within(ours.value_type, theirs.value_type)
    return ours == theirs or widened(ours, theirs)


def widened(ours: IcebergType, theirs: IcebergType) -> bool:
    """The promotions that Iceberg allows: another engine made them, old files are read as the wider type."""
    if isinstance(ours, IntegerType):
        return isinstance(theirs, LongType)
    if isinstance(ours, FloatType):
        return isinstance(theirs, DoubleType)
    if isinstance(ours, DecimalType) and isinstance(theirs, DecimalType):
        return ours.scale == theirs.scale and ours.precision < theirs.precision
    return False


def _no_unfilled(fields: Iterable[NestedField], kept: Sequence[Column], table: str) -> None:
    types = {f.name: duckdb_type(f.field_type) for f in fields if f.required}
    _require_filled(types, kept, table)


def _require_filled(required: Mapping[str, str], kept: Sequence[Column], table: str) -> None:
    filled = {c.name for c in kept if c.not_null}
    for name, type_ in required.items():
        if name not in filled:
            source = "which the source does not have" if name not in {c.name for c in kept} else "and the source may leave it NULL"
            raise Stop(StopState.SCHEMA_REFUSED, f"Table {table} requires column {name}, {source}.",
                       f"make it optional, or declare it in the source: {quote(name)} {type_} NOT NULL")


def require_fit(head: Head, columns: Sequence[Column], table: str, sink: str) -> None:
    """A schema that others have changed, held against what lands: columns that are gone or required stop the sink, others do not."""
    types = {c.name: c.type for c in head.columns}
    for column in columns:
        if column.name not in types:
            raise _column_missing(column, table, sink, gone=True)
    _require_filled({name: types[name] for name in head.required}, columns, table)
