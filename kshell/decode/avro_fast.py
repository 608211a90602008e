"""The fast form of Avro: pyruhvro reads a writer's schema of the few kinds that it is certain of, Arrow makes the columns of them.

pyruhvro panics on bytes, fixed and most logical types, wraps integers that are too large, checks no UTF-8 and takes no notice of bytes
after the record. So it never sees the writer's schema, but one of the same bytes on the wire that has only boolean, long, float,
double, string, records, arrays, maps and unions: int and enum are a long, bytes a string, fixed(16) a record of two doubles. Behind
each record stands a number drawn for this process, the last field of that schema: where bytes are left over, or missing, another one
is read.

Invariant: what is accepted here is what the exact form says; anything else is Doubt, and then nothing was decoded."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kshell.columns import Column
from kshell.decode import avro_columns
from kshell.decode.avro_columns import Doubt
from kshell.decode.avro_schema import Node
from kshell.decode.avro_types import members, top, type_of
from kshell.decode.schema_types import merged
from kshell.decode.types import Type, of
from kshell.decode.unusable import Unusable
from kshell.decode.verdict import VALUE_BYTES

__all__ = ["Doubt", "Fast", "plan"]

_SENTINEL = secrets.randbits(62) | 1 << 61
_FAR = 2**31 - 1
_LARGEST_FIXED = 1_024                        # bytes: each eight of them are a field
Convert = Callable[[pa.Array], pa.Array]
Planned = tuple[Any, Convert | None]          # a schema of the same bytes, and what makes the column's values of it


class _Slow(Exception):
    """Only the exact form can do this; says what."""


def _zigzag(value: int) -> bytes:
    left, out = value << 1, bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


_END = pa.scalar(_zigzag(_SENTINEL), pa.binary())


def plan(node: Node, columns: Sequence[Column], rest: bool) -> tuple[Fast | None, str | None]:
    """The fast form, or why there is none. `rest`: fields become JSON text."""
    if rest:
        return None, "fields without a column become JSON text"
    try:
        return Fast(node, columns), None
    except _Slow as slow:
        return None, str(slow)


class Fast:
    """One writer's schema with the columns of the source."""

    def __init__(self, node: Node, columns: Sequence[Column]) -> None:
        deep = next((c for c in columns if len(c.source_path) > 1), None)
        if deep is not None:
            raise _Slow(f"column {deep.name} has a path")
        wanted = {c.source_path[0]: (i, c) for i, c in enumerate(columns)}
        planner = _Planner()
        fields: list[Any] = []
        self._steps: list[tuple[int, int, Convert]] = []          # (column, field, convert)
        for key, inner in top(node):
            index, column = wanted.get(key, (-1, None))
            what = f"column {column.name}" if column is not None else f"field {key}"
            schema, convert = planner.plan(inner, of(column) if column is not None else None, what)
            if schema is None:
                continue
            if column is not None and convert is not None:
                self._steps.append((index, len(fields), convert))
            fields.append(schema)
        self._end = len(fields)
        self._schema = json.dumps(planner.record([*fields, "long"]))
        self._columns = columns
        self._empty = [of(c).arrow() for c in columns]

    def columns(self, data: pa.Array, at: int) -> list[pa.Array]:
        """The payload columns of the records, whose bodies begin at `at`. Raises Doubt."""
        if pc.max(pc.binary_length(data)).as_py() > VALUE_BYTES:
            raise Doubt
        body = pc.binary_slice(data, at, _FAR) if at else data
        found = self._decode(pc.binary_join_element_wise(body, _END, b"").to_pylist())
        try:
            if not pc.all(pc.equal(found.column(self._end), _SENTINEL)).as_py():
                raise Doubt
            arrays: list[pa.Array] = [None] * len(self._columns)
            for index, field, convert in self._steps:
                arrays[index] = convert(found.column(field))
        except (pa.ArrowException, ValueError, IndexError):
            raise Doubt from None
        for index, column in enumerate(self._columns):
            if arrays[index] is None:
                arrays[index] = pa.nulls(len(data), self._empty[index])
            if column.not_null and arrays[index].null_count:
                raise Doubt
        return arrays

    def _decode(self, records: list[bytes]) -> pa.RecordBatch:
        import pyruhvro

        try:
            return pyruhvro.deserialize_array(records, self._schema)
        except ValueError:
            raise Doubt from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise Doubt from None


class _Planner:
    """Schemas of the same bytes; each record in them has a name of its own."""

    def __init__(self) -> None:
        self._records = 0

    def record(self, fields: Sequence[Any]) -> dict[str, Any]:
        self._records += 1
        return {"type": "record", "name": f"r{self._records}", "fields": [{"name": f"f{i}", "type": f} for i, f in enumerate(fields)]}

    def plan(self, node: Node, target: Type | None, what: str) -> Planned:
        """None for the schema: a value has no bytes. None for the second: there is no column."""
        if not node.least:
            return None, None
        if target is not None and target.json:
            raise _Slow(f"{what} is JSON text")
        if node.kind == "union":
            return self.optional(node, target, what) if len(node.branches) == 1 else self.several(node, target, what)
        if target is not None and not _fits(node, target):
            raise _Slow(f"{what} is {target.sql()}, not of Avro's type")
        if node.kind == "record":
            return self.struct(node, target, what)
        if node.kind in ("array", "map"):
            return self.repeated(node, target, what)
        return self.scalar(node, target, what)

    def optional(self, node: Node, target: Type | None, what: str) -> Planned:
        schema, convert = self.plan(node.branches[0], target, what)
        if schema is None or len(node.fields) == 1:
            raise _Slow(f"{what} is a union of one branch, or of one without bytes")
        return ["null" if branch.kind == "null" else schema for _, branch in node.fields], convert

    def several(self, node: Node, target: Type | None, what: str) -> Planned:
        """Each branch in a record of one field, as branches that are alike on the wire would be refused."""
        if target is not None and target.kind != "STRUCT":
            raise _Slow(f"{what} is {target.sql()}, not of Avro's type")
        wanted = {target.key_of(name): (name, type_) for name, type_ in target.fields} if target is not None else {}
        names = iter(members(node))
        schemas: list[Any] = []
        children: dict[str, tuple[int, Convert]] = {}
        for index, (_, branch) in enumerate(node.fields):
            if branch.kind == "null":
                schemas.append("null")
                continue
            name, type_ = wanted.get(next(names), ("", None))
            schema, convert = self.plan(branch, type_, what)
            if schema is None:
                raise _Slow(f"{what} has a branch without bytes")
            schemas.append(self.record([schema]))
            if convert is not None and type_ is not None:
                children[name] = (index, convert)
        null = next((i for i, (_, branch) in enumerate(node.fields) if branch.kind == "null"), None)
        return schemas, avro_columns.union(target, children, null) if target is not None else None

    def struct(self, node: Node, target: Type | None, what: str) -> Planned:
        wanted = {target.key_of(name): (name, type_) for name, type_ in target.fields} if target is not None else {}
        schemas: list[Any] = []
        children: dict[str, tuple[int, Convert]] = {}
        for key, inner in node.fields:
            name, type_ = wanted.get(key, ("", None))
            schema, convert = self.plan(inner, type_, what)
            if schema is None:
                continue
            if convert is not None and type_ is not None:
                children[name] = (len(schemas), convert)
            schemas.append(schema)
        return self.record(schemas), avro_columns.struct(target, children) if target is not None else None

    def repeated(self, node: Node, target: Type | None, what: str) -> Planned:
        schema, convert = self.plan(node.item, target.item if target is not None else None, what)
        if schema is None:
            raise _Slow(f"{what} has items without bytes")
        whole = {"type": "array", "items": schema} if node.kind == "array" else {"type": "map", "values": schema}
        if target is None or convert is None:
            return whole, None
        return whole, avro_columns.repeated(target, convert)

    def scalar(self, node: Node, target: Type | None, what: str) -> Planned:
        if node.kind == "fixed":
            if node.size % 4 or node.size > _LARGEST_FIXED:
                raise _Slow(f"{what} is fixed({node.size})")
            schema: Any = self.record(["double"] * (node.size // 8) + ["float"] * (node.size % 8 // 4))
        else:
            schema = {"int": "long", "enum": "long", "bytes": "string"}.get(node.kind, node.kind)
        return schema, avro_columns.scalar(node, target) if target is not None else None


def _fits(node: Node, target: Type) -> bool:
    try:
        own = type_of(node)
    except Unusable:
        return False
    return own is not None and (own == target or merged(target, own) == target)
