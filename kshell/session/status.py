"""What the session shows about itself: prepared, frozen values that a prompt may read at any time without a lock or a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SourceStatus:
    name: str
    state: str
    lag_messages: int | None                  # None: the end of the log is not known yet
    rows_per_second: float
    buffer_rows: int
    buffer_bytes: int
    oldest_unflushed_s: float | None          # None: nothing waits for a commit
    error_rows: int


@dataclass(frozen=True, slots=True)
class SinkStatus:
    name: str
    state: str
    last_commit_age_s: float | None           # None: this process has not committed yet
    pending_rows: int
    snapshot_id: int | None


@dataclass(frozen=True, slots=True)
class Pending:
    """Rows that are decoded and not in their table."""

    sink: str
    rows: int


@dataclass(frozen=True, slots=True)
class Status:
    sources: tuple[SourceStatus, ...] = ()
    sinks: tuple[SinkStatus, ...] = ()
    live_rows: int = 0
    lake_rows: int | None = None              # None: no sink
    newest_event_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """Names for completion and did-you-mean. Topics are those seen last; nothing here asks a broker."""

    clusters: tuple[str, ...] = ()
    catalogs: tuple[str, ...] = ()
    topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)      # cluster -> topics
    sources: tuple[str, ...] = ()
    sinks: tuple[str, ...] = ()
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)      # table or view -> columns
    profiles: tuple[str, ...] = ()            # of the configuration file
    last: tuple[str, ...] = ()                # columns of the last result; the shell fills them in
