"""TAIL, PRINT and their other names: what a target is, and the stream over it.

Invariant: a stream reads on a cursor of its own, with the variables, the time zone and the search path that the session has when it
begins; nothing is registered with a broker. `interrupt` and `close` reach every stream that is open."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from kshell.buffer import TP
from kshell.columns import literal, quote
from kshell.errors import Error, NotFoundError, RefusedError, did_you_mean
from kshell.lang.statements import Print, Span, Tail, Target, Value
from kshell.lang.stream import SINCE
from kshell.options import Duration, Position
from kshell.options import read as read_value
from kshell.query.recognise import recognised
from kshell.query.result import Result
from kshell.query.rewrite import Edits
from kshell.query.rowwise import Relation, relation
from kshell.query.runner import DUCKDB_ERRORS
from kshell.query.tail import Feed, Stream, Wish, translated
from kshell.query.tail_source import SourceFeed, Start
from kshell.query.tail_topic import Decoded, Printed, Says, Texts, TopicFeed
from kshell.session.connections import Connections
from kshell.session.context import Context
from kshell.session.placed import placed
from kshell.session.sample import SAMPLE, sample
from kshell.session.sinks import Sinks
from kshell.session.sources import Source, Sources

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster

_LIVE = "live"


class Tails:
    """`topics` False: only what sources and sinks have in memory is followed, no broker is asked for anything."""

    def __init__(self, context: Context, connections: Connections, sources: Sources, sinks: Sinks, *, topics: bool = True) -> None:
        self._context, self._connections, self._sources, self._sinks = context, connections, sources, sinks
        self._topics = topics
        self._open: weakref.WeakSet[Stream] = weakref.WeakSet()

    def tail(self, statement: Tail) -> Result:
        cursor = self._cursor()
        try:
            chosen = _relation(statement, cursor)
            parts = chosen.parts if chosen else statement.target.parts
            span = chosen.span if chosen else statement.target.span
            feed = self._feed(parts, span, statement, topic=statement.target.kind == "topic")
            wish = Wish(statement.text, statement.verb, parts[-1], (statement.target.span, chosen) if chosen else None, statement.where,
                        statement.limit, self._timeout_s(statement.timeout))
        except BaseException:
            cursor.close()
            raise
        return self._stream(cursor, feed, wish)

    def print(self, statement: Print) -> Result:
        cluster, topic = self._printed(statement)
        feed = TopicFeed(cluster, topic, self._start(statement), self._texts(cluster, topic), self._says(), every=statement.every)
        wish = Wish(statement.text, "PRINT", topic, limit=statement.limit, timeout_s=self._timeout_s(None))
        with placed(statement.target.span):
            return self._stream(self._cursor(), feed, wish)

    def interrupt(self) -> None:
        for stream in list(self._open):
            stream.interrupt()

    def close(self) -> None:
        for stream in list(self._open):
            stream.close()

    def _stream(self, cursor: duckdb.DuckDBPyConnection, feed: Feed, wish: Wish) -> Result:
        stream = Stream(cursor, feed, wish, check=self._context.cancel.check, warn=self._context.warn)
        self._open.add(stream)
        return stream.result()

    # ---- targets -----------------------------------------------------------------------------------------------------

    def _feed(self, parts: Sequence[str], span: Span, statement: Tail, *, topic: bool) -> Feed:
        start = self._start(statement)
        followed = None if topic else self._followed(parts)
        if followed is not None:
            return SourceFeed(followed, start, side="live" if _LIVE in (p.lower() for p in parts[:-1]) else "both")
        with placed(span):
            cluster, name = self._topic(parts, topic=topic)
            return TopicFeed(cluster, name, start, self._decoded(cluster, name), self._says())

    def _followed(self, parts: Sequence[str]) -> Followed | None:
        """A source, or the rows of an AS SELECT sink under the sink's own name."""
        source = self._source(parts)
        if source is not None or not _own(parts):
            return Followed(source) if source is not None else None
        sink = self._sinks.find(parts[-1])
        if sink is None or sink.select is None:
            return None
        if sink.flusher is None:
            raise RefusedError(f"sink {sink.name} is {sink.state()}, so no rows arrive in it",
                               hint=sink.cure() or f"RESUME SINK {sink.name}, or TAIL {sink.source.name}")
        return Followed(sink.source, outlet=sink.name)

    def _source(self, parts: Sequence[str]) -> Source | None:
        """`orders` and `live.orders`, with `memory.` and `main.` before them if need be."""
        return self._sources.find(parts[-1]) if _own(parts) else None

    def _topic(self, parts: Sequence[str], *, topic: bool) -> tuple[Cluster, str]:
        if not self._topics:
            name = ".".join(parts)
            raise NotFoundError(f"there is no source {name}", named=name, hint=did_you_mean(name, self._sources.names())
                                or "SHOW SOURCES lists them; topics are read where kshell runs: CREATE SOURCE keeps one live")
        if topic:
            return self._connections.cluster(None), parts[0]
        clusters = {name.lower(): name for name in self._connections.cluster_names()}
        if len(parts) > 1 and parts[0].lower() in clusters:
            return self._connections.cluster(clusters[parts[0].lower()]), ".".join(parts[1:])
        raise self._unknown(".".join(parts))

    def _unknown(self, name: str) -> Error:
        of = next((cluster for cluster, topic in self._connections.known_topics() if topic == name), None)
        if of is not None:
            return NotFoundError(f"there is no source {name}; a topic of this name is in {of}", hint=f"write the topic in quotes: '{name}'")
        found = self._context.cursor.execute("SELECT count(*) FROM information_schema.tables WHERE lower(table_name) = lower(?)",
                                             [name.rpartition(".")[2]]).fetchone()
        if found and found[0]:
            return RefusedError(f"{name} is no source: only sources and topics have rows that arrive",
                                hint=f".watch 2 FROM {name} LIMIT 20 shows it again and again")
        known = [*self._sources.names(), *(s.name for s in self._sinks if s.select)]
        near = did_you_mean(name, [*known, *(f"{c}.{topic}" for c, topic in self._connections.known_topics())])
        return NotFoundError(f"there is no source {name}", hint=near or "SHOW SOURCES lists them; a topic stands in quotes: TAIL 'orders'")

    def _printed(self, statement: Print) -> tuple[Cluster, str]:
        """PRINT is about records, so a source stands for its topic; a bare word may be a topic, as in ksqlDB."""
        target: Target = statement.target
        source = self._source(target.parts) if target.kind == "name" else None
        with placed(target.span):
            if source is not None:
                topics = source.current_topics()
                if len(topics) != 1:
                    raise RefusedError(f"source {source.name} reads {len(topics)} topics", hint=f"say which: PRINT '{topics[0]}'")
                return source.cluster, topics[0]
            bare = target.kind == "name" and len(target.parts) == 1
            return self._topic(target.parts, topic=target.kind == "topic" or bare)

    def _decoded(self, cluster: Cluster, topic: str) -> Decoded:
        return Decoded(topic, self._sampled(cluster, topic), self._context.warn, self._connections.registry(None, cluster.name))

    def _texts(self, cluster: Cluster, topic: str) -> Texts:
        """Text as it is, unless a registry says what the bytes are."""
        registry = self._connections.registry(None, cluster.name)
        if registry is None:
            return Texts()
        from kshell.decode.discovery import Asked, reading

        found = self._sampled(cluster, topic)
        values, _ = recognised(found, registry)
        if values.format in ("json", "string", "raw"):
            return Texts()
        return Printed(reading(Asked([topic], values.format, registry=registry, follows=True), lambda: found).decoder)

    def _sampled(self, cluster: Cluster, topic: str) -> pa.RecordBatch:
        tps = [(topic, p) for p in cluster.describe([topic])[topic].partitions]
        return sample(cluster, tps, SAMPLE, isolation="read_committed", check=self._context.cancel.check, headers=True)

    # ---- values ------------------------------------------------------------------------------------------------------

    def _start(self, statement: Tail | Print) -> Start:
        if statement.start != "since":
            return Start(statement.start, last=statement.last)
        position: Position = read_value(SINCE, statement.since, self._context.resolve, what="SINCE", zone=self._context.zone(),
                                        span=statement.since_span)
        if position.kind == "places":
            return Start("at", at=position.value)
        ms = time.time() * 1000 - position.value * 1000 if position.kind == "ago" else position.value
        return Start("since", since_ms=round(ms))

    def _timeout_s(self, written: Value) -> float | None:
        limit = self._context.settings.statement_timeout
        if written is None:
            return limit
        seconds = float(read_value(Duration(), written, self._context.resolve, what="TIMEOUT"))
        return seconds if limit is None else min(seconds, limit)

    def _says(self) -> Says:
        return Says(self._context.cancel.check, self._context.warn)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor that sees what the session's own sees: variables, time zone and search path belong to one cursor."""
        cursor, own = self._context.engine.cursor(), self._context.cursor
        zone, path = own.execute("SELECT current_setting('TimeZone'), current_setting('search_path')").fetchall()[0]
        cursor.execute(f"SET TimeZone = {literal(zone)}")
        if path:
            cursor.execute(f"SET search_path = {literal(path)}")
        names = [str(row[0]) for row in own.execute("SELECT name FROM duckdb_variables()").fetchall()]
        if names:
            listed = ", ".join(f"getvariable({literal(name)}) AS {quote(name)}" for name in names)
            cursor.register("kshell_variables", own.execute(f"SELECT {listed}").to_arrow_table())
            for name in names:
                cursor.execute(f"SET VARIABLE {quote(name)} = (SELECT {quote(name)} FROM kshell_variables)")
            cursor.unregister("kshell_variables")
        return cursor


def _relation(statement: Tail, cursor: duckdb.DuckDBPyConnection) -> Relation | None:
    """The relation in the target's query; None: the target is no query."""
    if statement.target.kind != "select":
        return None
    span = statement.target.span
    try:
        return relation(statement.text, span, cursor)
    except DUCKDB_ERRORS as raised:
        edits = Edits(statement.text)
        edits.replace(0, span.start, "")
        edits.replace(span.end, len(statement.text), "")
        raise translated(raised, edits) from None


def _own(parts: Sequence[str]) -> bool:
    names = [p.lower() for p in parts]
    return names[:-1] in ([], ["main"], ["memory"], ["memory", "main"], [_LIVE], ["memory", _LIVE])


class Followed:
    """A source as a stream needs it; with `outlet` what an AS SELECT sink makes of it."""

    def __init__(self, source: Source, outlet: str | None = None) -> None:
        self._source, self._outlet = source, outlet
        self.name, self.topic, self.multi_topic = outlet or source.name, source.topics[0], source.multi_topic

    def visible(self) -> Mapping[TP, int]:
        return self._source.buffer.visible()

    def first_live(self) -> Mapping[TP, int]:
        return self._source.buffer.first_live(self._outlet)

    def evicted_rows(self) -> int:
        return self._source.buffer.evicted_rows

    def restarts(self) -> int:
        return self._source.buffer.restarts

    def reused(self) -> Mapping[TP, int]:
        return self._source.ingest.reused()

    def bytes_per_row(self) -> int:
        buffer = self._source.buffer
        return buffer.held_bytes() // max(1, buffer.rows)

    def wait_moved(self, seen: Mapping[TP, int], timeout_s: float) -> bool:
        return self._source.ingest.wait_moved(seen, timeout_s)

    def ended(self) -> bool:
        return self._source.ingest.state in ("done", "stopped")
