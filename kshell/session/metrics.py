"""The measurements of a session: what `kshell.metrics` lists and Prometheus reads, under the same names.

Invariant: nothing here runs SQL, asks a broker or waits for one; a label holds the name of something, never a value of the data. What is
not known yet is left out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from kshell.session.sink import SinkEntry
from kshell.session.sources import Source

if TYPE_CHECKING:
    from kshell.ingest.values import Status

Kind = Literal["counter", "gauge", "summary", "histogram"]
METRICS: dict[str, tuple[Kind, str]] = {
    "kshell_source_rows_total": ("counter", "Rows decoded since the source was created."),
    "kshell_source_lag_messages": ("gauge", "Messages between what is decoded of a partition and the end of its log."),
    "kshell_source_lag_seconds": ("gauge", "Age of the newest row while a source is behind; 0 when it has caught up."),
    "kshell_source_state": ("gauge", "1 for the state that a source is in."),
    "kshell_source_events_total": ("counter", "Incidents of reading and decoding, by their name."),
    "kshell_buffer_rows": ("gauge", "Rows in the live buffer."),
    "kshell_buffer_bytes": ("gauge", "Bytes of the live buffer."),
    "kshell_buffer_oldest_seconds": ("gauge", "Age of the oldest row in the live buffer."),
    "kshell_evicted_rows_total": ("counter", "Rows that a buffer without a sink has dropped to make room."),
    "kshell_error_rows_total": ("counter", "Records that did not decode."),
    "kshell_backpressure_seconds_total": ("counter", "Time in which a full buffer held up reading."),
    "kshell_sink_state": ("gauge", "1 for the state that a sink is in."),
    "kshell_sink_pending_rows": ("gauge", "Rows decoded and not yet committed."),
    "kshell_sink_committed_rows_total": ("counter", "Rows committed by this process."),
    "kshell_sink_commits_total": ("counter", "Attempts to commit, by how they ended."),
    "kshell_sink_commit_seconds": ("summary", "Duration of the commits that landed."),
    "kshell_sink_last_commit_timestamp_seconds": ("gauge", "When this process committed last, in seconds since 1970."),
    "kshell_sessions": ("gauge", "Clients connected to a server."),
    "kshell_queries_total": ("counter", "Statements of clients, by how they ended."),
    "kshell_query_seconds": ("histogram", "Duration of the statements of clients."),
}
_EVENT = re.compile(r"[a-z][a-z_]{0,40}")
_MOST_EVENTS = 50                             # names of a source: a decoder in a process of its own says them


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. `name` is that of a metric, with _sum, _count or _bucket behind it where the metric is a summary or a histogram."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Serves(Protocol):
    """Whoever serves clients beside the session's own user."""

    def samples(self) -> Iterable[Sample]: ...


def samples(sources: Iterable[Source], sinks: Iterable[SinkEntry], servers: Serves) -> list[Sample]:
    """In the order of METRICS, so that those of one metric stand together."""
    found = [*(s for source in sources for s in _of_source(source)), *(s for sink in sinks for s in _of_sink(sink)),
             *servers.samples()]
    order = {name: place for place, name in enumerate(METRICS)}
    return sorted(found, key=lambda sample: order[metric(sample.name)])


def metric(name: str) -> str:
    """The metric that a sample belongs to."""
    return name if name in METRICS else name.rpartition("_")[0]


def _of_source(source: Source) -> Iterator[Sample]:
    status, of = source.ingest.status(), {"source": source.name}
    oldest = status.buffer_oldest_us if status.buffer_rows else None
    values: dict[str, float | None] = {
        "kshell_source_rows_total": status.rows_total, "kshell_source_lag_seconds": status.lag_seconds,
        "kshell_buffer_rows": status.buffer_rows, "kshell_buffer_bytes": status.buffer_bytes,
        "kshell_buffer_oldest_seconds": None if oldest is None else max(0.0, time.time() - oldest / 1e6),
        "kshell_evicted_rows_total": status.evicted_rows, "kshell_error_rows_total": status.error_rows,
        "kshell_backpressure_seconds_total": status.backpressure_s,
    }
    yield from (Sample(name, float(value), of) for name, value in values.items() if value is not None)
    yield Sample("kshell_source_state", 1.0, of | {"state": status.state})
    yield from _lags(status, of)
    yield from (Sample("kshell_source_events_total", float(count), of | {"event": event}) for event, count in _events(status))


def _lags(status: Status, of: Mapping[str, str]) -> Iterator[Sample]:
    """Their sum is lag_messages of kshell.sources."""
    for (topic, partition), at in sorted(status.partitions.items()):
        if at.log_end is not None:
            yield Sample("kshell_source_lag_messages", float(max(0, at.log_end - at.decoded)),
                         {**of, "topic": topic, "partition": str(partition)})


def _events(status: Status) -> list[tuple[str, int]]:
    return [(event, count) for event, count in sorted(status.counters.items()) if _EVENT.fullmatch(event)][:_MOST_EVENTS]


def _of_sink(entry: SinkEntry) -> Iterator[Sample]:
    of = {"sink": entry.name, "source": entry.source.name}
    yield Sample("kshell_sink_state", 1.0, of | {"state": entry.state()})
    if entry.flusher is None:
        return
    status, totals = entry.flusher.status(), entry.flusher.totals
    yield Sample("kshell_sink_pending_rows", float(status.pending_rows), of)
    yield Sample("kshell_sink_committed_rows_total", float(status.committed_rows), of)
    yield Sample("kshell_sink_commits_total", float(totals.landed), of | {"result": "committed"})
    yield Sample("kshell_sink_commits_total", float(totals.failed), of | {"result": "failed"})
    yield Sample("kshell_sink_commit_seconds_sum", totals.seconds, of)
    yield Sample("kshell_sink_commit_seconds_count", float(totals.landed), of)
    if status.last_commit_at is not None:
        yield Sample("kshell_sink_last_commit_timestamp_seconds", status.last_commit_at, of)


__all__ = ["METRICS", "Sample", "Serves", "metric", "samples"]
