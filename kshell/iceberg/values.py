"""The values of the commit protocol: what goes in, what comes out, and why a sink stands still.

Invariant: nothing here imports PyIceberg, so a caller may name these types without loading it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from kshell.columns import HEADERS, HEADERS_TYPE, KEY, OFFSET, PARTITION, TIMESTAMP, TOPIC, VALUE, Column
from kshell.errors import ConflictError, DeadlineError

if TYPE_CHECKING:
    import pyarrow as pa

TP = tuple[str, int]                          # topic, partition
Position = tuple[str, int, int]               # topic, partition, offset
Identifier = tuple[str, ...]                  # namespace..., table name
WRITER = str(uuid.uuid4())                    # this process, in every commit it makes


# ---- progress ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class TopicState:
    """Progress in one topic. Entry i of each tuple belongs to partition i."""

    id: str | None                            # topic id; None: the broker has none
    epoch: int = 0                            # raised when offsets are used again (topic created anew, log cut)
    next: tuple[int, ...] = ()                # next offset to ingest; -1: the sink does not cover the partition
    leader: tuple[int, ...] = ()              # leader epoch of the last record; -1: not known
    rows: tuple[int, ...] = ()                # rows committed since the first commit
    again: tuple[int, ...] = ()               # the epoch in which the partition's offsets were last used again; 0, or no entry: never


@dataclass(frozen=True, slots=True)
class State:
    """Complete positions after one commit: enough to resume."""

    seq: int
    definition: str
    cluster: str
    topics: Mapping[str, TopicState]

    def next(self, topic: str, partition: int) -> int:
        """The next offset to ingest: -1 when not covered, 0 for a partition that appeared later."""
        known = self.topics.get(topic)
        return known.next[partition] if known and partition < len(known.next) else 0

    def again(self, topic: str, partition: int) -> int:
        """The epoch that a partition's offsets belong to at the least, from its position on."""
        known = self.topics.get(topic)
        return known.again[partition] if known and partition < len(known.again) else 0

    def positions(self, read: Iterable[TP] = ()) -> dict[TP, int]:
        """Every covered partition that the state names, or that is `read` and has appeared later."""
        named = {(t, p): n for t, s in self.topics.items() for p, n in enumerate(s.next) if n >= 0}
        return {tp: 0 for tp in read if self.next(*tp) == 0} | named

    def rows(self) -> dict[TP, int]:
        return {(t, p): s.rows[p] if p < len(s.rows) else 0 for t, s in self.topics.items() for p in range(len(s.next))}


@dataclass(frozen=True, slots=True)
class Range:
    """`[lo, hi)` of one partition and how many rows of it are written. Offsets inside may be missing."""

    lo: int
    hi: int
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Jump:
    """A recorded move of a position that is no ingestion: START, SKIP, REPLAY, EPOCH, RECOVER, LATE."""

    topic: str
    partition: int
    lo: int
    hi: int
    kind: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """One snapshot of a table: its file, its positions and its columns, never of two different moments."""

    table_uuid: str
    snapshot_id: int | None                   # None: the table is empty and has no snapshot
    metadata_location: str
    state: State | None                       # None: this sink has committed nothing
    schema_id: int
    spec_id: int
    columns: tuple[Column, ...]               # in the table's order, with the DuckDB type that iceberg_scan gives
    committed_at_ms: int = 0
    snapshots: int = 0
    sort_by: tuple[str, ...] = ()             # ORDER BY terms of the table's sort order, quoted; (): none
    sequence: int = 0                         # grows with every snapshot
    data_files: int | None = None             # None: the snapshot does not say
    properties: Mapping[str, str] = field(default_factory=dict, compare=False)     # of the table
    required: tuple[str, ...] = ()            # columns that may not be NULL

    def cut(self, read: Iterable[TP] = ()) -> dict[TP, int]:
        """`read`: partitions of the source. One that the state does not name begins at 0, wherever the source began."""
        return self.state.positions(read) if self.state else {}


# ---- a commit ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Sink:
    """One pipeline into one table, as a commit needs it."""

    name: str                                 # what the user calls it; for messages
    id: str
    table: Identifier
    table_uuid: str
    definition: str                           # definition_hash()
    writer: str = WRITER
    trusted: set[int] = field(default_factory=set, compare=False)   # snapshots known to descend from our tag (state.py)


def no_rows() -> pa.Table:
    raise AssertionError("a commit without rows asks for none")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit writes. A batch whose content changes is another batch, with another `cid`."""

    ranges: Mapping[TP, Range] = field(default_factory=dict)
    rows: Callable[[], pa.Table] = no_rows    # called at most once, and never when no range has rows
    schema_id: int = -1                       # of the head that the rows were made for
    spec_id: int = -1
    errors: int = 0                           # records of these ranges that went to the error table
    leaders: Mapping[TP, int] = field(default_factory=dict)
    jumps: tuple[Jump, ...] = ()
    topic_ids: Mapping[str, str | None] = field(default_factory=dict)   # of topics that the state does not know yet
    again: Mapping[TP, int] = field(default_factory=dict)              # State.again of the head that the ranges begin at
    replayed: Mapping[TP, Range] = field(default_factory=dict)         # REPLAY ERRORS: where the replayed offsets lie, and their number
    cid: str = field(default_factory=lambda: str(uuid.uuid4()))


class Result(StrEnum):
    APPLIED = "applied"
    OVERTAKEN = "overtaken"                   # somebody committed beyond a lower bound: trim to `state` and make another batch
    REWOUND = "rewound"                       # positions went back by statement: read again from `state`
    RE_ENCODE = "re_encode"                   # schema or partitioning changed: make the batch again for `head`
    UNCHANGED = "unchanged"                   # of a compaction: there is nothing to merge


@dataclass(frozen=True, slots=True)
class Outcome:
    result: Result
    head: Head                                # as this attempt saw the table; after APPLIED, with the commit in it
    rows: int = 0
    files: int = 0
    bytes: int = 0
    attempts: int = 1

    @property
    def state(self) -> State | None:
        return self.head.state


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction exchanged. `files` 0: there was nothing to merge, and there is no snapshot of it."""

    head: Head
    files: int = 0
    rows: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    written: tuple[str, ...] = ()             # data files, by location
    room: int = 1                             # files that may be added before it is worth looking again


class Phase(StrEnum):
    COMMITTING = "committing"
    RETRYING = "retrying"                     # the last attempt did not land, the next one waits
    RESOLVING = "resolving"                   # it is not known whether an attempt landed


@dataclass(frozen=True, slots=True)
class Progress:
    phase: Phase
    attempt: int
    error: str | None = None
    alarm: bool = False                       # a person has to act: credentials, permissions


@dataclass(frozen=True, slots=True)
class Control:
    """How a caller watches a commit and leaves it. The defaults never leave."""

    cancelled: Callable[[], bool] = lambda: False
    deadline: float | None = None             # time.monotonic()
    report: Callable[[Progress], None] = lambda _: None
    wait: Callable[[float], object] = time.sleep    # Event.wait, to be woken
    clock: Callable[[], float] = time.time

    def leave(self) -> bool:
        return self.cancelled() or (self.deadline is not None and time.monotonic() >= self.deadline)


class Left(DeadlineError):
    """The caller left a commit. `unresolved`: an attempt may still land, or has landed; the next start finds out."""

    def __init__(self, message: str, *, unresolved: bool) -> None:
        super().__init__(message, hint="run the same CREATE SINK again: the table knows what was committed")
        self.unresolved = unresolved


# ---- standing still ----------------------------------------------------------------------------------------------

class StopState(StrEnum):
    OUT_OF_RETENTION = "OUT_OF_RETENTION"
    AHEAD_OF_LOG = "AHEAD_OF_LOG"
    LOG_TRUNCATED = "LOG_TRUNCATED"
    TOPIC_RECREATED = "TOPIC_RECREATED"
    TOPIC_MISSING = "TOPIC_MISSING"
    CLUSTER_CHANGED = "CLUSTER_CHANGED"
    DEFINITION_CHANGED = "DEFINITION_CHANGED"
    STATE_LOST = "STATE_LOST"
    ROLLED_BACK = "ROLLED_BACK"
    TABLE_REPLACED = "TABLE_REPLACED"
    COLUMN_MISSING = "COLUMN_MISSING"
    SCHEMA_REFUSED = "SCHEMA_REFUSED"
    TYPE_MISMATCH = "TYPE_MISMATCH"
    DECODER_CRASHED = "DECODER_CRASHED"
    DECODE_STUCK = "DECODE_STUCK"


class Stop(ConflictError):
    """The recorded progress contradicts Kafka or the table: the sink writes nothing until the statement in `hint` resolves it."""

    def __init__(self, state: StopState, message: str, cure: str) -> None:
        super().__init__(f"{state}: {message}", hint=cure)
        self.state = state
        self.cure = cure


@dataclass(frozen=True, slots=True)
class TopicFacts:
    id: str | None                            # None: the broker has no topic ids
    partitions: tuple[int, ...]
    log_start: Mapping[int, int] = field(default_factory=dict)
    log_end: Mapping[int, int] = field(default_factory=dict)       # high watermarks


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """What Kafka says, to be compared with the recorded state."""

    cluster_id: str
    topics: Mapping[str, TopicFacts]          # a topic that does not exist is absent


# ---- error rows --------------------------------------------------------------------------------------------------

ERROR_COLUMNS = (
    Column(TOPIC, "VARCHAR"), Column(PARTITION, "INTEGER"), Column(OFFSET, "BIGINT"), Column(TIMESTAMP, "TIMESTAMP WITH TIME ZONE"),
    Column(KEY, "BLOB"), Column(HEADERS, HEADERS_TYPE), Column(VALUE, "BLOB"), Column("schema_id", "INTEGER"), Column("code", "VARCHAR"),
    Column("message", "VARCHAR"), Column("seen_at", "TIMESTAMP WITH TIME ZONE"),
)
# What REPLAY ERRORS writes beside a record that is bad no more. The time alone: the query of the sink has left the record out.
RESOLVED_AT, RESOLVED_SNAPSHOT = "resolved_at", "resolved_snapshot"
RESOLUTION_COLUMNS = (Column(RESOLVED_AT, "TIMESTAMP WITH TIME ZONE"), Column(RESOLVED_SNAPSHOT, "BIGINT"))


@dataclass(frozen=True, slots=True)
class ErrorsOutcome:
    """What the error table says about a batch, before its rows are committed."""

    already: frozenset[Position]              # with a committed verdict: never rows of the batch
    committed: int                            # error rows of this call
    head: Head


# ---- CREATE SINK -------------------------------------------------------------------------------------------------

class Unset(StrEnum):
    UNSET = "unset"


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """What CREATE SINK asks for, as plain values."""

    name: str
    id: str
    table: Identifier
    columns: tuple[Column, ...]               # payload columns, then metadata columns
    inferred: bool                            # payload columns were inferred: they yield to the table's types
    definition: str
    errors_table: Identifier | None           # None: no error table
    partition_by: tuple[str, ...] | None = None     # 'day(ts)', 'bucket(16, id)', 'country'; None: not written down
    sort_by: tuple[str, ...] | None = None
    create_table: bool = True
    keep_snapshots: int | Unset | None = Unset.UNSET
    durable: bool = True
    compact: bool | None = None               # None: not written down
    replace: bool = False                     # CREATE OR REPLACE: an existing progress takes this definition
    properties: Mapping[str, str] = field(default_factory=dict)
    leaves_out: bool = False                  # not every record becomes a row: a query filters, or ON_ERROR skip
    evolves: bool = False                     # further columns are added as records bring them
    within: tuple[str, ...] | None = None     # where its tables may lie; None: anywhere


@dataclass(frozen=True, slots=True)
class Created:
    """A sink that may run."""

    sink: Sink
    head: Head
    errors_sink: Sink | None
    errors_head: Head | None
    columns: tuple[Column, ...]               # the source's columns with the types that the table gives them
    resumed: bool                             # progress was there: START is ignored
    stops: tuple[Stop, ...] = ()              # what contradicts Kafka; not empty: the sink must not run
    notes: tuple[str, ...] = ()
