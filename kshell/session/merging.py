"""OPTIMIZE SINK: small files merged, portion by portion, on the thread that commits; what is due is committed in between.

Invariant: every portion is complete, so whoever stops waiting leaves a table that the same statement goes on with."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from kshell.errors import DeadlineError
from kshell.iceberg import Compacted
from kshell.session import waits
from kshell.session.context import Context
from kshell.session.sink import SinkEntry

COLUMNS = [("sink", "VARCHAR"), ("files_rewritten", "BIGINT"), ("files_written", "BIGINT"), ("rows", "BIGINT"), ("bytes_before", "BIGINT"),
           ("bytes_after", "BIGINT"), ("snapshot_id", "BIGINT")]


@dataclass(slots=True)
class Merged:
    """What was exchanged so far."""

    sink: str
    files: int = 0
    rows: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    written: set[str] = field(default_factory=set)
    snapshot_id: int | None = None            # None: there was nothing to merge

    def add(self, found: Compacted) -> None:
        self.files += found.files
        self.rows += found.rows
        self.bytes_before += found.bytes_before
        self.bytes_after += found.bytes_after
        self.written |= set(found.written)
        self.snapshot_id = found.head.snapshot_id

    def row(self) -> tuple[object, ...]:
        return self.sink, self.files, len(self.written), self.rows, self.bytes_before, self.bytes_after, self.snapshot_id

    def text(self) -> str:
        if not self.files:
            return f"sink {self.sink}: nothing to merge"
        return (f"sink {self.sink}: {self.files} files rewritten as {len(self.written)}, {self.bytes_before} bytes as {self.bytes_after}, "
                f"snapshot {self.snapshot_id}")


def optimize(context: Context, entry: SinkEntry, timeout_s: float) -> Merged:
    merged, ends = Merged(entry.name), time.monotonic() + timeout_s
    while (found := _portion(context, entry, merged, max(0.0, ends - time.monotonic()))).files:
        merged.add(found)
    return merged


def _portion(context: Context, entry: SinkEntry, merged: Merged, timeout_s: float) -> Compacted:
    flusher, found, over = entry.running(), [], False

    def late() -> DeadlineError:
        return DeadlineError(f"sink {entry.name} has not merged all small files in time: {merged.files} so far",
                             hint="the same statement again goes on from there")

    try:
        waits.on_the_thread(context, flusher, lambda *_: found.append(flusher.merge(lambda: over, merged.written)), timeout_s, late)
    finally:
        over = True
    return found[0]
