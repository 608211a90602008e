"""START and STOP as offsets: a position means the same thing for the whole life of what it starts, so it is resolved once.

Invariant: every partition that is asked about gets an offset."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from kshell.buffer import TP
from kshell.errors import BadValueError
from kshell.options import Position

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster


def resolve(cluster: Cluster, position: Position, tps: Collection[TP], *, committed: bool) -> dict[TP, int]:
    """The offset at each partition. `committed`: `latest` is the last stable offset, where a reader of transactions stands."""
    match position.kind:
        case "earliest":
            return cluster.log_starts(tps)
        case "latest":
            return cluster.log_ends(tps, committed=committed)
        case "timestamp":
            return cluster.offsets_at(tps, int(position.value))
        case "ago":
            return cluster.offsets_at(tps, int((time.time() - position.value) * 1000))
        case "map":
            return _from_map(cluster, position.value, tps)
        case _:
            raise BadValueError(f"'{position.kind}' is a place for a sink, not for a topic",
                                hint="write 'earliest', 'latest', a time or MAP {0: 100}")


def _from_map(cluster: Cluster, offsets: dict[int, int], tps: Collection[TP]) -> dict[TP, int]:
    """Partitions that the map does not name begin where the log begins."""
    known = {p for _, p in tps}
    for partition in offsets:
        if partition not in known:
            raise BadValueError(f"there is no partition {partition} to start at", hint=f"partitions: {', '.join(map(str, sorted(known)))}")
    rest = [tp for tp in tps if tp[1] not in offsets]
    return {tp: offsets[tp[1]] for tp in tps if tp[1] in offsets} | (cluster.log_starts(rest) if rest else {})
