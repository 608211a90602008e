"""From where to where a scan reads each partition, settled once at its start.

Invariant: the end is never beyond the last stable offset at the start, so a scan of a topic that grows ends by itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.errors import NotFoundError
from kshell.options.position import Position
from kshell.query.arguments import ScanSpec

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster

TP = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Bounds:
    """`ranges`: per partition [start, end). `since_ms`, `until_ms`: rows outside are dropped. `lost`: offsets asked for that the
    log has no more. `empty`: why a partition that was asked for has nothing to read, for people."""

    ranges: Mapping[TP, tuple[int, int]]
    since_ms: int | None = None
    until_ms: int | None = None
    lost: Mapping[TP, tuple[int, int]] | None = None
    empty: tuple[str, ...] = ()

    @property
    def messages(self) -> int:
        """At most so many: holes of compaction and control records count."""
        return sum(end - start for start, end in self.ranges.values())


def settle(spec: ScanSpec, cluster: Cluster) -> Bounds:
    tps = _partitions(spec, cluster)
    starts, ends = cluster.log_starts(tps), cluster.log_ends(tps)
    log_ends = dict(ends)
    since, until = _milliseconds(spec.since), _milliseconds(spec.until)
    wanted = dict(starts)
    if since is not None:
        wanted = {tp: max(starts[tp], at) for tp, at in cluster.offsets_at(tps, since).items()}
    elif spec.last is not None:
        wanted = {tp: max(starts[tp], ends[tp] - spec.last) for tp in tps}
    elif spec.start is not None:
        wanted = _given(spec.start, tps, starts)
    if until is not None:
        late = cluster.offsets_at(tps, until + round(spec.lateness_s * 1000))
        ends = {tp: min(ends[tp], late[tp]) for tp in tps}
    if spec.stop is not None:
        ends = {tp: min(ends[tp], at) for tp, at in _given(spec.stop, tps, ends).items()}
    lost = {tp: (wanted[tp], min(starts[tp], ends[tp])) for tp in tps if wanted[tp] < min(starts[tp], ends[tp])}
    ranges = {tp: (max(wanted[tp], starts[tp]), ends[tp]) for tp in tps}
    empty = _turned(since, until)
    if spec.start is not None:
        empty += [_beyond(tp, wanted[tp], log_ends[tp], ends[tp]) for tp in tps if wanted[tp] > ends[tp]]
    return Bounds({tp: (start, end) for tp, (start, end) in ranges.items() if start < end}, since, until, lost, tuple(empty))


def _turned(since: int | None, until: int | None) -> list[str]:
    return ["since is after until: nothing lies between"] if since is not None and until is not None and since > until else []


def _beyond(tp: TP, start: int, log_end: int, end: int) -> str:
    where = f"beyond the end of the log, {log_end}" if start > log_end else f"after stop {end}"
    return f"{tp[0]}[{tp[1]}]: start {start} is {where}"


def _partitions(spec: ScanSpec, cluster: Cluster) -> list[TP]:
    topic = cluster.describe([spec.topic])[spec.topic]
    wanted = spec.partitions if spec.partitions is not None else _mapped(spec)
    for partition in wanted or ():
        if partition not in topic.partitions:
            raise NotFoundError(f"topic {spec.topic} has no partition {partition}", named=str(partition),
                                hint=f"it has {_listed(topic.partitions)}")
    return [(spec.topic, p) for p in (topic.partitions if spec.partitions is None else spec.partitions)]


def _mapped(spec: ScanSpec) -> set[int]:
    return {p for bound in (spec.start, spec.stop) if bound is not None and not isinstance(bound, int) for p in bound}


def _given(bound: int | Mapping[int, int], tps: Iterable[TP], otherwise: Mapping[TP, int]) -> dict[TP, int]:
    """A partition that a MAP leaves out keeps the end of its log."""
    if isinstance(bound, int):
        return dict.fromkeys(tps, bound)
    return {tp: bound.get(tp[1], otherwise[tp]) for tp in tps}


def _milliseconds(position: Position | None) -> int | None:
    if position is None:
        return None
    return round(time.time() * 1000 - position.value * 1000) if position.kind == "ago" else int(position.value)


def _listed(partitions: tuple[int, ...]) -> str:
    return f"partition {partitions[0]}" if len(partitions) == 1 else f"{len(partitions)} partitions, {partitions[0]} to {partitions[-1]}"
