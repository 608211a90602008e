"""What the session shows about itself: prepared, frozen values that a prompt may read at any time without a lock or a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Self


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
    newest_event_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class SinkStatus:
    name: str
    state: str
    last_commit_age_s: float | None           # None: this process has not committed yet
    pending_rows: int
    snapshot_id: int | None
    source: str = ""
    reads: str = ""                           # the name under which its rows are read: the source's, or its own
    lake_rows: int = 0


@dataclass(frozen=True, slots=True)
class Awaited:
    """A cluster of the configuration that is not connected."""

    name: str
    state: str


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
    awaited: tuple[Awaited, ...] = ()

    @classmethod
    def of(cls, sources: Sequence[SourceStatus], sinks: Sequence[SinkStatus], awaited: Sequence[Awaited] = ()) -> Self:
        newest = min((s.newest_event_age_s for s in sources if s.newest_event_age_s is not None), default=None)
        lake = sum(s.lake_rows for s in sinks) if sinks else None
        return cls(tuple(sources), tuple(sinks), sum(s.buffer_rows for s in sources), lake, newest, tuple(awaited))

    def about(self, names: Set[str]) -> Self:
        """The part that a statement with these names, in lower case, reads."""
        sinks = [s for s in self.sinks if not names.isdisjoint((s.name.lower(), s.reads.lower()))]
        fed = {s.source.lower() for s in sinks}
        return self.of([s for s in self.sources if s.name.lower() in names | fed], sinks)


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
