"""The newest records of some partitions, read once: what inference looks at.

Invariant: the records stand in the order (partition, offset), so two samples of the same records give the same columns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kshell.buffer import TP

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster

SAMPLE = 1_000                                # records that a look at a topic takes; CREATE SOURCE has an option of this name
SAMPLE_S = 5.0
_POLL_S = 0.1


def sample(cluster: Cluster, tps: Sequence[TP], count: int, *, isolation: str, check: Callable[[], None],
           headers: bool = False) -> pa.RecordBatch:
    """Up to `count` records, the newest of each partition, read for at most five seconds."""
    from kshell.kafka.columns import to_arrow

    committed = isolation == "read_committed"
    starts, ends = cluster.log_starts(tps), cluster.log_ends(tps, committed=committed)
    filled = [tp for tp in tps if ends[tp] > starts[tp]]
    if not filled:
        return to_arrow([], headers=headers)
    share = max(1, -(-count // len(filled)))
    reader = cluster.reader(isolation=isolation)
    try:
        found = _read(reader, {tp: max(starts[tp], ends[tp] - share) for tp in filled}, {tp: ends[tp] for tp in filled}, check)
        while not found and any(ends[tp] - share > starts[tp] for tp in filled):
            share = share * 16                # the newest offsets hold no record: compaction, aborted transactions
            found = _read(reader, {tp: max(starts[tp], ends[tp] - share) for tp in filled}, {tp: ends[tp] for tp in filled}, check)
    finally:
        reader.close()
    found.sort(key=lambda m: (m.topic(), m.partition(), m.offset()))
    return to_arrow(found, headers=headers)


def _read(reader: Any, start: dict[TP, int], ends: dict[TP, int], check: Callable[[], None]) -> list[Any]:
    reader.assign(start)
    left, found = set(start), []
    deadline = time.monotonic() + SAMPLE_S
    while left and time.monotonic() < deadline:
        check()
        poll = reader.poll(1000, _POLL_S)
        found += [m for m in poll.messages if m.offset() < ends[m.topic(), m.partition()]]
        left -= {tp for tp, at in {**poll.positions, **poll.ends}.items() if at >= ends.get(tp, 0)}
        left -= set(poll.out_of_range)
    return found
