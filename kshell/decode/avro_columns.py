"""Columns of the arrays that pyruhvro makes: logical types, ranges and shapes, for a whole array at once.

Invariant: a function here gives what the exact form gives for each value, or raises Doubt or an error of Arrow's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kshell.decode import avro_logical
from kshell.decode.avro_schema import Node
from kshell.decode.types import Type
from kshell.decode.verdict import OBJECT_KEYS

Convert = Callable[[pa.Array], pa.Array]
_ZEROS, _ONES = pa.scalar(bytes(16), pa.binary()), pa.scalar(b"\xff" * 16, pa.binary())
_NEGATIVE = pa.scalar(b"\x80", pa.binary())


class Doubt(Exception):
    """The exact form must look at one of the records."""


# ---- nested ----------------------------------------------------------------------------------------------------

def struct(target: Type, children: Mapping[str, tuple[int, Convert]]) -> Convert:
    """Members by name from (place, convert); the others are NULL."""
    kinds = target.arrow()

    def convert(array: pa.Array) -> pa.Array:
        parts = _children(array)
        return _struct(kinds, {name: inner(parts[place]) for name, (place, inner) in children.items()}, array.is_null())
    return convert


def _children(array: pa.Array) -> list[pa.Array]:
    """The members of a record, NULL where it is. A union knows no NULL, and asking Arrow for one ends the process."""
    members = [array.field(i) for i in range(array.type.num_fields)]
    if not array.null_count:
        return members
    return [member if pa.types.is_union(member.type) else pc.struct_field(array, [i]) for i, member in enumerate(members)]


def union(target: Type, children: Mapping[str, tuple[int, Convert]], null: int | None) -> Convert:
    """A struct of which the member of the branch is not NULL. Each branch is a record of one field."""
    kinds = target.arrow()

    def convert(array: pa.Array) -> pa.Array:
        codes = array.type_codes
        parts: dict[str, pa.Array] = {}
        for name, (place, inner) in children.items():
            own = pc.equal(codes, pa.scalar(place, pa.int8()))
            value = inner(_children(array.field(place))[0].filter(own))
            parts[name] = _spread(value, own)
        empty = pc.equal(codes, pa.scalar(null, pa.int8())) if null is not None else pa.array([False] * len(array), pa.bool_())
        return _struct(kinds, parts, empty)
    return convert


def _spread(values: pa.Array, mask: pa.Array) -> pa.Array:
    """The values at the places of the mask, in order, and NULL at the others."""
    places = pc.cumulative_sum(mask.cast(pa.int64()))
    return values.take(pc.if_else(mask, pc.subtract(places, 1), pa.scalar(None, pa.int64())))


def _struct(kinds: pa.StructType, parts: Mapping[str, pa.Array], null: pa.Array) -> pa.Array:
    arrays = [parts[field.name] if field.name in parts else pa.nulls(len(null), field.type) for field in kinds]
    return pa.StructArray.from_arrays(arrays, fields=list(kinds), mask=null)


def repeated(target: Type, item: Convert) -> Convert:
    """LIST and MAP. A map that repeats a key, or has more than the limit, is for the exact form."""
    kinds = target.arrow()

    def convert(array: pa.Array) -> pa.Array:
        null = array.is_null() if array.null_count else None
        if target.kind == "LIST":
            return pa.ListArray.from_arrays(array.offsets, item(array.values), type=kinds, mask=null)
        _distinct(array)
        _text(array.keys)
        return pa.MapArray.from_arrays(array.offsets, array.keys, item(array.items), type=kinds, mask=null)
    return convert


def _distinct(array: pa.Array) -> None:
    lengths = pc.subtract(array.offsets[1:], array.offsets[:-1])
    if len(array) and pc.max(lengths).as_py() > OBJECT_KEYS:
        raise Doubt
    if len(array) and pc.max(lengths).as_py() > 1:
        rows = pc.list_parent_indices(pa.ListArray.from_arrays(array.offsets, array.keys))
        pairs = pa.table({"row": rows, "key": array.keys.view(pa.binary())})
        if pairs.group_by(["row", "key"]).aggregate([]).num_rows < pairs.num_rows:
            raise Doubt


def _text(array: pa.Array) -> pa.Array:
    array.validate(full=True)
    return array


# ---- scalars ---------------------------------------------------------------------------------------------------

def scalar(node: Node, target: Type) -> Convert:
    kinds = target.arrow()
    if node.logical:
        inner = _logical(node, target)
        return lambda array: inner(_natural(node, array))
    return lambda array: _natural(node, array).cast(kinds)


def _natural(node: Node, array: pa.Array) -> pa.Array:
    """The underlying type, in its range."""
    if node.kind == "int":
        return array.cast(pa.int32())
    if node.kind == "enum":
        return pa.array(node.symbols, pa.string()).take(array)
    if node.kind == "string":
        return _text(array)
    if node.kind == "bytes":
        return array.view(pa.binary())
    return _fixed(array) if node.kind == "fixed" else array


def _fixed(array: pa.Array) -> pa.Array:
    """A record of doubles and perhaps a float, as the bytes that they were."""
    parts = [part.view(pa.binary(part.type.bit_width // 8)).cast(pa.binary()) for part in _children(array)]
    return pc.binary_join_element_wise(*parts, b"") if len(parts) > 1 else parts[0]


def _logical(node: Node, target: Type) -> Convert:
    kinds = target.arrow()
    if node.logical == "decimal":
        return lambda array: _decimal(array, node.precision, node.scale).cast(kinds)
    if node.logical == "uuid":
        return _uuid_of_fixed if node.kind == "fixed" else _uuid
    if node.logical == "duration":
        return lambda array: pa.array([None if raw is None else avro_logical.duration(raw) for raw in array.to_pylist()], pa.string())
    if node.logical == "date":
        return lambda array: _within(array, avro_logical.FIRST_DAY, avro_logical.LAST_DAY).cast(kinds)
    what, _, unit = node.logical.rpartition("-")
    times, over = avro_logical.PER_MICRO[unit]
    first, last = (0, avro_logical.DAY_US - 1) if what == "time" else (avro_logical.FIRST_US, avro_logical.LAST_US)

    def convert(array: pa.Array) -> pa.Array:
        whole = array.cast(pa.int64())
        if over > 1:
            whole = pc.floor_temporal(whole.cast(pa.timestamp("ns")), unit="microsecond").cast(pa.timestamp("us")).cast(pa.int64())
        return _within(pc.multiply_checked(whole, times), first, last).cast(kinds)
    return convert


def _within(array: pa.Array, first: int, last: int) -> pa.Array:
    found: Any = pc.min_max(array)
    if found["min"].is_valid and not first <= found["min"].as_py() <= found["max"].as_py() <= last:
        raise Doubt
    return array


def _decimal(raw: pa.Array, precision: int, scale: int) -> pa.Array:
    """Two's complement with its first byte first, of up to 16 bytes: turned around and filled up it is Arrow's own form."""
    longest = pc.max(pc.binary_length(raw)).as_py()
    if longest is not None and longest > 16:
        raise Doubt
    if not len(raw):
        return pa.nulls(0, pa.decimal128(precision, scale))
    filled = raw.fill_null(b"\x00")
    negative = pc.greater_equal(pc.binary_slice(filled, 0, 1), _NEGATIVE)
    signs = pc.if_else(negative, _ONES, _ZEROS)
    data = pc.binary_slice(pc.binary_join_element_wise(pc.binary_reverse(filled), signs, b""), 0, 16)
    unscaled = pa.Array.from_buffers(pa.decimal128(precision, scale), len(raw), [None, data.buffers()[2]])
    unscaled.validate(full=True)
    return pc.if_else(raw.is_valid(), unscaled, pa.scalar(None, unscaled.type)) if raw.null_count else unscaled


def _uuid(array: pa.Array) -> pa.Array:
    if pc.all(pc.match_substring_regex(array, f"^{avro_logical.UUID}$")).as_py() is False:
        raise Doubt
    return pc.ascii_lower(array)


def _uuid_of_fixed(array: pa.Array) -> pa.Array:
    return pa.array([None if raw is None else avro_logical.uuid(raw) for raw in array.to_pylist()], pa.string())
