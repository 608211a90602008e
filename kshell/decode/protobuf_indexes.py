"""The message indexes after a frame: which message of its schema each record is, and where the body begins.

Most batches have one: it is read from one record and compared with all of them at once.

Invariant: the groups hold each record exactly once, in the order of the batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from kshell.decode.verdict import Verdict
from kshell.schemas.frame import Frame

MOST_GROUPS = 32                              # found by comparing; beyond, record by record
MOST_INDEXES = 32                             # levels of messages within messages
Indexes = tuple[int, ...]


class Group(NamedTuple):
    """`indexes` None: the record names no message. A Verdict: all of these records are bad. `places` None: all that were given."""

    indexes: Indexes | Verdict | None
    places: pa.Array | None
    body_at: int


def groups(values: pa.Array, frame: Frame) -> Iterator[Group]:
    """`values` have this frame."""
    if frame.id is None and frame.guid is None:
        yield Group(None, None, 0)
    elif frame.body_at == 0:                  # the frame is in a header, and so are the indexes
        yield Group(read(frame.indexes or b"\0", 0)[0], None, 0)
    else:
        yield from _compared(values, frame.body_at)


def _compared(values: pa.Array, at: int) -> Iterator[Group]:
    places: pa.Array | None = None
    left = values
    for _ in range(MOST_GROUPS):
        first = left[0].as_py()
        indexes, body_at = read(first, at)
        same = pc.equal(left, first) if isinstance(indexes, Verdict) else pc.equal(pc.binary_slice(left, at, body_at), first[at:body_at])
        if pc.all(same).as_py():
            yield Group(indexes, places, body_at)
            return
        places = pa.array(range(len(values)), pa.int64()) if places is None else places
        yield Group(indexes, places.filter(same), body_at)
        places = places.filter(pc.invert(same))
        left = values.take(places)
    found: dict[tuple[Indexes, int], list[int]] = {}
    for place, value in zip(places.to_pylist() if places is not None else (), left.to_pylist(), strict=True):
        indexes, body_at = read(value, at)
        if isinstance(indexes, Verdict):
            yield Group(indexes, pa.array([place], pa.int64()), at)
        else:
            found.setdefault((indexes, body_at), []).append(place)
    for (mine, body_at), held in found.items():
        yield Group(mine, pa.array(held, pa.int64()), body_at)


def read(data: bytes, at: int) -> tuple[Indexes | Verdict, int]:
    """(a count and so many numbers, in zigzag; position after them). The count 0 stands for the first message."""
    try:
        count, at = _number(data, at)
        if count == 0:
            return (0,), at
        if not 0 < count <= MOST_INDEXES:
            raise Verdict("PROTO_INDEX", f"{count:,} message indexes; at most {MOST_INDEXES} are read")
        indexes = []
        for _ in range(count):
            index, at = _number(data, at)
            indexes.append(index)
        return tuple(indexes), at
    except Verdict as verdict:
        return verdict, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            raise Verdict("PROTO_INDEX", "the message indexes go on after the last byte")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value >> 1 ^ -(value & 1), at
    raise Verdict("PROTO_INDEX", "a message index has more than 32 bits")
