"""Avro types as column types: the table of the documentation.

Invariant: a type depends on the schema alone. Where a node has no type (null, or a record without fields) it has no column."""

from __future__ import annotations

from collections.abc import Iterable

from kshell.columns import KEY, Column, quote
from kshell.decode.avro_schema import Node, parse
from kshell.decode.schema_types import Field, column, inferred, struct
from kshell.decode.types import Type
from kshell.decode.unusable import Unusable
from kshell.decode.values import Inference
from kshell.errors import RefusedError
from kshell.schemas.values import Schema

DIGITS = 38
_SCALARS = {"boolean": "BOOLEAN", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "string": "VARCHAR",
            "bytes": "BLOB", "fixed": "BLOB", "enum": "VARCHAR"}
_NESTED = {"record": "STRUCT", "union": "STRUCT", "array": "LIST", "map": "MAP"}
_LOGICAL = {"uuid": "UUID", "date": "DATE", "time-millis": "TIME", "time-micros": "TIME", "duration": "VARCHAR",
            "timestamp-millis": "TIMESTAMP WITH TIME ZONE", "timestamp-micros": "TIMESTAMP WITH TIME ZONE",
            "timestamp-nanos": "TIMESTAMP WITH TIME ZONE", "local-timestamp-millis": "TIMESTAMP",
            "local-timestamp-micros": "TIMESTAMP", "local-timestamp-nanos": "TIMESTAMP"}


def type_of(node: Node) -> Type | None:
    """The type, or None: no column. Unusable: a decimal with too many digits."""
    if node.logical == "decimal":
        if node.precision > DIGITS:
            raise Unusable("TYPE_UNSUPPORTED", f"Avro decimal({node.precision},{node.scale}) needs more than {DIGITS} digits.")
        return Type("DECIMAL", node.precision, node.scale)
    if node.kind == "record":
        return struct(typed(node.fields))
    if node.kind == "union":
        return _union(node)
    if node.kind in ("array", "map"):
        inner = type_of(node.item)
        kind, key = ("LIST", ()) if node.kind == "array" else ("MAP", (("key", Type("VARCHAR")),))
        return Type(kind, fields=(*key, ("element" if node.kind == "array" else "value", inner))) if inner is not None else None
    if node.kind == "null":
        return None
    return Type(_LOGICAL.get(node.logical) or _SCALARS[node.kind])


def _union(node: Node) -> Type | None:
    branches = node.branches
    if len(branches) > 1:
        return struct(typed(zip(members(node), branches, strict=True)))
    return type_of(branches[0]) if branches else None


def members(node: Node) -> list[str]:
    """The names of a union's branches: of their types; of two types of one name the full ones."""
    short = [branch.name.rpartition(".")[2] or branch.kind for branch in node.branches]
    return [branch.name.replace(".", "_") if branch.name and short.count(name) > 1 else name
            for name, branch in zip(short, node.branches, strict=True)]


def typed(fields: Iterable[tuple[str, Node]]) -> list[Field]:
    return [(key, type_) for key, node in fields if (type_ := type_of(node)) is not None]


def top(node: Node) -> tuple[tuple[str, Node], ...]:
    """The fields that are columns: those of the record, or the one `value`."""
    return node.fields if node.kind == "record" else (("value", node),)


def wanted(node: Node) -> list[Field]:
    """The columns that a schema asks for; a field that no type holds asks for none."""
    fields: list[Field] = []
    for key, inner in top(node):
        try:
            fields += typed([(key, inner)])
        except Unusable:
            continue
    return fields


def spare(node: Node, target: Type) -> int:
    """How many fields below a node have no place in a column of the type."""
    if node.kind == "union" and len(node.branches) == 1:
        return spare(node.branches[0], target)
    if target.kind != _NESTED.get(node.kind):
        return 0
    if node.kind in ("array", "map"):
        return spare(node.item, target.item)
    fields = zip(members(node), node.branches, strict=True) if node.kind == "union" else node.fields
    places = {target.key_of(name): type_ for name, type_ in target.fields}
    return sum(spare(inner, places[key]) if key in places else inner.least > 0 for key, inner in fields)


def infer(schema: Schema) -> Inference:
    """The columns at CREATE. RefusedError: no table can hold them."""
    try:
        node = parse(schema)
    except Unusable as unusable:
        raise RefusedError(f"{unusable.code}: {unusable.message}", hint=unusable.hint) from None
    fields: list[Field] = []
    for key, inner in top(node):
        try:
            fields += typed([(key, inner)])
        except Unusable as unusable:
            raise RefusedError(f"{unusable.code}: Column {key}: {unusable.message}", hint=f"declare it: ({quote(key)} VARCHAR)") from None
    notices = [f"field {quote(key)} has nanoseconds; they are cut to microseconds" for key, inner in top(node) if _nanos(inner)]
    return inferred(fields, notices)


def infer_key(schema: Schema) -> Column:
    """`_kafka_key`: the whole key in one column."""
    try:
        type_ = type_of(parse(schema))
    except Unusable as unusable:
        raise RefusedError(f"{unusable.code}: {KEY}: {unusable.message}", hint="keep the bytes: KEY_FORMAT raw") from None
    if type_ is None:
        raise RefusedError(f"{KEY}: the schema of the keys has no field", hint="keep the bytes: KEY_FORMAT raw")
    return column(KEY, KEY, type_)


def _nanos(node: Node) -> bool:
    return node.logical.endswith("-nanos") or any(_nanos(inner) for _, inner in node.fields)
