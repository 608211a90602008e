"""Sources: what CREATE SOURCE makes, and the statements that change it.

Invariant: a source's options are resolved once, when it is created: its topics, its start offsets, its columns. What SHOW CREATE prints
makes the same source without looking at the topic again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell import decode
from kshell.buffer import TP
from kshell.buffer.budget import Budget
from kshell.buffer.buffer import Buffer
from kshell.buffer.widening import widens
from kshell.columns import Column
from kshell.decode import Decoder
from kshell.decode.discovery import ONE_COLUMN, Discovery, decoder_of, newest, titled, wanted_by
from kshell.errors import ConflictError, ExistsError, NotFoundError, RefusedError, did_you_mean
from kshell.ingest import IngestSpec, Trouble
from kshell.lang import declared
from kshell.lang.statements import AlterSource, CreateSource, Span
from kshell.options import Parsed, Position, canonical
from kshell.options import read as read_value
from kshell.session import positions
from kshell.session.attached import Attached
from kshell.session.connections import Connections
from kshell.session.context import Context
from kshell.session.evolution import Evolution, additions, as_committed, merged, named, told
from kshell.session.included import included
from kshell.session.placed import placed
from kshell.session.shaping import Shaping

if TYPE_CHECKING:
    from kshell.ingest.ingest import Ingest
    from kshell.kafka.cluster import Cluster, TopicInfo

RESERVED = frozenset({"live", "lake", "kshell", "memory", "main"})
_INTERNAL = "__"

Wanted = Callable[[Sequence[Column]], Sequence[Column]]      # what is wanted of a table that has these columns


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
    evolution: Evolution | None = None        # None: members without a column get none

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
        self.on_evolve: Callable[[Source, Wanted], Sequence[Column] | None] = lambda source, wanted: None    # of its table; None: no table
        self.resumes: Callable[[Source], str] = made_again
        self.on_evolved: Callable[[Source], None] = lambda source: None

    def limit(self, bytes_: int) -> None:
        """What the buffers of all sources together may hold."""
        self.budget.limit_bytes = bytes_
        self._sized()

    def _sized(self) -> None:
        held = sum(s.options["RETAIN_BYTES"] for s in self)
        self._context.engine.buffers_may_hold(min(self.budget.limit_bytes, held))

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
        with placed(options.spans.get("CONFIG")):
            _check_config(options)
        source = self._build(statement, attached, options, replaces=old)
        self._by_name[statement.name.lower()] = source
        self._sized()
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
        from kshell.ingest.ingest import Ingest

        evolution = Evolution() if _evolves(options, was_declared) else None
        decoder = _decoder(options, shape.discovery, shape.decoder.columns, evolution)
        if replaces is not None:
            self._end(replaces)
        buffer = Buffer(self._context.engine, name, (*decoder.columns, *decoder.metadata), retain_bytes=options["RETAIN_BYTES"],
                        retain_rows=options["RETAIN_ROWS"], retain_time_s=options["RETAIN_TIME"], multi_topic="topic" in included(options),
                        budget=self.budget)
        spec = _spec(name, topics, options, start, stop, by_headers=shape.discovery.by_headers)
        ingest = Ingest(self._context.engine, cluster, buffer, decoder, spec, notice=self._context.warn,
                        trouble=lambda trouble: self.on_trouble(name, trouble),
                        evolve=None if evolution is None else lambda before, proposal: self._evolve(name, before, proposal))
        return Source(name, cluster.name, cluster, tuple(topics), options, tuple(decoder.columns), was_declared, start, stop, decoder,
                      buffer, ingest, shape.discovery, evolution)

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
        counted = f"{len(source.columns)} column{'s' if len(source.columns) != 1 else ''}"
        if source.shape.schema is not None:
            return f"{what}, {counted} of {source.options['FORMAT']} by {titled(source.shape.schema)}"
        return f"{what}, {counted} inferred (SHOW CREATE SOURCE {source.name} prints them)"

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
            case "add_column":
                return self._add_column(source, statement, used_by)
            case "drop_column":
                return self._drop_column(source, str(statement.to), used_by)
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
        self._sized()
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

    def _add_column(self, source: Source, statement: AlterSource, used_by: Sequence[str]) -> str:
        """The table first. What is buffered is read again, as far as Kafka has it; rows that have landed stay NULL."""
        assert statement.column is not None
        column, = decode.declare([statement.column])
        _require_columns(source)
        if any(c.name.lower() == column.name.lower() for c in source.segment_columns):
            raise ExistsError(f"source {source.name} has a column {column.name} already", hint=f"DESCRIBE SOURCE {source.name} lists them")
        if used_by and (column.path or column.not_null):
            raise ConflictError(f"FROM and NOT NULL decide which records are rows of the sink {used_by[0]}",
                                hint=f"DROP SINK {used_by[0]} first; a column of the field's own name and type can be added")
        with changing(source):
            table = self.on_evolve(source, lambda have: [column])
            self._read_again(source, merged(source.columns, [column], table))
        return f"source {source.name}: column {column.name} added"

    def _drop_column(self, source: Source, name: str, used_by: Sequence[str]) -> str:
        _require_columns(source)
        kept = [c for c in source.columns if c.name.lower() != name.lower()]
        if len(kept) == len(source.columns):
            raise NotFoundError(f"source {source.name} has no column {name}", named=name,
                                hint=did_you_mean(name, [c.name for c in source.columns]) or f"DESCRIBE SOURCE {source.name} lists them")
        if used_by:
            raise ConflictError(f"source {source.name} feeds the sink {used_by[0]}, whose table keeps its columns",
                                hint=f"DROP SINK {used_by[0]} first")
        if source.evolution is not None:
            raise RefusedError(f"the next record with {name} would bring the column back",
                               hint=f"CREATE OR REPLACE SOURCE {source.name} ... with SCHEMA_EVOLUTION none")
        if not kept:
            raise RefusedError(f"{name} is the only column of source {source.name}", hint=f"DROP SOURCE {source.name}")
        with changing(source):
            self._read_again(source, kept)
        return f"source {source.name}: column {name} dropped"

    def _read_again(self, source: Source, columns: Sequence[Column]) -> None:
        """The columns stand there at once; their values follow as the buffer is read again."""
        before = source.decoder
        source.ingest.grow(before, self._take(source, columns))
        self.on_evolved(source)
        source.ingest.set_decoder(source.decoder, source.segment_columns, {})

    def refresh(self, source: Source) -> None:
        """Ask the cluster for partitions and, where columns may come later, the registry for a newer schema."""
        source.ingest.refresh()
        if source.evolution is not None:
            wanted = wanted_by(source.columns, newest(source.shape))
            if wanted:
                self._evolve(source.name, source.decoder, wanted)

    def drop(self, source: Source) -> None:
        self._end(source)
        del self._by_name[source.name.lower()]
        self._sized()

    def _end(self, source: Source) -> None:
        _stop(source)
        source.buffer.close()

    # ---- for sinks ---------------------------------------------------------------------------------------------------

    def adopt(self, source: Source, columns: Sequence[Column], cut: Mapping[TP, int]) -> None:
        """Take the types of a sink's table: later records decode to them, and what the table lacks is read again."""
        with changing(source):
            types = {c.name: c.type for c in columns}
            payload = [as_committed(c, types[c.name]) for c in source.decoder.columns if c.name in types]
            source.decoder = _decoder(source.options, source.shape, payload, source.evolution)
            source.columns = tuple(source.decoder.columns)
            source.ingest.set_decoder(source.decoder, source.segment_columns, dict(cut))

    # ---- columns that come later -------------------------------------------------------------------------------------

    def _evolve(self, name: str, before: Decoder, proposal: tuple[Column, ...]) -> Decoder | None:
        """From the decoding thread: the table first, then the source. An Error: the partition waits and asks again."""
        source = self.get(name)
        assert source.evolution is not None
        with source.evolution.lock:
            if source.decoder is not before:  # the columns have changed meanwhile: what the records want is asked of those
                return source.ingest.grow(before, source.decoder)
            if _suspended(source):
                return None
            counted = source.columns
            table = self.on_evolve(source, lambda have: self._admitted(source, proposal, have))
            if table is None:
                self._admitted(source, proposal, ())
            if _suspended(source):
                return self._take(source, source.columns)
            wanted = named(proposal, source.columns, table or ())
            after = self._take(source, merged(source.columns, wanted, table))
            source.evolution.added(additions(counted, source.columns))
        self.on_evolved(source)
        if change := told(counted, source.columns):
            self._context.note(f"source {name}: {change}")
        return after

    def _admitted(self, source: Source, proposal: Sequence[Column], table: Sequence[Column]) -> tuple[Column, ...]:
        """The proposal with the table's names; nothing when there were too many new columns."""
        assert source.evolution is not None
        wanted = named(proposal, source.columns, table)
        known = {c.name for c in table} - {c.name for c in source.columns}
        count = additions(source.columns, [c for c in wanted if c.name not in known])
        reason = source.evolution.refuses(count, len(table or source.columns)) if count else None
        if reason is None:
            return wanted
        source.evolution.suspended = True
        self._context.warn(f"SCHEMA_RUNAWAY: source {source.name}: {reason}; new fields {_kept(source)} until {self.resumes(source)}")
        return ()

    def _take(self, source: Source, columns: Sequence[Column]) -> Decoder:
        source.decoder = _decoder(source.options, source.shape, columns, source.evolution)
        source.columns = tuple(source.decoder.columns)
        return source.decoder

    def follow(self, source: Source, table: Sequence[Column]) -> None:
        """Take types of the table that others have widened. What the table lacks is more recent here than there."""
        types = {c.name: c.type for c in table}
        if not any(_wider(c, types) for c in source.columns):
            return
        with changing(source):
            before = source.decoder
            columns = [as_committed(c, types[c.name]) if _wider(c, types) else c for c in source.columns]
            source.ingest.grow(before, self._take(source, columns))

    def resume_evolution(self, source: Source) -> bool:
        """False: it was not suspended."""
        if source.evolution is None or not source.evolution.suspended:
            return False
        with source.evolution.lock:
            source.evolution.resume()
            before = source.decoder
            source.ingest.grow(before, self._take(source, source.columns))
        return True

    def another_decoder(self, source: Source) -> Decoder:
        """Of the definition that the source has at the moment, for another thread than the one that ingests. Registries are asked anew."""
        self._connections.registries.ask_again()
        return decoder_of(source.shape, source.options["KEY_FORMAT"], source.ingest.decoder.columns, included(source.options))

    def close(self) -> None:
        for source in self:
            _stop(source)


def _stop(source: Source) -> None:
    source.ingest.stop()
    if source.shape.schemas.isolation is not None:
        source.shape.schemas.isolation.shut()


def _evolves(options: Parsed, declared_columns: bool) -> bool:
    if options["FORMAT"] in ONE_COLUMN:
        return False
    return bool((options["SCHEMA_EVOLUTION"] or ("none" if declared_columns else "add")) == "add")


def _decoder(options: Parsed, shape: Discovery, columns: Sequence[Column], evolution: Evolution | None) -> Decoder:
    evolves = evolution is not None and not evolution.suspended
    return decoder_of(shape, options["KEY_FORMAT"], columns, included(options), evolves=evolves)


def changing(source: Source) -> AbstractContextManager[object]:
    """Held by whoever changes the columns of a source."""
    return source.evolution.lock if source.evolution is not None else nullcontext()


def made_again(source: Source) -> str:
    return f"it is made again: CREATE OR REPLACE SOURCE {source.name} ..."


def _require_columns(source: Source) -> None:
    if source.options["FORMAT"] in ONE_COLUMN:
        raise RefusedError(f"FORMAT {source.options['FORMAT']} has one column, value", hint="use FORMAT json")


def _wider(column: Column, types: Mapping[str, str]) -> bool:
    theirs = types.get(column.name, column.type)
    return theirs != column.type and widens(column.type, theirs)


def _suspended(source: Source) -> bool:
    return source.evolution is not None and source.evolution.suspended


def _kept(source: Source) -> str:
    return "go to _kafka_rest" if "rest" in included(source.options) else "are counted"


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

