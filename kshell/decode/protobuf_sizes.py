"""How many bytes a writer takes for messages that were decoded, computed from their columns for all of them at once.

Invariant: exact for numbers in as few bytes as they need, lists packed as their schema says and each field once, which is how every
writer spells them. Whatever else a record holds makes it longer than that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from kshell.decode.protobuf_arrow import member
from kshell.decode.protobuf_messages import FIXED32, FIXED64, LENGTH, Field, Message, tag_bytes
from kshell.decode.protobuf_wire import MOMENT

_FIXED = {FIXED64: 8, FIXED32: 4}
_LONGEST = 10                                 # bytes of a negative number
_INT = pa.int32()
_ZERO = pa.scalar(0, _INT)


@dataclass(slots=True)
class Size:
    """A number for all of them, and arrays of what each takes beyond it. Sums are put off: most lengths are known to fit in one byte
    without them."""

    number: int = 0
    parts: list[pa.Array] = field(default_factory=list)
    most: int = 0                             # of the sum of the arrays

    def add(self, other: Size) -> None:
        self.number, self.most = self.number + other.number, self.most + other.most
        self.parts.extend(other.parts)

    def sum(self) -> pa.Array | pa.Scalar:
        return reduce(pc.add, self.parts, pa.scalar(self.number, _INT))


def written(message: Message, column: Callable[[str], pa.Array]) -> Size:
    """Of each message, without its own tag and length."""
    total = Size()
    for own in message.fields:
        found = column(member(own))
        total.add(_list(own, found) if own.repeated else _single(own, found))
    return total


def inner(own: Field) -> Message | None:
    """The message that a field is on the wire."""
    return MOMENT if own.form in ("timestamp", "duration") else own.message


def _single(own: Field, found: pa.Array) -> Size:
    size = _value(own, found)
    size.number += tag_bytes(own.number)
    if not found.null_count:
        return size
    return Size(0, [pc.if_else(found.is_valid(), size.sum(), _ZERO)], size.number + size.most)


def _list(own: Field, found: pa.Array) -> Size:
    count, size, tag = pc.list_value_length(found), _value(own, found.values), tag_bytes(own.number)
    if not own.packed:
        size.number += tag
    payload = _sums(found, size.sum()) if size.parts else pc.multiply(count, pa.scalar(size.number, _INT))
    size = Size(0, [payload], pc.max(payload).as_py() or 0)
    if not own.packed:
        return size
    packed = _delimited(size)
    packed.number += tag
    return Size(0, [pc.if_else(pc.greater(count, 0), packed.sum(), _ZERO)], packed.number + packed.most)


def _value(own: Field, values: pa.Array) -> Size:
    """Without a tag; with the length where one stands before it."""
    message = inner(own)
    if message is not None:
        return _delimited(written(message, values.field))
    if own.wire == LENGTH:
        lengths = pc.binary_length(values)
        return _delimited(Size(0, [lengths], pc.max(lengths).as_py() or 0))
    if own.wire in _FIXED or own.form == "bool":
        return Size(_FIXED.get(own.wire, 1))
    if own.form in ("sint32", "sint64"):      # zigzag: n is spelled as 2n, -n as 2n - 1
        wide = values.cast(pa.int64())
        return _number(pc.bit_wise_xor(pc.shift_left(wide, 1), pc.shift_right(wide, 63)))
    return _number(values)


def _delimited(size: Size) -> Size:
    """With the number that is the length."""
    if size.number + size.most < 128:
        size.number += 1
    elif size.parts:
        size.add(_number(size.sum()))
    else:
        size.number += (size.number.bit_length() + 6) // 7
    return size


def _number(values: pa.Array) -> Size:
    """Bytes of each number; those below zero have all of them."""
    bounds = pc.min_max(values)
    low, high = bounds["min"].as_py() or 0, bounds["max"].as_py() or 0
    steps = [pa.scalar(1 << bits, values.type) for bits in range(7, 64, 7) if high >= 1 << bits]
    size = Size(1, [pc.greater_equal(values, step).cast(_INT) for step in steps], len(steps))
    if low >= 0:
        return size
    return Size(0, [pc.if_else(pc.less(values, pa.scalar(0, values.type)), pa.scalar(_LONGEST, _INT), size.sum())], _LONGEST)


def _sums(found: pa.Array, sizes: pa.Array) -> pa.Array:
    """The sum of each list."""
    totals = pa.concat_arrays([pa.array([0], _INT), pc.cumulative_sum(sizes)])
    ends = totals.take(found.offsets)
    return pc.subtract(ends.slice(1), ends.slice(0, len(found)))
