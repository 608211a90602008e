"""Under which leader a record was written: what tells a log that was cut, and has grown again, from the log that was read.

Invariant: an answer is of a record that Kafka has at this moment; where there is none, or none in time, there is no answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kshell.kafka.reader import Reader

TP = tuple[str, int]
TIMEOUT_S, POLL_S = 5.0, 0.1
FEW = 100


def epochs_at(reader: Reader, offsets: Mapping[TP, int]) -> dict[TP, tuple[int, int]]:
    """(offset, leader epoch) of the first record at or after each offset. The reader is used up."""
    found: dict[TP, tuple[int, int]] = {}
    left, ends = set(offsets), time.monotonic() + TIMEOUT_S
    reader.assign(offsets)
    while left and time.monotonic() < ends:
        poll = reader.poll(FEW, POLL_S)
        for message in poll.messages:
            tp, offset, epoch = (message.topic(), message.partition()), message.offset(), message.leader_epoch()
            if tp in left and offset is not None and epoch is not None:
                found[tp] = offset, epoch
            left.discard(tp)
        left.difference_update(poll.ends, poll.out_of_range, (fault.tp for fault in poll.errors if fault.tp is not None))
    return found
