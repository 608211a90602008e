"""Sinks: what CREATE SINK makes, how it starts from the table's own progress, and the statements that change or resolve it.

Invariant: nothing but the table says where a sink goes on. A sink that may not go on is registered in its STOP state and writes
nothing until the statement that resolves it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.buffer import TP, BadRow, Outlet, views
from kshell.buffer import Lake as BufferLake
from kshell.errors import ConflictError, Error, ExistsError, NotFoundError, RefusedError, did_you_mean
from kshell.flush.batch import error_rows
from kshell.flush.facts import topic_logs
from kshell.flush.flusher import Flusher
from kshell.flush.policy import Policy
from kshell.flush.target import Target
from kshell.iceberg import Control, Created, Head, KafkaFacts, Range, Sink, SinkSpec, Stop, StopState, Unset
from kshell.ingest import Trouble
from kshell.lang import declared
from kshell.lang.statements import AlterSink, CreateSink
from kshell.options import Parsed, Position
from kshell.session import positions
from kshell.session.connections import Catalog, Connections
from kshell.session.context import Context
from kshell.session.sources import Source, Sources, included

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

HAND_OVER_S = 30.0                            # how long CREATE SINK waits until the views show the table
SAY_GAP_S = 1.0
_DECODER_REVISION = 1                         # raised when the verdict on a record changes


@dataclass(slots=True)
class SinkEntry:
    """A sink of this session. `flusher` is None while it may not write: before RESUME of a PAUSED one, and in a STOP state."""

    name: str
    id: str
    source: Source
    catalog_name: str
    table: tuple[str, ...]                    # namespace..., name
    options: Parsed
    definition: str
    replace: bool = False                     # CREATE OR REPLACE: an existing progress takes this definition
    created: Created | None = None
    flusher: Flusher | None = None
    stop: Stop | None = None

    @property
    def table_name(self) -> str:
        return ".".join((self.catalog_name, *self.table))

    def state(self) -> str:
        if self.flusher is not None:
            return self.flusher.status().state
        return str(self.stop.state) if self.stop else "paused"

    def cure(self) -> str | None:
        if self.flusher is not None:
            return self.flusher.status().cure
        return self.stop.cure if self.stop else None

    def running(self) -> Flusher:
        """The thread that commits, or the reason why there is none."""
        if self.flusher is not None:
            return self.flusher
        if self.stop is not None:
            raise self.stop
        raise RefusedError(f"sink {self.name} is paused", hint=f"RESUME SINK {self.name}")


class Sinks:
    def __init__(self, context: Context, connections: Connections, sources: Sources) -> None:
        self._context = context
        self._connections = connections
        self._sources = sources
        self._by_name: dict[str, SinkEntry] = {}
        sources.on_trouble = self._trouble

    def __iter__(self) -> Iterator[SinkEntry]:
        return iter(list(self._by_name.values()))

    def names(self) -> list[str]:
        return [s.name for s in self]

    def find(self, name: str) -> SinkEntry | None:
        return self._by_name.get(name.lower())

    def get(self, name: str) -> SinkEntry:
        found = self.find(name)
        if found is None:
            raise NotFoundError(f"there is no sink {name}", hint=did_you_mean(name, self.names()) or "SHOW SINKS lists them")
        return found

    def of_source(self, source: str) -> list[str]:
        return [s.name for s in self if s.source.name.lower() == source.lower()]

    def of_catalog(self, catalog: str) -> list[str]:
        return [s.name for s in self if s.catalog_name == catalog]

    # ---- CREATE ------------------------------------------------------------------------------------------------------

    def create(self, statement: CreateSink) -> str | None:
        """The note for the user; None: it was there and IF NOT EXISTS was said."""
        if self.find(statement.name) is not None:
            if statement.if_not_exists:
                return None
            if not statement.or_replace:
                raise ExistsError(f"sink {statement.name} exists already",
                                  hint="CREATE SINK IF NOT EXISTS, or DROP SINK first: its progress stays in the table")
            self.drop(self.get(statement.name))
        entry = self._entry(statement)
        if entry.options["PAUSED"]:
            self._by_name[entry.name.lower()] = entry
            return f"sink {entry.name} registered, paused; RESUME SINK {entry.name} starts it"
        try:
            created = self._open(entry)
        except Stop as stop:
            entry.stop = stop
            self._by_name[entry.name.lower()] = entry
            self._show_table_alone(entry)
            raise
        self._by_name[entry.name.lower()] = entry
        self._wait_for_hand_over(entry)
        return self._started_note(entry, created)

    def explain(self, statement: CreateSink) -> list[str]:
        from kshell.iceberg.create import explain_sink

        entry = self._entry(statement)
        return explain_sink(self._catalog(entry).lake, self._spec(entry))

    def _entry(self, statement: CreateSink) -> SinkEntry:
        self._refuse_unbuilt(statement)
        source = self._sources.get(statement.source or "")
        if self.of_source(source.name):
            raise ConflictError(f"source {source.name} feeds the sink {self.of_source(source.name)[0]} already",
                                hint="one FROM sink per source: a second copy of the topic is a second source with a sink of its own")
        if source.options["ISOLATION"] != "read_committed":
            raise RefusedError(f"source {source.name} reads uncommitted records, which may not land in a table",
                               hint=f"CREATE OR REPLACE SOURCE {source.name} ... with ISOLATION read_committed")
        options = declared.SINK.parse(statement.options, self._context.resolve, zone=self._context.zone())
        catalog, *table = statement.table
        return SinkEntry(statement.name, options["ID"] or statement.name.lower(), source, catalog, tuple(table), options,
                         definition_of(source),
                         replace=statement.or_replace)

    def _refuse_unbuilt(self, statement: CreateSink) -> None:
        if statement.select is not None:
            raise RefusedError("CREATE SINK ... AS SELECT is not built yet",
                               hint="land the source as it is with CREATE SINK ... FROM, and shape it at read time: CREATE VIEW ...")

    def _catalog(self, entry: SinkEntry) -> Catalog:
        catalog = self._connections.catalog(entry.catalog_name)
        if catalog.read_only:
            raise RefusedError(f"catalog {entry.catalog_name} is attached READ_ONLY",
                               hint=f"ATTACH OR REPLACE ... AS {entry.catalog_name} without READ_ONLY")
        return catalog

    def _spec(self, entry: SinkEntry) -> SinkSpec:
        options, source = entry.options, entry.source
        keep = options["KEEP_SNAPSHOTS"] if "KEEP_SNAPSHOTS" in options.given else Unset.UNSET
        return SinkSpec(
            name=entry.name, id=entry.id, table=entry.table, columns=source.segment_columns, inferred=not source.declared,
            definition=entry.definition, errors_table=self._errors_table(entry), partition_by=_written_down(options, "PARTITION_BY"),
            sort_by=_written_down(options, "SORT_BY"), create_table=bool(options["CREATE_TABLE"]), keep_snapshots=keep,
            properties={k: str(v) for k,
                        v in (options["PROPERTIES"] or {}).items()}, durable=bool(options["DURABLE"]), replace=entry.replace)

    def _errors_table(self, entry: SinkEntry) -> tuple[str, ...] | None:
        quarantines = entry.source.options["ON_ERROR"] == "quarantine"
        if "ERRORS_TABLE" not in entry.options.given:
            return (*entry.table[:-1], f"{entry.table[-1]}__errors") if quarantines else None
        chosen = entry.options["ERRORS_TABLE"]
        if chosen is None:
            if quarantines:
                raise RefusedError("ERRORS_TABLE NULL would lose records that do not decode",
                                   hint=f"create source {entry.source.name} with ON_ERROR skip or ON_ERROR fail, or leave ERRORS_TABLE out")
            return None
        names = tuple(chosen)
        if names[0] != entry.catalog_name:
            raise RefusedError(f"ERRORS_TABLE must be in the catalog of its table, {entry.catalog_name}",
                               hint=f"ERRORS_TABLE '{entry.table_name}__errors'")
        return names[1:]

    # ---- start -------------------------------------------------------------------------------------------------------

    def _open(self, entry: SinkEntry) -> Created:
        """The table and its progress, held against Kafka; then the hand-over and the thread."""
        from kshell.iceberg.create import create_sink

        lake, source = self._catalog(entry).lake, entry.source
        created = create_sink(lake, self._spec(entry), self._facts(source), lambda: self._starts(entry), Control(cancelled=self._cancelled))
        entry.created = created
        for stop in created.stops:
            raise stop
        self._run(entry, lake, created)
        return created

    def _cancelled(self) -> bool:
        return self._context.cancel.cancelled

    def _facts(self, source: Source) -> KafkaFacts:
        return topic_logs(source.cluster, source.current_topics(), source.partitions())

    def _starts(self, entry: SinkEntry) -> Mapping[TP, int]:
        source, start = entry.source, entry.options["START"]
        if isinstance(start, Position) and start.kind == "buffer":
            return {tp: p.start for tp, p in source.buffer.partitions().items()}
        if isinstance(start, Position) and start.kind != "source":
            return positions.resolve(source.cluster, start, list(source.start), committed=True)
        return dict(source.start)

    def _run(self, entry: SinkEntry, lake: Lake, created: Created) -> None:
        source = entry.source
        source.buffer.attach(Outlet(entry.name, source.name))
        try:
            entry.flusher = self._flusher(entry, lake, created)
        except BaseException:
            source.buffer.detach(entry.name)
            raise
        entry.stop = None
        entry.flusher.start()

    def _flusher(self, entry: SinkEntry, lake: Lake, created: Created) -> Flusher:
        """The hand-over to the table's head, and what commits from there on."""
        source, options = entry.source, entry.options
        typed = {c.name: c.type for c in created.columns}
        if any(typed.get(c.name, c.type) != c.type for c in source.segment_columns) or len(typed) < len(source.segment_columns):
            self._sources.adopt(source, created.columns, created.head.cut())
        target = Target(created.sink, created.errors_sink, lake, created.head, source.segment_columns, source.buffer, source.cluster,
                        source.current_topics, None if source.multi_topic else source.topics[0], options["GROUP"] or _group(created.sink),
                        source.ingest.seal, source.ingest.rewind)
        policy = Policy(options["COMMIT_INTERVAL"], options["COMMIT_ROWS"], options["COMMIT_BYTES"])
        target.hand_over(created.head)
        return Flusher(self._context.engine, target, policy, full_bytes=source.options["RETAIN_BYTES"],
                       refresh_s=self._context.settings.refresh, pause_on_failure=options["ON_FAILURE"] == "pause",
                       notice=self._context.tell)

    def _wait_for_hand_over(self, entry: SinkEntry) -> None:
        """Where the buffer begins after the table's positions, what is between is read first; views follow when it has been."""
        buffer = entry.source.buffer
        began, said = time.monotonic(), False
        while not buffer.published(entry.name) and time.monotonic() - began < HAND_OVER_S:
            self._context.cancel.check()
            entry.source.ingest.raise_if_failed()
            if not said and time.monotonic() - began > SAY_GAP_S:
                said = True
                gaps = ", ".join(f"{t}[{p}] {lo}-{hi - 1}" for (t, p), (lo, hi) in sorted(buffer.reading_gap().items()))
                self._context.note(f"{entry.name}: reading what the buffer lacks first: {gaps or 'up to the end of the log'}")
            time.sleep(0.02)

    def _started_note(self, entry: SinkEntry, created: Created) -> str:
        for note in created.notes:
            self._context.note(f"{entry.name}: {note}")
        if created.resumed and "START" in entry.options.given:
            self._context.note(f"{entry.name}: START is ignored, {entry.table_name} knows where to go on")
        what = "goes on" if created.resumed else "starts"
        return f"sink {entry.name} {what}: {entry.source.name} -> {entry.table_name}"

    def _show_table_alone(self, entry: SinkEntry) -> None:
        """A stopped sink: its table can be read as lake.<source>; the source's own name shows live rows until the sink may go on."""
        from kshell.iceberg.head import describe

        try:
            head = describe(self._catalog(entry).lake.load(entry.table), None)
        except Error:
            return
        self._context.engine.need_iceberg()
        location = head.metadata_location if head.snapshot_id is not None else None
        shown = BufferLake(location, head.columns, head.snapshot_id, entry.table_name)
        with self._context.engine.publish_lock:
            self._context.engine.cursor().execute(views.lake(entry.source.name, shown))

    # ---- standing still and going on -----------------------------------------------------------------------------------

    def _trouble(self, source: str, trouble: Trouble) -> None:
        """Kafka contradicts a position while the sink runs."""
        for entry in self:
            if entry.source.name == source and entry.flusher is not None:
                entry.flusher.stand(Stop(StopState(trouble.kind), trouble.message, _cure(entry.name, trouble)))

    def resume(self, entry: SinkEntry) -> str:
        """RESUME SINK: look again at the table and at Kafka, and go on if nothing speaks against it."""
        if entry.flusher is not None and entry.flusher.status().state not in (*StopState, "failed"):
            return f"sink {entry.name} resumed" if entry.flusher.resume() else f"sink {entry.name} runs already"
        self._restart(entry)
        return f"sink {entry.name} resumed"

    def _restart(self, entry: SinkEntry) -> None:
        self._halt(entry)
        try:
            created = self._open(entry)
        except Stop as stop:
            entry.stop = stop
            self._show_table_alone(entry)
            raise
        troubled = {tp: created.head.cut().get(tp, 0) for tp in entry.source.ingest.status().troubles}
        if troubled:
            entry.source.ingest.rewind(troubled)

    def _halt(self, entry: SinkEntry, *, timeout_s: float = 5.0) -> None:
        if entry.flusher is not None:
            entry.flusher.close(timeout_s=timeout_s)
            entry.flusher = None
            entry.source.buffer.detach(entry.name)

    # ---- ALTER, DROP ---------------------------------------------------------------------------------------------------

    def alter(self, statement: AlterSink) -> str | None:
        entry = self.find(statement.name)
        if entry is None and statement.if_exists:
            return None
        entry = self.get(statement.name)
        match statement.action:
            case "skip" | "accept_rollback" | "recover_data":
                return self._resolve(entry, statement)
            case _:
                raise RefusedError(f"ALTER SINK ... {_written(statement.action)} is not built yet",
                                   hint=f"SHOW SINKS shows the state of {entry.name}")

    def _resolve(self, entry: SinkEntry, statement: AlterSink) -> str:
        """One commit with a recorded jump, then the sink goes on."""
        from kshell.iceberg import resolve

        lake = self._catalog(entry).lake
        self._halt(entry)
        sink = self._handle(entry, lake)
        if statement.action == "skip":
            head = self._skip(entry, lake, sink, statement)
        elif statement.action == "accept_rollback":
            head = resolve.accept_rollback(lake, sink)
        else:
            head = resolve.recover_from_data(lake, sink, self._facts(entry.source))
        entry.stop = None
        self._restart(entry)
        return f"sink {entry.name} goes on from {_places(head)}"

    def _skip(self, entry: SinkEntry, lake: Lake, sink: Sink, statement: AlterSink) -> Head:
        from kshell.iceberg import resolve

        topics = entry.source.current_topics()
        if len(topics) > 1:
            raise RefusedError(f"source {entry.source.name} reads several topics, and SKIP PARTITION names none",
                               hint="one source and sink per topic can be skipped")
        assert statement.partition is not None
        assert statement.offset is not None
        self._record_skipped(entry, lake, (topics[0], statement.partition), statement.offset)
        return resolve.skip(lake, sink, topics[0], statement.partition, statement.offset, "statement")

    def _record_skipped(self, entry: SinkEntry, lake: Lake, tp: TP, to: int) -> None:
        """One row in the error table names the offsets that the table will never have. Said again, it stays one row."""
        from kshell.iceberg.errors_table import commit_errors

        created = entry.created
        position = created.head.cut().get(tp, 0) if created else to
        if created is None or created.errors_sink is None or to <= position:
            return
        told = f"offsets {position} to {to - 1} were skipped: ALTER SINK {entry.name} SKIP PARTITION {tp[1]} TO {to}"
        row = BadRow(*tp, offset=position, timestamp_us=None, key=None, headers=None, value=None, schema_id=None, code="SKIPPED", message=told,
                     seen_at_us=time.time_ns() // 1000)
        commit_errors(lake, created.errors_sink, {tp: Range(position, to)}, error_rows([row]))

    def _handle(self, entry: SinkEntry, lake: Lake) -> Sink:
        if entry.created is not None:
            return entry.created.sink
        return Sink(entry.name, entry.id, entry.table, str(lake.load(entry.table).metadata.table_uuid), entry.definition)

    def drop(self, entry: SinkEntry) -> None:
        """The thread ends; the table, its tag and its progress stay."""
        self._halt(entry)
        del self._by_name[entry.name.lower()]

    def head(self, entry: SinkEntry) -> Head | None:
        return entry.flusher.target.head if entry.flusher else None

    def close(self, *, timeout_s: float) -> None:
        for entry in self:
            if entry.flusher is not None:
                entry.flusher.close(timeout_s=timeout_s)


def definition_of(source: Source) -> str:
    """What decides which records are rows, as a hash: another one may not go on in the same table."""
    from kshell.iceberg.codec import definition_hash

    options = source.options
    shaped = [(c.name, list(c.path), c.not_null) for c in source.columns if source.declared and (c.path or c.not_null)]
    return definition_hash({
        "topics": source.pattern or list(source.topics), "partitions": options["PARTITIONS"], "format": options["FORMAT"],
        "key_format": options["KEY_FORMAT"], "include": sorted(included(options)), "on_error": options["ON_ERROR"],
        "decoder": _DECODER_REVISION, "paths": shaped,
    })


def _written_down(options: Parsed, name: str) -> tuple[str, ...] | None:
    """None: the user did not say, so an existing table keeps what it has."""
    return tuple(options[name]) if name in options.given else None


def _group(sink: Sink) -> str:
    return f"kshell-{sink.id}-{sink.table_uuid.replace('-', '')[:8]}"


def _cure(sink: str, trouble: Trouble) -> str:
    match trouble.kind:
        case "OUT_OF_RETENTION":
            return f"ALTER SINK {sink} SKIP PARTITION {trouble.tp[1]} TO {trouble.log_start}"
        case "AHEAD_OF_LOG":
            return f"ALTER SINK {sink} SKIP PARTITION {trouble.tp[1]} TO {trouble.log_end}"
        case "TOPIC_RECREATED":
            return f"ALTER SINK {sink} ACCEPT NEW TOPIC"
        case _:
            return f"RESUME SINK {sink} when the topic is back, or DROP SINK {sink} FORCE"


def _written(action: str) -> str:
    longer = {"accept_new_cluster": "ACCEPT NEW CLUSTER OFFSETS", "recover_property": "RECOVER PROGRESS FROM PROPERTY"}
    return longer.get(action, action.replace("_", " ").upper())


def _places(head: Head) -> str:
    return ", ".join(f"{topic}[{partition}]@{offset}" for (topic, partition), offset in sorted(head.cut().items()))
