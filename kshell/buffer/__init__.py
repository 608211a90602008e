"""The live buffer: what a source has read and no lake holds yet, as native DuckDB tables that every cursor sees.

One `Buffer` per source. The ingest thread appends, a flusher takes sealed segments and publishes, readers read views.
Does: segments, retention, the views live.<name>, lake.<name>, <name> and the macro <name>(...), the hand-over.
Does not: know Kafka, Iceberg or threads.

Invariant, per partition: start <= cut <= committed and cut <= decoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from kshell.buffer.budget import Budget
from kshell.buffer.buffer import Buffer
from kshell.buffer.values import TP, BadRow, Lake, Outlet, PartitionState, Positions, Range, Segment

__all__ = ["TP", "BadRow", "Budget", "Buffer", "BufferApi", "Lake", "Outlet", "PartitionState", "Positions", "Range", "Segment"]


class BufferApi(Protocol):
    """What a flusher needs of a `Buffer`; see there."""

    def publish(self, *, sink: str, cut: Positions, lake: Lake, drop: Sequence[Segment] = (), rewound: bool = False) -> bool: ...
    def seal(self) -> Segment | None: ...
    def sealed(self, sink: str | None = None) -> list[Segment]: ...
    def reading_gap(self) -> Mapping[TP, tuple[int, int]]: ...
    @property
    def filling_bytes(self) -> int: ...               # held of what sinks commit from
    @property
    def limit_bytes(self) -> int: ...                 # the most that may be held
    def pressure(self) -> float: ...                  # 1.0: the source is not fed any further until a sink commits
    def pending(self, sink: str) -> tuple[int, int]: ...
    def partitions(self) -> Mapping[TP, PartitionState]: ...
    def decoded(self) -> dict[TP, int]: ...
