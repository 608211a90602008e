"""The values of ingestion: what to read, how it stands, and what Kafka contradicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kshell.buffer.values import TP

OnError = Literal["quarantine", "skip", "fail"]
State = Literal["starting", "running", "paused", "backpressure", "reconnecting", "done", "failed", "stopped"]
TroubleKind = Literal["OUT_OF_RETENTION", "AHEAD_OF_LOG", "LOG_TRUNCATED", "TOPIC_RECREATED", "TOPIC_MISSING", "DECODER_CRASHED",
                      "DECODE_STUCK"]
OF_RECORDS = frozenset({"DECODER_CRASHED", "DECODE_STUCK"})   # about a record, with a sink and without one


@dataclass(frozen=True, slots=True)
class IngestSpec:
    """What to read and how, resolved: positions are offsets."""

    source: str
    topics: tuple[str, ...]
    start: Mapping[TP, int]
    stop: Mapping[TP, int] | None = None              # None: unbounded. Reached everywhere: state done
    pattern: str | None = None                        # topics that match later join from offset 0
    partitions: tuple[int, ...] | None = None         # None: all, also those added later
    topic_ids: Mapping[str, str | None] = field(default_factory=dict)
    on_error: OnError = "quarantine"
    isolation: str = "read_committed"
    config: Mapping[str, str] = field(default_factory=dict)
    headers: bool = False                             # the source keeps _kafka_headers
    multi_topic: bool = False                         # the source keeps _kafka_topic
    metadata_interval_s: float = 30.0
    ends_interval_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets that were never read: [lo, hi) of a partition, and why."""

    tp: TP
    lo: int
    hi: int
    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Kafka contradicts a sink's progress, or a record ends whoever decodes it. The partition is read no further until the owner answers
    with rewind() or drop()."""

    kind: TroubleKind
    tp: TP
    position: int                                     # where we stand
    log_start: int | None
    log_end: int | None                               # of LOG_TRUNCATED: where the log was cut
    message: str


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """A row of kshell.partitions."""

    log_start: int | None                             # None: not asked yet
    log_end: int | None                               # last stable offset under read_committed
    fetched: int
    decoded: int
    buffer_start: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """A row of kshell.sources."""

    state: State
    rows_total: int
    rows_per_second: float
    lag_messages: int | None                          # None: log ends not known yet
    lag_seconds: float | None
    buffer_rows: int
    buffer_bytes: int
    buffer_oldest_us: int | None
    evicted_rows: int
    error_rows: int
    last_error: str | None
    queued_bytes: int                                 # fetched, not yet decoded
    partitions: Mapping[TP, PartitionStatus]
    troubles: Mapping[TP, Trouble]
    backpressure_s: float                             # in which a full buffer held up reading
    counters: Mapping[str, int]                       # duplicates_dropped, bad_timestamps, retried_batches, ...


Notice = Callable[[str], None]                        # one line for the user, each once
OnTrouble = Callable[[Trouble], None]
