"""Messages as Arrow columns: no decoding, only the record's own fields.

Invariant: row i is message i. Fields are taken by `map` over the message's methods, which costs half of a comprehension, and a
list is handed to Arrow whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
_OLDEST_MS, _NEWEST_MS = -62_135_596_800_000, 253_402_300_799_999      # years 1 to 9999
_NO_TIMESTAMP = -1
_NO_TEXT = (UnicodeDecodeError, SystemError)    # what the client raises for a header whose name is not UTF-8


def to_arrow(messages: Sequence[Message], *, topic: bool = False, headers: bool = False, partitions: Sequence[int] | None = None,
             offsets: Sequence[int] | None = None) -> pa.RecordBatch:
    """One row for each message. `partitions` and `offsets` spare the look-up where the caller has them (`Poll.to_arrow`)."""
    columns = {
        PARTITION: pa.array(list(map(Message.partition, messages)) if partitions is None else partitions, pa.int32()),
        OFFSET: pa.array(list(map(Message.offset, messages)) if offsets is None else offsets, pa.int64()),
        TIMESTAMP: _timestamps(messages),
        KEY: _bytes(list(map(Message.key, messages))),
        "value": _bytes(list(map(Message.value, messages))),
    }
    if topic:
        columns[TOPIC] = pa.array(list(map(Message.topic, messages)), pa.string())
    if headers:
        columns[HEADERS] = _headers(messages)
    return pa.RecordBatch.from_pydict(columns)


def positions_after(messages: Iterable[Any]) -> dict[TP, int]:
    """Per partition the offset after its last message."""
    return {tp: message.offset() + 1 for tp, message in _last(messages).items()}


def leader_epochs(messages: Iterable[Any]) -> dict[TP, int | None]:
    """Per partition the leader epoch of its last message; None: the broker gave none."""
    return {tp: message.leader_epoch() for tp, message in _last(messages).items()}


def _last(messages: Iterable[Any]) -> Mapping[TP, Any]:
    return {(message.topic(), message.partition()): message for message in messages}


def _bytes(values: list[bytes | None]) -> pa.Array:
    return pa.nulls(len(values), pa.binary()) if values.count(None) == len(values) else pa.array(values, pa.binary())


def _timestamps(messages: Sequence[Message]) -> pa.Array:
    raw = pa.array(list(map(itemgetter(1), map(Message.timestamp, messages))), pa.int64())
    if len(raw):
        bounds = pc.min_max(raw)
        if bounds["min"].as_py() < 0 or bounds["max"].as_py() > _NEWEST_MS:
            raw = _credible(raw)
    return raw.cast(_MILLISECONDS).cast(_MICROSECONDS)


def _credible(raw: pa.Array) -> pa.Array:
    """NULL where the producer gave no time, or one that no calendar holds: it would overflow at the flush."""
    good = pc.and_(pc.and_(pc.greater_equal(raw, _OLDEST_MS), pc.less_equal(raw, _NEWEST_MS)), pc.not_equal(raw, _NO_TIMESTAMP))
    return pc.if_else(good, raw, pa.scalar(None, pa.int64()))


def _headers(messages: Sequence[Message]) -> pa.Array:
    rows = _header_lists(messages)
    if rows.count(None) == len(rows):
        return pa.nulls(len(rows), HEADERS_ARROW)
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


def _pairs(row: Any) -> list[dict[str, Any]] | None:
    """Order and repeats are kept: headers are a list, not a map."""
    return None if row is None else [{"key": name, "value": value} for name, value in row]
