"""How many bytes a list takes that a writer did not pack, beyond what it takes packed: ptars always packs.

Invariant: exact for numbers in as few bytes as they need, which is how every writer spells them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from kshell.decode.protobuf_messages import FIXED32, FIXED64, Field

_FIXED = {FIXED64: 8, FIXED32: 4}
_LONGEST = 10                                 # bytes of a negative number


def beyond_packed(field: Field, found: pa.Array) -> pa.Array:
    """Bytes for each list: a tag for each item but the first, less the size that a packed list begins with."""
    count = pc.list_value_length(found)
    payload = pc.multiply(count, _FIXED[field.wire]) if field.wire in _FIXED else _sums(found, _bytes(field, found.values))
    more = pc.subtract(pc.multiply(pc.subtract(count, 1), tag_bytes(field.number)), _unsigned(payload).cast(pa.int32()))
    return pc.if_else(pc.greater(count, 0), more, pa.scalar(0, pa.int32()))


def tag_bytes(number: int) -> int:
    return (number.bit_length() + 3 + 6) // 7


def _bytes(field: Field, values: pa.Array) -> pa.Array:
    if field.form == "bool":
        return pa.array([1] * len(values), pa.int32())
    if field.form in ("sint32", "sint64"):    # zigzag: n is spelled as 2n, -n as 2n - 1
        wide = values.cast(pa.int64())
        return _unsigned(pc.bit_wise_xor(pc.shift_left(wide, 1), pc.shift_right(wide, 63)), negative=_LONGEST)
    return _unsigned(values, negative=_LONGEST)


def _unsigned(values: pa.Array, negative: int = 0) -> pa.Array:
    """Bytes of each number; those below zero have all of them."""
    size = pa.array([1] * len(values), pa.int32())
    most = 9 if pa.types.is_uint64(values.type) else 8
    wide = values if pa.types.is_uint64(values.type) else values.cast(pa.int64())
    for bits in range(7, 7 * most + 1, 7):
        bound = pa.scalar(1 << bits, wide.type)
        size = pc.add(size, pc.greater_equal(wide, bound).cast(pa.int32()))
    return pc.if_else(pc.less(wide, pa.scalar(0, wide.type)), pa.scalar(negative, pa.int32()), size) if negative else size


def _sums(found: pa.Array, sizes: pa.Array) -> pa.Array:
    """The sum of each list."""
    totals = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(sizes)])
    ends = totals.take(found.offsets)
    return pc.subtract(ends.slice(1), ends.slice(0, len(found)))
