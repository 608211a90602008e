"""Offsets rise, whatever the client library hands out."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from kshell.kafka.columns import Columns
from kshell.kafka.reader import Reader

TP = ("t", 0)


class _Repeating:
    """A consumer whose chunks are given."""

    def __init__(self, chunks: list[list[Any]]) -> None:
        self._chunks = chunks

    def __call__(self, *_: Any, **__: Any) -> _Repeating:
        return self

    def consume(self, *_: Any) -> list[Any]:
        return self._chunks.pop(0) if self._chunks else []

    def assign(self, *_: Any) -> None: ...

    def resume(self, *_: Any) -> None: ...


def _messages(partition: int, offsets: range) -> list[Message]:
    return [Message(topic="t", partition=partition, offset=offset, value=b"x") for offset in offsets]


def _end(offset: int) -> Message:
    """The event that partition 0 ends here."""
    return Message(topic="t", partition=0, offset=offset, error=KafkaError(KafkaError._PARTITION_EOF))


@pytest.fixture
def messages() -> dict[int, list[Message]]:
    """Partition -> messages with offsets 0 to 9."""
    return {partition: _messages(partition, range(10)) for partition in (0, 1)}


def _read(chunks: list[list[Any]], start: int = 0, columns: Columns | None = None) -> tuple[list[tuple[int, int]], int]:
    reader = Reader({"bootstrap.servers": "nowhere"}, columns, make=_Repeating(chunks))
    reader.assign({("t", 0): start, ("t", 1): 0})
    seen: list[tuple[int, int]] = []
    for _ in range(len(chunks) + 1):
        poll = reader.poll(1000, 0)
        batch = poll.to_arrow()
        assert (poll.rows, len(poll.messages)) == (len(batch), 0 if columns else len(batch))
        seen += zip(batch["_kafka_partition"].to_pylist(), batch["_kafka_offset"].to_pylist(), strict=True)
    return seen, reader.repeated


@pytest.mark.fault("F26")
@pytest.mark.parametrize("columns", [None, Columns()])
def test_an_offset_delivered_twice_is_dropped_and_counted(messages: dict[int, list[Message]], columns: Columns | None) -> None:
    m = messages[0]
    seen, repeated = _read([m[0:4], m[2:6], m[6:8] + m[7:10]], columns=columns)
    assert seen == [(0, offset) for offset in range(10)]
    assert repeated == 3


@pytest.mark.fault("F26")
def test_a_repeat_in_one_partition_does_not_touch_another(messages: dict[int, list[Message]]) -> None:
    a, b = messages[0], messages[1]
    seen, repeated = _read([a[0:3] + b[0:3] + a[2:5] + b[3:6], b[0:6] + a[5:6]])
    assert sorted(seen) == [(0, offset) for offset in range(6)] + [(1, offset) for offset in range(6)]
    assert repeated == 7


@pytest.mark.fault("F26")
def test_what_lies_below_the_assigned_position_is_dropped(messages: dict[int, list[Message]]) -> None:
    assert _read([messages[0][0:10]], start=8) == ([(0, 8), (0, 9)], 8)


def test_an_end_fetched_together_with_its_records_hides_none(messages: dict[int, list[Message]]) -> None:
    m = messages[0]
    assert _read([[*m[0:5], _end(5)], [*m[5:7], _end(7), *m[7:10]], [_end(10)]]) == ([(0, offset) for offset in range(10)], 0)


def test_an_end_behind_control_records_moves_the_position() -> None:
    reader = Reader({"bootstrap.servers": "nowhere"}, make=_Repeating([[_end(12)]]))
    reader.assign({TP: 0})
    poll = reader.poll(10, 0)
    assert (poll.ends, poll.positions, reader.positions()) == ({TP: 12}, {TP: 12}, {TP: 12})
