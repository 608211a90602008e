"""Whether a log still holds the records that were read of it: one that brokers lost the end of, and that has grown again since, has others
at the same offsets.

Leader epochs tell: they rise along a log, and a record written again is of a later leader than any that was seen before.

Invariant: only a record that Kafka gives proves a cut; where it gives none nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kshell.buffer.values import TP
    from kshell.kafka.cluster import Cluster


def cuts(cluster: Cluster, positions: Mapping[TP, int], leaders: Mapping[TP, int]) -> dict[TP, int]:
    """Partition -> the offset at which its log was cut, of those whose record before the position is of a later leader than `leaders`
    says, the latest that was seen when it was read."""
    asked = {tp: at - 1 for tp, at in positions.items() if at > 0 and leaders.get(tp, -1) >= 0}
    if not asked:
        return {}
    found = cluster.epochs_at(asked)
    return {tp: _first_later(cluster, tp, at, leaders[tp]) for tp, at in asked.items()
            if found.get(tp, (at, -1))[0] == at and found.get(tp, (at, -1))[1] > leaders[tp]}


def _first_later(cluster: Cluster, tp: TP, known: int, leader: int) -> int:
    """The first offset of a later leader; the record at `known` is of one."""
    low, high = cluster.log_starts([tp])[tp], known
    while low < high:
        middle = (low + high) // 2
        offset, epoch = cluster.epochs_at({tp: middle}).get(tp, (high, leader + 1))
        if epoch > leader:
            high = middle
        else:
            low = offset + 1
    return high
