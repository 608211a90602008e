"""The values that cross the edge of the buffer: ranges, segments, bad records, the lake as the buffer sees it.

Invariant: for one partition the ranges of consecutive segments join without a hole: the `hi` of one is the `lo` of the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kshell.columns import Column, quote
from kshell.engine import BUFFER_SCHEMA

TP = tuple[str, int]                        # (topic, partition)


@dataclass(frozen=True, slots=True)
class Range:
    """Offsets `[lo, hi)` of one partition. Some may hold no row: control records, aborted transactions, compaction, bad records."""

    lo: int
    hi: int
    rows: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that does not decode, with its bytes as received. Times are microseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp_us: int | None                # None: the record carries none
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] | None   # None: the source does not keep headers
    value: bytes | None
    schema_id: int | None
    code: str
    message: str
    seen_at_us: int

    @property
    def bytes(self) -> int:
        return 400 + len(self.key or b"") + len(self.value or b"") + len(self.message)


@dataclass(slots=True)
class Segment:
    """Rows fetched together, in one native table. Immutable once `sealed`, and only sealed segments leave the buffer."""

    number: int
    table: str                              # name in schema kshell_buffer
    columns: tuple[Column, ...]
    created_at: float                       # seconds since the epoch
    ranges: dict[TP, Range] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0                          # what it costs in memory, bad records included
    bad: list[BadRow] = field(default_factory=list)
    oldest_us: int | None = None            # least and greatest _kafka_timestamp; None: no row has one
    newest_us: int | None = None
    sealed: bool = False

    @property
    def relation(self) -> str:
        """The table as SQL text."""
        return f"{BUFFER_SCHEMA}.{quote(self.table)}"


@dataclass(frozen=True, slots=True)
class Lake:
    """One snapshot of an Iceberg table, as plain values. `columns` are all of the table's, in its order, with DuckDB's types."""

    metadata_location: str | None           # None: the table has no snapshot to scan; the lake side is empty
    columns: tuple[Column, ...]
    snapshot_id: int | None = None
    table_name: str = ""                    # for messages


@dataclass(frozen=True, slots=True)
class Outlet:
    """A sink as the buffer sees it: what it reads, and the name under which its union is read."""

    sink: str
    name: str                               # the source's own name for a FROM sink, the sink's name for an AS SELECT sink
    select: str | None = None               # row-by-row SELECT over a relation named as the source; None: the rows as they are


@dataclass(frozen=True, slots=True)
class PartitionState:
    """Where one partition stands. start <= cut <= committed, cut <= decoded."""

    start: int                              # first offset the buffer covers
    decoded: int                            # position after the last record that a SELECT sees
    cut: int | None                         # None: no sink has published one
    rows: int


Positions = Mapping[TP, int]
