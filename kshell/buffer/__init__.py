"""The live buffer: what a source has read and no lake holds yet, as native DuckDB tables that every cursor sees.

One `Buffer` per source. The ingest thread appends, a flusher takes sealed segments and publishes, readers read views.
Does: segments, retention, the views live.<name>, lake.<name>, <name> and the macro <name>(...), the hand-over.
Does not: know Kafka, Iceberg or threads.

Invariant, per partition: start <= cut <= committed and cut <= decoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from kshell.buffer.values import TP, BadRow, Lake, Outlet, PartitionState, Positions, Range, Segment
from kshell.columns import Column

__all__ = ["TP", "BadRow", "BufferApi", "Lake", "Outlet", "PartitionState", "Positions", "Range", "Segment"]


class BufferApi(Protocol):
    """What others may call. `kshell.buffer.buffer.Buffer(engine, source, columns, *, retain_bytes, retain_rows, retain_time_s,
    multi_topic, budget)` implements it; its constructor creates the views and the macro. Never call with `engine.publish_lock` held."""

    source: str
    columns: tuple[Column, ...]                       # of the segments: payload, then metadata

    # sinks
    def attach(self, outlet: Outlet) -> None: ...     # from here on nothing unflushed is evicted
    def detach(self, sink: str) -> None: ...          # its views go; <source> shows live rows only; the ring begins again
    def publish(self, *, sink: str, cut: Positions, lake: Lake, drop: Sequence[Segment] = ()) -> bool:
        """Show `lake` up to `cut` and the buffer from it on, in ONE transaction, and drop what every sink has below its cut.
        `drop` is checked to be below the cut, and need not be given. False: the buffer does not cover the cut yet; what is
        missing is being read into segments that no view lists, and the hand-over happens by itself when it is covered."""
        ...

    # flush
    def seal(self) -> Segment | None: ...             # from any thread; waits for the append in flight. None: nothing moved
    def sealed(self, sink: str | None = None) -> list[Segment]: ...    # oldest first, without those wholly below that sink's cut
    def reading_gap(self) -> Mapping[TP, tuple[int, int]]: ...         # [from, to) still being read before a publish can happen

    # numbers
    @property
    def rows(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def evicted_rows(self) -> int: ...
    @property
    def oldest_us(self) -> int | None: ...
    def pending(self, sink: str) -> tuple[int, int]: ...               # rows, bytes not below that sink's cut, open segment included
    def partitions(self) -> Mapping[TP, PartitionState]: ...
    def decoded(self) -> dict[TP, int]: ...

    # life
    def set_retention(self, *, retain_bytes: int, retain_rows: int | None, retain_time_s: float | None) -> None: ...
    def close(self) -> None: ...                      # drops views, macro and segments
