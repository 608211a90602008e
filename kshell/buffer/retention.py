"""How much a buffer keeps, and when a segment is full. Pure.

Invariant: a segment is at most an eighth of what is kept, so a ring that evicts whole segments keeps at least seven eighths.
Limits of a segment (faults.md F47): 1 M rows and 64 MB, far from Arrow's 2 GiB for a column chunk."""

from __future__ import annotations

from dataclasses import dataclass

from kshell.buffer.values import Segment

SEGMENT_ROWS = 1_000_000
SEGMENT_BYTES = 64_000_000
SEGMENT_AGE_S = 60.0
SMALL_ROWS = 10_000                         # a segment below this is not sealed for its age alone: many small ones slow every query
APPEND_ROWS = 122_880                       # a row group of DuckDB: whole ones are not copied once more when they are committed
SHARE = 8
_LEAST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Retention:
    """Limits of one buffer; None: no limit."""

    bytes: int
    rows: int | None = None
    time_s: float | None = None

    @property
    def segment_bytes(self) -> int:
        return min(SEGMENT_BYTES, self.bytes // SHARE)

    @property
    def segment_rows(self) -> int:
        return SEGMENT_ROWS if self.rows is None else min(SEGMENT_ROWS, max(_LEAST_ROWS, self.rows // SHARE))

    @property
    def append_rows(self) -> int:
        """The most rows one append should bring."""
        return min(APPEND_ROWS, self.segment_rows)

    @property
    def age_s(self) -> float:
        return SEGMENT_AGE_S if self.time_s is None else max(1.0, self.time_s / (2 * SHARE))

    def fits(self, segment: Segment, rows: int) -> bool:
        """Whether so many rows more, as large as those it has, leave it within its limits."""
        if not segment.rows:
            return True
        bytes_ = segment.bytes + segment.bytes * rows // segment.rows
        return segment.rows + rows <= self.segment_rows and bytes_ <= self.segment_bytes

    def full(self, segment: Segment) -> bool:
        return segment.rows >= self.segment_rows or segment.bytes >= self.segment_bytes

    def aged(self, segment: Segment, now_s: float) -> bool:
        enough = segment.rows >= SMALL_ROWS or self.time_s is not None
        return bool(segment.ranges) and enough and now_s - segment.created_at >= self.age_s

    def exceeded(self, bytes_: int, rows: int) -> bool:
        return bytes_ > self.bytes or (self.rows is not None and rows > self.rows)

    def expired(self, segment: Segment, now_s: float) -> bool:
        return self.time_s is not None and segment.newest_us is not None and segment.newest_us < (now_s - self.time_s) * 1e6

    def share(self, bytes_: int, rows: int) -> float:
        return max(bytes_ / self.bytes, rows / self.rows if self.rows else 0.0)
