"""Sources: what CREATE SOURCE makes, and the statements that change it.

Invariant: a source's options are resolved once, when it is created: its topics, its start offsets, its columns. What SHOW CREATE prints
makes the same source without looking at the topic again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.buffer import TP
from kshell.buffer.budget import Budget
from kshell.buffer.buffer import Buffer
from kshell.columns import Column
from kshell.decode import Decoder
from kshell.decode.discovery import ONE_COLUMN, Discovery, decoder_of, titled
from kshell.errors import ConflictError, ExistsError, NotFoundError, RefusedError, did_you_mean
from kshell.ingest import IngestSpec, Trouble
from kshell.ingest.ingest import Ingest
from kshell.lang import declared
from kshell.lang.statements import AlterSource, CreateSource, Span
from kshell.options import Parsed, Position, canonical
from kshell.options import read as read_value
from kshell.session import positions
from kshell.session.connections import Attached, Connections
from kshell.session.context import Context
from kshell.session.included import included
from kshell.session.placed import placed
from kshell.session.shaping import Shaping

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster, TopicInfo

RESERVED = frozenset({"live", "lake", "kshell", "memory", "main"})
_INTERNAL = "__"


@dataclass(slots=True)
class Source:
    name: str
    cluster_name: str
    cluster: Cluster
    topics: tuple[str, ...]                   # when it was created; a pattern may add to them
    options: Parsed
    columns: tuple[Column, ...]               # payload
    declared: bool                            # the columns were written down, not inferred
    start: Mapping[TP, int]
    stop: Mapping[TP, int] | None             # None: unbounded
    decoder: Decoder
    buffer: Buffer
    ingest: Ingest
    shape: Discovery                          # what its format and its schemas were found to be

    @property
    def pattern(self) -> str | None:
        found = self.options["TOPIC_PATTERN"]
        return None if found is None else str(found)

    @property
    def multi_topic(self) -> bool:
        return "topic" in included(self.options)

    @property
    def segment_columns(self) -> tuple[Column, ...]:
        return (*self.decoder.columns, *self.decoder.metadata)

    def current_topics(self) -> tuple[str, ...]:
        return tuple(sorted({*self.topics, *(t for t, _ in self.ingest.status().partitions)}))

    def shown_topic(self) -> str:
        return self.pattern or ", ".join(self.topics)

    def partitions(self) -> tuple[int, ...] | None:
        chosen = self.options["PARTITIONS"]
        return tuple(chosen) if chosen is not None else None


class Sources:
    """All sources of a session. `on_trouble(name of the source, trouble)` is told when Kafka contradicts a sink's progress."""

    def __init__(self, context: Context, connections: Connections) -> None:
        self._context = context
        self._connections = connections
        self._shaping = Shaping(context, connections.registries)
        self._by_name: dict[str, Source] = {}
        self.budget = Budget(context.settings.buffer_bytes)
        self.on_trouble: Callable[[str, Trouble], None] = lambda source, trouble: None

    def __iter__(self) -> Iterator[Source]:
        return iter(list(self._by_name.values()))

    def names(self) -> list[str]:
        return [s.name for s in self]

    def find(self, name: str) -> Source | None:
        return self._by_name.get(name.lower())

    def get(self, name: str) -> Source:
        found = self.find(name)
        if found is None:
            raise NotFoundError(f"there is no source {name}", named=name,
                                hint=did_you_mean(name, self.names()) or "SHOW SOURCES lists them")
        return found

    # ---- CREATE ------------------------------------------------------------------------------------------------------

    def create(self, statement: CreateSource, *, used_by: Sequence[str]) -> str | None:
        """The note for the user; None: it was there and IF NOT EXISTS was said. `used_by`: sinks of the source it would replace."""
        old = self.find(statement.name)
        if old is not None and statement.if_not_exists:
            return None
        self._check_name(statement, old, used_by)
        options = declared.SOURCE.parse(statement.options, self._context.resolve, zone=self._context.zone())
        options.spans.setdefault("TOPIC", statement.name_span)
        with placed(statement.cluster_span):
            attached = self._connections.attached(statement.cluster, is_address=statement.cluster_is_address)
        options.update({k: v for k, v in attached.defaults.items() if k not in options.given})
        _check_config(options)
        source = self._build(statement, attached, options, replaces=old)
        self._by_name[statement.name.lower()] = source
        source.ingest.start()
        return self._created_note(source)

    def _check_name(self, statement: CreateSource, old: Source | None, used_by: Sequence[str]) -> None:
        span = statement.name_span
        place = {"position": span.start, "length": span.end - span.start}
        if old is not None and not statement.or_replace:
            raise ExistsError(f"source {statement.name} exists already",
                              hint="CREATE OR REPLACE SOURCE, or CREATE SOURCE IF NOT EXISTS", **place)
        if old is not None and used_by:
            raise ConflictError(f"source {statement.name} feeds the sink {used_by[0]}", hint=f"DROP SINK {used_by[0]} first", **place)
        if statement.name.lower() in RESERVED:
            raise RefusedError(f"{statement.name} is a schema of kshell", hint="give the source another name", **place)
        if old is None and self.is_relation(statement.name):
            raise ExistsError(f"a table or view {statement.name} exists already",
                              hint=f"DROP it, or give the source another name and TOPIC '{statement.name}'",
                              **place)

    def is_relation(self, name: str) -> bool:
        query = ("SELECT count(*) FROM information_schema.tables "
                 "WHERE table_catalog = 'memory' AND table_schema = 'main' AND lower(table_name) = lower(?)")
        found = self._context.cursor.execute(query, [name]).fetchone()
        return found is not None and bool(found[0])

    def _build(self, statement: CreateSource, attached: Attached, options: Parsed, *, replaces: Source | None) -> Source:
        name, cluster = statement.name, attached.cluster
        with placed(_named_at(options)):
            topics = self._topics(name, cluster, options)
        with placed(options.spans.get("PARTITIONS")):
            tps = _partitions_of(topics, options["PARTITIONS"])
        committed = options["ISOLATION"] == "read_committed"
        start = positions.resolve(cluster, options["START"], tps, committed=committed)
        stop = positions.resolve(cluster, options["STOP"], tps, committed=committed) if options["STOP"] is not None else None
        shape = self._shaping.shape(statement, attached, options, list(topics), tps)
        was_declared = bool(statement.columns) or options["FORMAT"] in ONE_COLUMN
        decoder = shape.decoder
        if replaces is not None:
            self._end(replaces)
        buffer = Buffer(self._context.engine, name, (*decoder.columns, *decoder.metadata), retain_bytes=options["RETAIN_BYTES"],
                        retain_rows=options["RETAIN_ROWS"], retain_time_s=options["RETAIN_TIME"], multi_topic="topic" in included(options),
                        budget=self.budget)
        spec = _spec(name, topics, options, start, stop, by_headers=shape.discovery.by_headers)
        ingest = Ingest(self._context.engine, cluster, buffer, decoder, spec, notice=self._context.warn,
                        trouble=lambda trouble: self.on_trouble(name, trouble))
        return Source(name, cluster.name, cluster, tuple(topics), options, tuple(decoder.columns), was_declared, start, stop, decoder,
                      buffer, ingest, shape.discovery)

    def _topics(self, name: str, cluster: Cluster, options: Parsed) -> dict[str, TopicInfo]:
        """The topics to read. A topic that does not exist is an error and is never made."""
        if options["TOPIC_PATTERN"] is not None:
            pattern = re.compile(options["TOPIC_PATTERN"])
            internal = _INTERNAL in options["TOPIC_PATTERN"]
            names = [t.name for t in cluster.topics(internal=internal) if pattern.fullmatch(t.name)]
            if not names:
                raise NotFoundError(f"no topic of cluster {cluster.name} matches the pattern {options['TOPIC_PATTERN']}",
                                    hint="the pattern must match the whole name: '.*orders.*'")
            return cluster.describe(names)
        return cluster.describe(options["TOPICS"] or [options["TOPIC"] or name])

    def _created_note(self, source: Source) -> str:
        count = len(source.start)
        what = f"source {source.name}: {source.shown_topic()}, {count} partition{'s' if count != 1 else ''}"
        if source.declared:
            return what
        if source.shape.schema is not None:
            return f"{what}, {len(source.columns)} columns of {source.options['FORMAT']} by {titled(source.shape.schema)}"
        if source.options["SCHEMA_EVOLUTION"] == "add":
            self._context.once("fields that appear later do not become columns yet; they are counted, or kept with INCLUDE [rest]")
        return f"{what}, {len(source.columns)} columns inferred (SHOW CREATE SOURCE {source.name} prints them)"

    # ---- ALTER, DROP -------------------------------------------------------------------------------------------------

    def alter(self, statement: AlterSource, *, used_by: Sequence[str]) -> str | None:
        source = self.find(statement.name)
        if source is None and statement.if_exists:
            return None
        source = self.get(statement.name)
        match statement.action:
            case "set" | "reset":
                return self._set(source, statement, used_by)
            case "seek":
                return self._seek(source, statement, used_by)
            case _:
                raise RefusedError(f"ALTER SOURCE ... {statement.action.replace('_', ' ').upper()} is not built yet",
                                   hint=f"CREATE OR REPLACE SOURCE {source.name} ... reads the topic again under another definition")

    def _set(self, source: Source, statement: AlterSource, used_by: Sequence[str]) -> str:
        changed = (declared.SOURCE.changes(statement.options, self._context.resolve, zone=self._context.zone()) if statement.action == "set"
                   else declared.SOURCE.reset(statement.keys))
        if used_by and "ON_ERROR" in changed:
            raise ConflictError(f"ON_ERROR of {source.name} decides which records are rows of the sink {used_by[0]}",
                                hint=f"DROP SINK {used_by[0]} first")
        soft = {"RETAIN_BYTES", "RETAIN_ROWS", "RETAIN_TIME"}
        hard = [k for k in changed if k not in soft]
        if hard:
            raise RefusedError(f"{hard[0]} cannot change while source {source.name} runs",
                               hint=f"CREATE OR REPLACE SOURCE {source.name} ...")
        source.options = Parsed({**source.options, **changed}, source.options.given | changed.given, source.options.spans)
        source.buffer.set_retention(retain_bytes=source.options["RETAIN_BYTES"], retain_rows=source.options["RETAIN_ROWS"],
                                    retain_time_s=source.options["RETAIN_TIME"])
        return f"source {source.name} altered"

    def _seek(self, source: Source, statement: AlterSource, used_by: Sequence[str]) -> str:
        if used_by:
            raise ConflictError(f"source {source.name} feeds the sink {used_by[0]}, whose table knows where to go on",
                                hint=f"DROP SINK {used_by[0]} first")
        kind = declared.SOURCE["START"].kind
        position: Position = read_value(kind, statement.to, self._context.resolve, what="SEEK TO", zone=self._context.zone())
        tps = list(source.ingest.status().partitions)
        offsets = positions.resolve(source.cluster, position, tps, committed=source.options["ISOLATION"] == "read_committed")
        source.buffer.restart(offsets)
        return f"source {source.name} reads again from {canonical(position.kind).lower()}"

    def drop(self, source: Source) -> None:
        self._end(source)
        del self._by_name[source.name.lower()]

    def _end(self, source: Source) -> None:
        source.ingest.stop()
        source.buffer.close()

    # ---- for sinks ---------------------------------------------------------------------------------------------------

    def adopt(self, source: Source, columns: Sequence[Column], cut: Mapping[TP, int]) -> None:
        """Take the types of a sink's table: later records decode to them, and what the table lacks is read again."""
        payload = [c for c in columns if c.name in {have.name for have in source.decoder.columns}]
        source.decoder = decoder_of(source.shape, source.options["KEY_FORMAT"], payload, included(source.options))
        source.columns = tuple(source.decoder.columns)
        source.ingest.set_decoder(source.decoder, source.segment_columns, dict(cut))

    def close(self) -> None:
        for source in self:
            source.ingest.stop()


def _named_at(options: Parsed) -> Span | None:
    """Where the statement says which topics."""
    return next((options.spans[key] for key in ("TOPIC_PATTERN", "TOPICS", "TOPIC") if key in options.spans), None)


def _check_config(options: Parsed) -> None:
    """A setting that may not stand in CONFIG is refused here, not by the thread that would use it."""
    if options["CONFIG"]:
        from kshell.kafka.settings import tried

        tried({k: str(v) for k, v in options["CONFIG"].items()})


def _spec(name: str, topics: Mapping[str, TopicInfo], options: Parsed, start: Mapping[TP, int],
          stop: Mapping[TP, int] | None, *, by_headers: bool) -> IngestSpec:
    config = {k: str(v) for k, v in (options["CONFIG"] or {}).items()}
    refresh_ms = float(config.get("topic.metadata.refresh.interval.ms", 30_000))
    chosen = options["PARTITIONS"]
    return IngestSpec(
        source=name, topics=tuple(topics), start=dict(start), stop=stop, pattern=options["TOPIC_PATTERN"],
        partitions=tuple(chosen) if chosen is not None else None, topic_ids={t.name: t.id for t in topics.values()},
        on_error=options["ON_ERROR"], isolation=options["ISOLATION"], config=config,
        headers=by_headers or "headers" in included(options), multi_topic="topic" in included(options),
        metadata_interval_s=max(0.1, refresh_ms / 1000))


def _partitions_of(topics: Mapping[str, TopicInfo], chosen: Sequence[int] | None) -> list[TP]:
    if chosen is not None:
        for partition in chosen:
            if not any(partition in t.partitions for t in topics.values()):
                name = next(iter(topics))
                raise NotFoundError(f"topic {name} has no partition {partition}",
                                    hint=f"partitions: {', '.join(map(str, topics[name].partitions))}")
    return [(t.name, p) for t in topics.values() for p in t.partitions if chosen is None or p in chosen]

