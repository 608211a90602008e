"""Reading with kshell's own reader until a position, for comparison with what a `Recorder` logged."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from kshell.kafka.reader import Poll, Reader


def read_until(reader: Reader, enough: Callable[[Poll], bool], timeout_s: float = 15.0) -> Poll:
    """Everything that polls gave, as one, once `enough(everything)` holds."""
    deadline, all_ = time.monotonic() + timeout_s, Poll()
    while not enough(all_):
        if time.monotonic() > deadline:
            raise AssertionError(f"not enough within {timeout_s:g} s: {all_}")
        merge(all_, reader.poll(10_000, 0.1))
    return all_


def read_to(reader: Reader, positions: Mapping[tuple[str, int], int], timeout_s: float = 15.0) -> Poll:
    """Read until every partition's position is at least the given one."""
    return read_until(reader, lambda poll: all(poll.positions.get(tp, 0) >= offset for tp, offset in positions.items()), timeout_s)


def merge(all_: Poll, poll: Poll) -> None:
    for name in ("messages", "out_of_range", "errors"):
        getattr(all_, name).extend(getattr(poll, name))
    all_.ends |= poll.ends
    all_.positions |= poll.positions
    all_.leader_epochs |= poll.leader_epochs
    all_.rows += poll.rows
    all_.bytes += poll.bytes
    all_.repeated += poll.repeated


def offsets(poll: Poll) -> list[Any]:
    return [message.offset() for message in poll.messages]


def contents(poll: Poll) -> list[tuple[Any, ...]]:
    """(topic, partition, offset, value) of every message, sorted."""
    return sorted((m.topic(), m.partition(), m.offset(), m.value()) for m in poll.messages)
