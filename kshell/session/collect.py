"""The rows of the `kshell.*` tables, and the status that the prompt shows, from the objects of a session.

Invariant: nothing here asks a broker or a catalog; what is not known yet is NULL."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from kshell.flush.batch import error_row
from kshell.session.connections import Connections
from kshell.session.metrics import Sample
from kshell.session.secrets import Held, Secrets
from kshell.session.serving import Servers
from kshell.session.sink import SinkEntry
from kshell.session.sinks import Sinks
from kshell.session.sources import Source, Sources
from kshell.session.status import Awaited, SinkStatus, SourceStatus, Status

if TYPE_CHECKING:
    from kshell.iceberg import Head

Row = dict[str, Any]


def tables(connections: Connections, sources: Sources, sinks: Sinks, secrets: Secrets, measured: Iterable[Sample],
           servers: Servers) -> dict[str, list[Row]]:
    return {
        "connections": list(_connections(connections)),
        "secrets": [_secret(h, secrets.storage(h)) for h in secrets.known()],
        "sources": [_source(s) for s in sources],
        "sinks": [_sink(s) for s in sinks],
        "partitions": [row for s in sources for row in _partitions(s, sinks)],
        "commits": [row for s in sinks for row in _commits(s)],
        "errors": [{"source": s.name, **error_row(b)} for s in sources for b in s.ingest.errors()],
        "servers": [dict(row) for row in servers.rows()],
        "metrics": [_metric(s) for s in measured],
    }


def _connections(connections: Connections) -> Iterator[Row]:
    for name, attached in list(connections.clusters.items()):
        yield {"name": name, "type": "kafka", "address": attached.cluster.bootstrap,
               "state": "attached, INSECURE" if attached.secret is not None and attached.secret.insecure else "attached",
               "detail": f"cluster {attached.cluster.cluster_id}, {len(connections.topics.get(name, ()))} topics"}
    for name, expected in list(connections.expected.items()):
        yield {"name": name, "type": "kafka", "address": expected.address, "state": expected.state,
               "detail": expected.error.message if expected.error is not None else None}
    for name, catalog in list(connections.catalogs.items()):
        lake = catalog.lake
        yield {"name": name, "type": f"iceberg {lake.kind}", "address": lake.uri, "state": "read-only" if catalog.read_only else "attached",
               "detail": lake.warehouse}


def _secret(held: Held, storage: str) -> Row:
    return {"name": held.name, "type": held.kind, "scope": held.scope, "storage": storage, "options": held.shown(),
            "definition": held.definition}


def _source(source: Source) -> Row:
    status = source.ingest.status()
    return {"name": source.name, "topic": source.shown_topic(), "connection": source.cluster_name, "format": source.options["FORMAT"],
            "state": status.state, "rows_total": status.rows_total, "rows_per_second": round(status.rows_per_second, 1),
            "lag_messages": status.lag_messages, "lag_seconds": status.lag_seconds, "buffer_rows": status.buffer_rows,
            "buffer_bytes": status.buffer_bytes, "buffer_oldest_at": status.buffer_oldest_us, "evicted_rows": status.evicted_rows,
            "error_rows": status.error_rows, "last_error": status.last_error}


def _sink(entry: SinkEntry) -> Row:
    row: Row = {"name": entry.name, "id": entry.id, "source": entry.source.name, "table_name": entry.table_name, "state": entry.state(),
                "partitions": len(entry.source.start), "resolve_with": entry.cure()}
    if entry.flusher is None:
        return row | {"last_error": entry.stop.message if entry.stop else None}
    status = entry.flusher.status()
    head = entry.flusher.target.head
    return row | {"group_name": entry.flusher.target.group, "pending_rows": status.pending_rows, "pending_bytes": status.pending_bytes,
                  "committed_rows": sum(head.state.rows().values()) if head.state else 0, "last_commit_at": _micros(status.last_commit_at),
                  "last_snapshot_id": status.snapshot_id, "last_error": status.last_error}


def _partitions(source: Source, sinks: Sinks) -> Iterator[Row]:
    entry = next((s for s in sinks if s.source is source), None)
    head = entry.flusher.target.head if entry and entry.flusher else None
    cut = head.cut() if head else {}
    for (topic, partition), status in sorted(source.ingest.status().partitions.items()):
        gaps = [{"from": g.lo, "to": g.hi, "reason": g.reason} for g in status.gaps]
        yield {"source": source.name, "sink": entry.name if entry else None, "topic": topic, "partition": partition,
               "log_start": status.log_start,
               "log_end": status.log_end, "position": status.decoded, "buffer_start": status.buffer_start,
               "committed": cut.get((topic, partition)), "owned": bool(head), "gaps": json.dumps(gaps) if gaps else None}


def _commits(entry: SinkEntry) -> Iterator[Row]:
    for done in list(entry.flusher.commits) if entry.flusher else ():
        yield {"sink": entry.name, "snapshot_id": done.snapshot_id, "committed_at": _micros(done.committed_at), "rows": done.rows,
               "files": done.files, "bytes": done.bytes, "seconds": done.seconds, "ranges": done.ranges, "kind": done.kind}


def _metric(sample: Sample) -> Row:
    return {"name": sample.name, "labels": json.dumps(dict(sample.labels)), "value": sample.value, "updated_at": _micros(int(time.time()))}


def _micros(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1_000_000)


# ---- for the prompt --------------------------------------------------------------------------------------------------

def status(connections: Connections, sources: Sources, sinks: Sinks) -> Status:
    feeding = {s.source.name: s for s in sinks if s.flusher is not None}
    shown = tuple(_source_status(s, feeding.get(s.name)) for s in sources)
    awaited = [Awaited(name, expected.state) for name, expected in list(connections.expected.items())]
    return Status.of(shown, [_sink_status(s, sinks.head(s)) for s in sinks], awaited)


def freshness(now: Status) -> str:
    """One line about what a query sees: rows of both sides, the snapshot, the age of the newest event."""
    snapshots = ", ".join(f"{s.name} at snapshot {s.snapshot_id}" for s in now.sinks if s.snapshot_id is not None)
    age = "" if now.newest_event_age_s is None else f", data up to {now.newest_event_age_s:.1f} s ago"
    return f"live {now.live_rows} rows" + (f", lake {now.lake_rows} rows ({snapshots})" if snapshots else "") + age


def _source_status(source: Source, entry: SinkEntry | None) -> SourceStatus:
    now = source.ingest.status()
    oldest = now.buffer_oldest_us if entry is not None and now.buffer_rows else None
    return SourceStatus(source.name, now.state, now.lag_messages, now.rows_per_second, now.buffer_rows, now.buffer_bytes,
                        _age(oldest), now.error_rows, _age(source.buffer.newest_us))


def _age(micros: int | None) -> float | None:
    return None if micros is None else max(0.0, time.time() - micros / 1e6)


def _sink_status(entry: SinkEntry, head: Head | None) -> SinkStatus:
    source, reads = entry.source.name, entry.name if entry.reshape else entry.source.name
    rows = sum(head.state.rows().values()) if head is not None and head.state is not None else 0
    if entry.flusher is None:
        return SinkStatus(entry.name, entry.state(), None, 0, None, source, reads, rows)
    now = entry.flusher.status()
    return SinkStatus(entry.name, now.state, None if now.last_commit_at is None else time.time() - now.last_commit_at, now.pending_rows,
                      now.snapshot_id, source, reads, rows)

