"""Messages as Arrow columns: no decoding, only the record's own fields.

Invariant: row i is message i. Fields are taken by `map` over the message's methods, which costs half of a comprehension, and a
list is handed to Arrow whole. Partitions and gapless offsets never become Python lists there: a run of them is two numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Message

from kshell.columns import HEADERS, KEY, OFFSET, PARTITION, TIMESTAMP, TOPIC

TP = tuple[str, int]                          # (topic, partition)

HEADERS_ARROW = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
_MILLISECONDS = pa.timestamp("ms", "UTC")
_MICROSECONDS = pa.timestamp("us", "UTC")
_OLDEST_MS, NEWEST_MS = -62_135_596_800_000, 253_402_300_799_999       # years 1 to 9999
_NO_TIMESTAMP = -1
_NO_TEXT = (UnicodeDecodeError, SystemError)    # what the client raises for a header whose name is not UTF-8


@dataclass(frozen=True, slots=True)
class Columns:
    """Which optional columns a batch has."""

    topic: bool = False
    headers: bool = False


@dataclass(slots=True)
class _Run:
    """Neighbours of one partition."""

    partition: int
    offsets: Sequence[int]

    def extend(self, partition: int, offsets: Sequence[int]) -> bool:
        """Whether they go on where this run ends: one range with it."""
        mine = self.offsets
        if partition != self.partition or not isinstance(mine, range) or not isinstance(offsets, range) or mine.stop != offsets.start:
            return False
        self.offsets = range(mine.start, offsets.stop)
        return True


class Gathered:
    """The fields of messages, taken while they are fresh in the processor's cache; the messages themselves may go.

    A thousand at a time this costs a fifth less than keeping ten thousand messages and asking them later."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._runs: list[_Run] = []
        self._times: list[int] = []
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._topics: list[Any] = []
        self._headers: list[Any] = []

    def take(self, messages: Sequence[Message], partition: int, offsets: Sequence[int]) -> int:
        """Messages of one partition; the bytes of their values. Their offsets, a `range` where none is missing, the caller has asked
        for anyway."""
        last = self._runs[-1] if self._runs else None
        if last is None or not last.extend(partition, offsets):
            self._runs.append(_Run(partition, offsets))
        self._times += map(itemgetter(1), map(Message.timestamp, messages))
        self._keys += map(Message.key, messages)
        values: list[Any] = list(map(Message.value, messages))
        self._values += values
        if self._columns.topic:
            self._topics += map(Message.topic, messages)
        if self._columns.headers:
            self._headers += _header_lists(messages)
        try:
            return sum(map(len, values))
        except TypeError:                     # tombstones, which only a message has a length for
            return sum(map(len, messages))

    def to_arrow(self) -> pa.RecordBatch:
        columns = {
            PARTITION: _joined([pa.repeat(pa.scalar(run.partition, pa.int32()), len(run.offsets)) for run in self._runs], pa.int32()),
            OFFSET: _joined([_offsets(run.offsets) for run in self._runs], pa.int64()),
            TIMESTAMP: _timestamps(self._times), KEY: _bytes(self._keys), "value": _bytes(self._values),
        }
        if self._columns.topic:
            columns[TOPIC] = pa.array(self._topics, pa.string())
        if self._columns.headers:
            columns[HEADERS] = _headers(self._headers)
        return pa.RecordBatch.from_pydict(columns)


def to_arrow(messages: Sequence[Message], *, topic: bool = False, headers: bool = False) -> pa.RecordBatch:
    """One row for each message."""
    gathered = Gathered(Columns(topic, headers))
    partitions: list[Any] = list(map(Message.partition, messages))
    offsets: list[Any] = list(map(Message.offset, messages))
    at = 0
    for partition, neighbours in groupby(partitions):
        end = at + len(list(neighbours))
        gathered.take(messages[at:end], partition, offsets[at:end])
        at = end
    return gathered.to_arrow()


def positions_after(messages: Iterable[Any]) -> dict[TP, int]:
    """Per partition the offset after its last message."""
    return {tp: message.offset() + 1 for tp, message in _last(messages).items()}


def leader_epochs(messages: Iterable[Any]) -> dict[TP, int | None]:
    """Per partition the leader epoch of its last message; None: the broker gave none."""
    return {tp: message.leader_epoch() for tp, message in _last(messages).items()}


def _last(messages: Iterable[Any]) -> Mapping[TP, Any]:
    return {(message.topic(), message.partition()): message for message in messages}


def _joined(arrays: list[pa.Array], type_: pa.DataType) -> pa.Array:
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays([pa.array([], type_), *arrays])


def _offsets(offsets: Sequence[int]) -> pa.Array:
    return pa.arange(offsets.start, offsets.stop) if isinstance(offsets, range) else pa.array(offsets, pa.int64())


def _bytes(values: list[bytes | None]) -> pa.Array:
    return pa.nulls(len(values), pa.binary()) if values.count(None) == len(values) else pa.array(values, pa.binary())


def _timestamps(times: list[int]) -> pa.Array:
    raw = pa.array(times, pa.int64())
    if len(raw):
        bounds = pc.min_max(raw)
        if bounds["min"].as_py() < 0 or bounds["max"].as_py() > NEWEST_MS:
            raw = _credible(raw)
    return raw.cast(_MILLISECONDS).cast(_MICROSECONDS)


def _credible(raw: pa.Array) -> pa.Array:
    """NULL where the producer gave no time, or one that no calendar holds: it would overflow at the flush."""
    good = pc.and_(pc.and_(pc.greater_equal(raw, _OLDEST_MS), pc.less_equal(raw, NEWEST_MS)), pc.not_equal(raw, _NO_TIMESTAMP))
    return pc.if_else(good, raw, pa.scalar(None, pa.int64()))


def _headers(rows: list[Any]) -> pa.Array:
    if rows.count(None) == len(rows):
        nowhere = pa.repeat(pa.scalar(0, pa.int32()), len(rows) + 1)
        return pa.ListArray.from_arrays(nowhere, pa.array([], HEADERS_ARROW.value_type), type=HEADERS_ARROW)
    return pa.array([_pairs(row) for row in rows], HEADERS_ARROW)


def _header_lists(messages: Sequence[Message]) -> list[Any]:
    """Each message is asked once. A name that is not UTF-8 raises, and leaves a list behind that ends the process when it is read:
    it is replaced by none, so one hostile record costs its own headers and nothing else."""
    rows: list[Any] = []
    asking = map(Message.headers, messages)
    while len(rows) < len(messages):
        try:
            rows.extend(asking)
        except _NO_TEXT:
            messages[len(rows)].set_headers([])
            rows.append(None)
    return rows


def _pairs(row: Any) -> list[dict[str, Any]]:
    """Order and repeats are kept: headers are a list, not a map. A record without headers has an empty one."""
    return [{"key": name, "value": value} for name, value in row or ()]
