"""Sinks: what CREATE SINK makes, how it starts from the table's own progress, and the statements that change or resolve it.

Invariant: nothing but the table says where a sink goes on. A sink that may not go on is registered in its STOP state and writes
nothing until the statement that resolves it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from kshell.buffer import TP, Outlet, views
from kshell.buffer import Lake as BufferLake
from kshell.columns import Column
from kshell.errors import ConflictError, Error, ExistsError, NotFoundError, ReadOnlyError, RefusedError, UnreachableError, did_you_mean
from kshell.iceberg import Control, Created, Head, KafkaFacts, State, Stop, StopState
from kshell.ingest import Trouble
from kshell.ingest.values import OF_RECORDS
from kshell.lang import declared
from kshell.lang.statements import AlterSink, CreateSink
from kshell.options import Position
from kshell.query.reshape import Reshape, reshape, source_of
from kshell.session import positions, resolving
from kshell.session.attached import Catalog
from kshell.session.connections import Connections
from kshell.session.context import Context
from kshell.session.growth import Wanted, made_again
from kshell.session.sink import SinkEntry, definition_of, group_of, spec_of
from kshell.session.sources import Source, Sources

if TYPE_CHECKING:
    from kshell.flush.flusher import Flusher
    from kshell.iceberg.catalogs import Lake

HAND_OVER_S = 30.0                            # how long CREATE SINK waits until the views show the table
SAY_GAP_S = 1.0
FOLLOW_S = 3.0


class Sinks:
    def __init__(self, context: Context, connections: Connections, sources: Sources) -> None:
        self._context = context
        self._connections = connections
        self._sources = sources
        self._by_name: dict[str, SinkEntry] = {}
        self._schema_ids: dict[str, int] = {}  # that the views do not show yet
        self._opening: set[str] = set()       # sources whose columns stand still
        sources.on_trouble = self._trouble
        sources.growth.on_evolve, sources.growth.on_evolved, sources.growth.resumes = self._evolve, self._evolved, self._resumes

    def __iter__(self) -> Iterator[SinkEntry]:
        return iter(list(self._by_name.values()))

    def names(self) -> list[str]:
        return [s.name for s in self]

    def find(self, name: str) -> SinkEntry | None:
        return self._by_name.get(name.lower())

    def get(self, name: str) -> SinkEntry:
        found = self.find(name)
        if found is None:
            raise NotFoundError(f"there is no sink {name}", named=name, hint=did_you_mean(name, self.names()) or "SHOW SINKS lists them")
        return found

    def of_source(self, source: str) -> list[str]:
        return [s.name for s in self if s.source.name.lower() == source.lower()]

    def behind(self, source: Source) -> SinkEntry | None:
        """The FROM sink of a source."""
        return next((s for s in self if s.source is source and s.select is None), None)

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
        with self._columns_held(entry.source):
            try:
                created = self._open(entry)
            except Stop as stop:
                entry.stop = stop
                self._by_name[entry.name.lower()] = entry
                self._show_table_alone(entry)
                raise
            self._by_name[entry.name.lower()] = entry
        self._wait_for_hand_over(entry)
        for trouble in entry.source.ingest.status().troubles.values():
            if trouble.kind in OF_RECORDS:    # found before there was a sink to tell
                self._stand(entry, trouble)
        return self._started_note(entry, created)

    def explain(self, statement: CreateSink) -> list[str]:
        from kshell.iceberg.create import explain_sink

        entry = self._entry(statement)
        return explain_sink(self._catalog(entry).lake, spec_of(entry))

    def _entry(self, statement: CreateSink) -> SinkEntry:
        source, reshaped = self._reads(statement)
        if source.options["ISOLATION"] != "read_committed":
            raise RefusedError(f"source {source.name} reads uncommitted records, which may not land in a table",
                               hint=f"CREATE OR REPLACE SOURCE {source.name} ... with ISOLATION read_committed")
        options = declared.SINK.parse(statement.options, self._context.resolve, zone=self._context.zone())
        catalog, *table = statement.table
        return SinkEntry(statement.name, options["ID"] or statement.name.lower(), source, catalog, tuple(table), options,
                         definition_of(source, reshaped), statement.select, reshaped, replace=statement.or_replace)

    def _reads(self, statement: CreateSink) -> tuple[Source, Reshape | None]:
        """The source, and the query over it if there is one."""
        if statement.select is None:
            source = self._sources.get(statement.source or "")
            others = [s.name for s in self if s.source is source and s.select is None]
            if others:
                raise ConflictError(f"source {source.name} feeds the sink {others[0]} already",
                                    hint="one FROM sink per source; CREATE SINK ... AS SELECT lands a part of it in another table")
            return source, None
        source = self._sources.get(source_of(statement.select, self._context.cursor))
        if self._sources.is_relation(statement.name):
            raise ExistsError(f"a table, view or source {statement.name} exists already",
                              hint="the sink is read under its own name: choose another")
        return source, reshape(statement.select, source.name, source.segment_columns, self._context.cursor)

    def _catalog(self, entry: SinkEntry) -> Catalog:
        if self._connections.sealed:
            raise ReadOnlyError("the session is read-only, and a sink writes",
                                hint="start without --read-only; the table itself can be read")
        catalog = self._connections.catalog(entry.catalog_name)
        if catalog.read_only:
            raise RefusedError(f"catalog {entry.catalog_name} is attached READ_ONLY",
                               hint=f"ATTACH OR REPLACE ... AS {entry.catalog_name} without READ_ONLY")
        return catalog

    # ---- start -------------------------------------------------------------------------------------------------------

    def _open(self, entry: SinkEntry) -> Created:
        """The table and its progress, held against Kafka; then the hand-over and the thread."""
        from kshell.iceberg.compare import compare
        from kshell.iceberg.create import create_sink

        lake, source = self._catalog(entry).lake, entry.source
        spec = replace(spec_of(entry), within=self._context.engine.allowed)
        created = create_sink(lake, spec, self._facts(source), lambda: self._starts(entry), Control(cancelled=self._cancelled))
        entry.created = created
        if created.stops:                     # the logs were asked before the table: another process may have moved on in between
            for stop in compare(created.head.state, self._facts(source), entry.name) if created.head.state else created.stops:
                raise stop
        if created.resumed and created.head.state:
            self._require_uncut(entry, created.head.state)
        self._run(entry, lake, created)
        return created

    def _require_uncut(self, entry: SinkEntry, state: State) -> None:
        """A log that has lost what the table holds, and has grown beyond it since, is told by the leaders of its records."""
        from kshell.ingest.cut import cuts
        from kshell.ingest.trouble import truncated

        chosen, current = entry.source.partitions(), entry.source.current_topics()
        positions = {(name, p): at for name, topic in state.topics.items() if name in current
                     for p, at in enumerate(topic.next) if chosen is None or p in chosen}
        leaders = {(name, p): epoch for name, topic in state.topics.items() for p, epoch in enumerate(topic.leader)}
        for tp, at in sorted(cuts(entry.source.cluster, positions, leaders).items()):
            found = truncated(tp, positions[tp], at)
            raise Stop(StopState.LOG_TRUNCATED, found.message.removeprefix(f"{found.kind}: "), resolving.cure_of(entry.name, found))

    def _cancelled(self) -> bool:
        return self._context.cancel.cancelled

    def _facts(self, source: Source) -> KafkaFacts:
        from kshell.flush.facts import topic_logs

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
        if entry.reshape is not None:
            entry.reshape = entry.reshape.typed(created.columns)
        reads = Outlet(entry.name, entry.name, entry.reshape.text) if entry.reshape else Outlet(entry.name, source.name)
        source.buffer.attach(reads)
        try:
            entry.flusher = self._flusher(entry, lake, created)
        except BaseException:
            source.buffer.detach(entry.name)
            raise
        entry.stop = None
        entry.flusher.start()

    def _flusher(self, entry: SinkEntry, lake: Lake, created: Created) -> Flusher:
        """The hand-over to the table's head, and what commits from there on."""
        from kshell.flush.flusher import Flusher
        from kshell.flush.policy import Policy
        from kshell.flush.target import Target

        source, options = entry.source, entry.options
        if entry.reshape is None and _differs(created.columns, source.segment_columns):
            self._sources.growth.adopt(source, created.columns, created.head.cut(source.buffer.partitions()))
        target = Target(created.sink, created.errors_sink, lake, created.head, lambda: entry.columns, source.buffer, source.cluster,
                        source.current_topics, None if source.multi_topic else source.topics[0], options["GROUP"] or group_of(created.sink),
                        source.ingest.seal, source.ingest.rewind, source.ingest.leaders,
                        (source.name, entry.reshape.text) if entry.reshape else None,
                        compact=options["COMPACT"], moved=lambda head: self._moved(entry, head), errors_head=created.errors_head)
        policy = Policy(options["COMMIT_INTERVAL"], options["COMMIT_ROWS"], options["COMMIT_BYTES"])
        target.hand_over(created.head)
        return Flusher(self._context.engine, target, policy, refresh_s=self._context.settings.refresh,
                       pause_on_failure=options["ON_FAILURE"] == "pause", notice=self._context.tell)

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
            time.sleep(0.02)                  # the thread that reads does not say when; up to HAND_OVER_S

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
            self._context.engine.cursor().execute(views.lake(entry.name if entry.reshape else entry.source.name, shown))

    # ---- standing still and going on -----------------------------------------------------------------------------------

    def _trouble(self, source: str, trouble: Trouble) -> None:
        """Kafka contradicts a position while the sink runs, or a record cannot be decoded: what stands before that is committed first."""
        for entry in self:
            if entry.source.name == source:
                self._stand(entry, trouble)

    def _stand(self, entry: SinkEntry, trouble: Trouble) -> None:
        if entry.flusher is not None:
            why = trouble.message.removeprefix(f"{trouble.kind}: ")
            stop = Stop(StopState(trouble.kind), why, resolving.cure_of(entry.name, trouble))
            (entry.flusher.stand_after if trouble.kind in OF_RECORDS else entry.flusher.stand)(stop)

    # ---- columns that come later -------------------------------------------------------------------------------------

    @contextmanager
    def _columns_held(self, source: Source) -> Iterator[None]:
        """While a sink opens, its source takes no further columns, which the table would not get; records that want some wait."""
        with source.changing():                # what is under way ends first
            self._opening.add(source.name)
        try:
            yield
        finally:
            self._opening.discard(source.name)

    def _evolve(self, source: Source, wanted: Wanted) -> Sequence[Column] | None:
        """The columns of the table behind a source, once it has what is wanted. None: no table, or a sink that stands still; when it goes
        on, its source takes the table's columns and reads again what they do not hold."""
        from kshell.iceberg.evolve import evolve

        if source.name in self._opening:
            raise UnreachableError("a sink of the source is being opened")
        entry = self.behind(source)
        if entry is None or entry.flusher is None or entry.flusher.stands():
            return None
        target = entry.flusher.target
        self._schema_ids[entry.name], columns = evolve(target.lake, target.sink, wanted)
        return columns

    def _evolved(self, source: Source) -> None:
        """The views show the columns before the rows that have them."""
        entry = self.behind(source)
        if entry is not None and entry.flusher is not None and entry.name in self._schema_ids:
            entry.flusher.follow(self._schema_ids.pop(entry.name), FOLLOW_S)

    def _moved(self, entry: SinkEntry, head: Head) -> None:
        """The table has another schema than before: ours, or one that others made."""
        from kshell.iceberg.schema import require_fit

        require_fit(head, entry.columns, entry.table_name, entry.name)
        if entry.reshape is None:
            self._sources.growth.follow(entry.source, head.columns)

    def _resumes(self, source: Source) -> str:
        entry = self.behind(source)
        return f"ALTER SINK {entry.name} RESUME EVOLUTION" if entry is not None else made_again(source)

    def resume(self, entry: SinkEntry) -> str:
        """RESUME SINK: look again at the table and at Kafka, and go on if nothing speaks against it."""
        if entry.flusher is not None and entry.flusher.status().state not in (*StopState, "failed"):
            return f"sink {entry.name} resumed" if entry.flusher.resume() else f"sink {entry.name} runs already"
        self._restart(entry)
        return f"sink {entry.name} resumed"

    def _restart(self, entry: SinkEntry) -> None:
        self._halt(entry)
        try:
            with self._columns_held(entry.source):
                created = self._open(entry)
        except Stop as stop:
            entry.stop = stop
            self._show_table_alone(entry)
            raise
        buffer = entry.source.buffer
        troubled = {tp: created.head.cut().get(tp, 0) for tp in entry.source.ingest.status().troubles if not buffer.seeking(tp)}
        if troubled:
            entry.source.ingest.rewind(troubled, again=troubled)

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
        if statement.action == "resume_evolution":
            return self._resume_evolution(entry)
        if statement.action not in resolving.BUILT:
            raise resolving.unbuilt(entry, statement.action)
        lake = self._catalog(entry).lake

        def logs() -> KafkaFacts:
            return self._facts(entry.source)

        resolving.require(entry, lake, logs, statement)
        self._halt(entry)
        try:
            head = resolving.resolve(entry, lake, logs, statement)
        except Error:
            with suppress(Error):             # nothing was moved: it goes on as it did, or stands as it stood
                self._restart(entry)
            raise
        entry.stop = None
        self._restart(entry)
        return f"sink {entry.name} goes on from {resolving.places(head)}"

    def _resume_evolution(self, entry: SinkEntry) -> str:
        source = entry.source
        if source.evolution is None or entry.reshape is not None:
            raise RefusedError(f"sink {entry.name} takes no new columns",
                               hint=f"CREATE OR REPLACE SOURCE {source.name} ... with SCHEMA_EVOLUTION add, and a sink FROM it")
        again = self._sources.growth.resume(source)
        return f"sink {entry.name} takes new columns {'again' if again else 'already'}"

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


def _differs(table: Sequence[Column], source: Sequence[Column]) -> bool:
    """Whether the table gives other types than the source has, or lacks a column of it."""
    typed = {c.name: c.type for c in table}
    return any(typed.get(c.name) != c.type for c in source)
