"""The statements of kshell, each as one method: what is asked of which part, and the note or the rows that answer it.

Invariant: nothing is kept here; sources, sinks and connections own what a statement makes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

from kshell.engine import Engine
from kshell.errors import ConflictError, RefusedError
from kshell.lang import declared
from kshell.lang.statements import (
    AlterSink,
    AlterSource,
    Attach,
    CheckSink,
    CreateSecret,
    CreateSink,
    CreateSource,
    Describe,
    Detach,
    Drop,
    DropSecret,
    Flush,
    NotBuilt,
    Optimize,
    Pause,
    Print,
    Refresh,
    ReplayErrors,
    Serve,
    Set,
    Show,
    ShowCreate,
    Statement,
    StopServing,
    Tail,
    Value,
    Wait,
)
from kshell.options import Duration
from kshell.options import read as read_value
from kshell.query.result import Result
from kshell.query.runner import Runner
from kshell.session import merging, waits
from kshell.session.connections import Connections
from kshell.session.context import Context
from kshell.session.lakes import LakeViews
from kshell.session.secrets import Secrets
from kshell.session.serving import Serving
from kshell.session.show import Shower
from kshell.session.sink import SinkEntry, errors_table_of
from kshell.session.sinks import Sinks
from kshell.session.sources import Sources
from kshell.session.tails import Tails

DEFAULT_TIMEOUT_S = 60.0
DROP_FLUSH_S = 30.0
_CHECKED = [("topic", "VARCHAR"), ("partition", "INTEGER"), ("first_offset", "BIGINT"), ("next_offset", "BIGINT"), ("rows", "BIGINT"),
            ("distinct_offsets", "BIGINT"), ("missing", "BIGINT"), ("duplicates", "BIGINT"), ("errors", "BIGINT"), ("result", "VARCHAR")]


class Statements:
    def __init__(self, context: Context, engine: Engine, runner: Runner, connections: Connections, sources: Sources, sinks: Sinks,
                 lakes: LakeViews, shower: Shower, secrets: Secrets, serving: Serving) -> None:
        self._secrets = secrets
        self._context, self._engine, self._runner = context, engine, runner
        self._connections, self._sources, self._sinks, self._lakes = connections, sources, sinks, lakes
        self.tails = Tails(context, connections, sources, sinks)
        self._handlers: dict[type[Statement], Callable[[Any], Result]] = {
            Attach: self._attach, Detach: self._detach, CreateSource: self._create_source, CreateSink: self._create_sink,
            AlterSource: self._alter_source, AlterSink: self._alter_sink, Drop: self._drop, Pause: self._pause, Flush: self._flush,
            Wait: self._wait, Optimize: self._optimize, Refresh: self._refresh, CheckSink: self._check_sink,
            ReplayErrors: self._replay_errors, Show: shower.show,
            ShowCreate: shower.show_create, Describe: shower.describe, Set: self._set,
            CreateSecret: self._create_secret, DropSecret: self._drop_secret, NotBuilt: _not_built,
            Tail: self.tails.tail, Print: self.tails.print, Serve: serving.serve, StopServing: serving.stop,
        }

    def run(self, statement: Statement) -> Result:
        return self._handlers[type(statement)](statement)

    # ---- connections -------------------------------------------------------------------------------------------------

    def _attach(self, statement: Attach) -> Result:
        note = self._connections.attach(statement)
        return _note(note, f"{statement.name} is attached already")

    def _detach(self, statement: Detach) -> Result:
        if not self._connections.owns(statement.name):
            return self._runner.run(statement.text)
        return _note(self._connections.detach(statement.name, self.users(statement.name)))

    def users(self, connection: str) -> list[str]:
        """The sources of a cluster, the sinks of a catalog."""
        return [s.name for s in self._sources if s.cluster_name == connection] + self._sinks.of_catalog(connection)

    def _create_secret(self, statement: CreateSecret) -> Result:
        return _note(self._secrets.create(statement), f"secret {statement.name} exists already")

    def _drop_secret(self, statement: DropSecret) -> Result:
        note = self._secrets.drop(statement.name)
        return self._runner.run(statement.text) if note is None else _note(note)

    # ---- sources and sinks -------------------------------------------------------------------------------------------

    def _create_source(self, statement: CreateSource) -> Result:
        note = self._sources.create(statement, used_by=self._sinks.of_source(statement.name))
        return _note(note, f"source {statement.name} exists already")

    def _create_sink(self, statement: CreateSink) -> Result:
        if statement.explain:
            return Result.of_rows([("would", "VARCHAR")], [(line,) for line in self._sinks.explain(statement)])
        self._engine.need_iceberg()
        return _note(self._sinks.create(statement), f"sink {statement.name} exists already")

    def _alter_source(self, statement: AlterSource) -> Result:
        note = self._sources.alter(statement, used_by=self._sinks.of_source(statement.name))
        return _note(note, f"there is no source {statement.name}")

    def _alter_sink(self, statement: AlterSink) -> Result:
        return _note(self._sinks.alter(statement), f"there is no sink {statement.name}")

    def _drop(self, statement: Drop) -> Result:
        return self._drop_sink(statement) if statement.kind == "sink" else self._drop_source(statement)

    def _drop_sink(self, statement: Drop) -> Result:
        entry = self._sinks.find(statement.name) if statement.if_exists else self._sinks.get(statement.name)
        if entry is None:
            return _note(f"there is no sink {statement.name}")
        if entry.flusher is not None and not statement.force and entry.stop is None:
            entry.flusher.resume()
            waits.flush(self._context, [entry], DROP_FLUSH_S)
        self._sinks.drop(entry)
        return _note(f"sink {entry.name} dropped; {entry.table_name} keeps its rows and its progress")

    def _drop_source(self, statement: Drop) -> Result:
        source = self._sources.find(statement.name) if statement.if_exists else self._sources.get(statement.name)
        if source is None:
            return _note(f"there is no source {statement.name}")
        users = self._sinks.of_source(source.name)
        if users and not statement.cascade:
            raise ConflictError(f"source {source.name} feeds the sink {users[0]}",
                                hint=f"DROP SINK {users[0]} first, or DROP SOURCE {source.name} CASCADE")
        for sink in users:
            self._drop_sink(Drop(text=statement.text, kind="sink", name=sink, force=statement.force))
        self._sources.drop(source)
        return _note(f"source {source.name} dropped")

    # ---- running -----------------------------------------------------------------------------------------------------

    def _pause(self, statement: Pause) -> Result:
        lines = []
        if statement.kind in ("source", "all"):
            for source in [self._sources.get(statement.name)] if statement.kind == "source" else self._sources:
                changed = source.ingest.resume() if statement.resume else source.ingest.pause()
                lines.append(_paused_note("source", source.name, statement.resume, changed))
        if statement.kind in ("sink", "all"):
            for entry in [self._sinks.get(statement.name)] if statement.kind == "sink" else self._sinks:
                if statement.resume:
                    lines.append(self._sinks.resume(entry))
                else:
                    lines.append(_paused_note("sink", entry.name, False, entry.running().pause()))
        return _note("\n".join(lines) or "there is nothing to pause")

    def _flush(self, statement: Flush) -> Result:
        entries = [self._sinks.get(statement.sink)] if statement.sink else list(self._sinks)
        done = waits.flush(self._context, entries, self._timeout(statement.timeout))
        text = "\n".join(f"sink {d.sink}: {d.rows} rows committed, snapshot {d.snapshot_id}" if d.snapshot_id is not None
                         else f"sink {d.sink}: nothing to commit" for d in done)
        columns = [("sink", "VARCHAR"), ("rows", "BIGINT"), ("snapshot_id", "BIGINT")]
        first = done[0] if len(done) == 1 else waits.Flushed("all", sum(d.rows for d in done), None)
        return Result.of_note(text or "there is no sink", columns, (first.sink, first.rows, first.snapshot_id))

    def _optimize(self, statement: Optimize) -> Result:
        entry = self._sinks.get(statement.sink)
        done = merging.optimize(self._context, entry, self._timeout(statement.timeout))
        return Result.of_note(done.text(), merging.COLUMNS, done.row())

    def _wait(self, statement: Wait) -> Result:
        timeout_s = self._timeout(statement.timeout)
        ends = time.monotonic() + timeout_s
        if statement.kind == "sink":
            source = self._sinks.get(statement.name).source
            self._sinks.get(statement.name).running().raise_if_standing()
            chosen = [source]
        else:
            chosen = [self._sources.get(statement.name)] if statement.kind == "source" else list(self._sources)
        rows = 0
        for source in chosen:
            left = max(0.0, ends - time.monotonic())
            rows += (waits.caught_up(self._context, source, left) if statement.rows is None
                     else waits.rows_seen(self._context, source, self._sinks.behind(source), statement.rows, left))
        if statement.kind == "sink":
            waits.flush(self._context, [self._sinks.get(statement.name)], max(0.0, ends - time.monotonic()))
        name = statement.name or "all sources"
        return Result.of_note(f"{statement.kind} {name} is caught up: {rows} rows" if statement.rows is None else f"{name}: {rows} rows",
                              [("name", "VARCHAR"), ("rows", "BIGINT")], (name, rows))

    def _refresh(self, statement: Refresh) -> Result:
        match statement.kind:
            case "source":
                self._sources.refresh(self._sources.get(statement.name))
            case "sink":
                self._sinks.get(statement.name).running().look_at_once()
            case _:
                self._connections.catalog(statement.name)
                self._lakes.forget(statement.name)
        return _note(f"{statement.kind} {statement.name} refreshed")

    def _check_sink(self, statement: CheckSink) -> Result:
        from kshell.iceberg.check import check

        entry = self._sinks.get(statement.name)
        if statement.against_kafka:
            return self._prove_sink(statement, entry)
        if entry.created is None:
            entry.running()
        assert entry.created is not None
        self._engine.need_iceberg()
        lake = self._connections.catalog(entry.catalog_name).lake
        found = check(self._engine.cursor(), lake, entry.created.sink, entry.created.errors_sink)
        return Result.of_rows(_CHECKED, [astuple(row) for row in found])

    def _replay_errors(self, statement: ReplayErrors) -> Result:
        from kshell.session.replay import Replay

        entry = self._sinks.get(statement.name)
        self._engine.need_iceberg()
        try:
            decoder = self._sources.another_decoder(entry.source)
            done = Replay(self._context, entry, decoder, statement, self._timeout(statement.timeout)).run()
        finally:
            self._lakes.forget(entry.catalog_name)      # whoever has looked at the error table before sees the marks
        columns = [("decoded", "BIGINT"), ("still_bad", "BIGINT"), ("snapshot_ids", "BIGINT[]")]
        return Result.of_note(done.text(entry.name), columns, (done.decoded, done.still_bad, done.snapshot_ids))

    def _prove_sink(self, statement: CheckSink, entry: SinkEntry) -> Result:
        from kshell.iceberg.coverage import errors_sink_in, sink_in
        from kshell.session import proof

        self._engine.need_iceberg()
        lake, created = self._connections.catalog(entry.catalog_name).lake, entry.created
        sink = created.sink if created is not None else sink_in(lake, entry.table, name=entry.name, sink_id=entry.id)
        named = errors_table_of(entry) if created is None else None
        errors = created.errors_sink if created is not None else errors_sink_in(lake, named, sink) if named is not None else None
        subject = proof.Subject(lake, sink, errors, entry.source.cluster,
                                drops=entry.source.options["ON_ERROR"] == "skip" or entry.select is not None)
        timeout_s = None if statement.timeout is None else self._timeout(statement.timeout)
        proofs = proof.prove(self._engine.cursor(), subject, check=self._context.cancel.check, timeout_s=timeout_s)
        return Result.of_rows(proof.COLUMNS, [p.row() for p in proofs])

    def _timeout(self, value: Value) -> float:
        if value is None:
            return DEFAULT_TIMEOUT_S
        seconds = read_value(Duration(), value, self._context.resolve, what="TIMEOUT")
        return float(seconds)

    # ---- settings ----------------------------------------------------------------------------------------------------

    def _set(self, statement: Set) -> Result:
        name = statement.name.lower().removeprefix("kshell_")
        if statement.reset:
            declared.SETTINGS.find(statement.name, span=statement.name_span)
            self._context.settings = self._context.settings.reset(name)
        else:
            value = declared.SETTINGS.read(statement.name, statement.value, self._context.resolve, zone=self._context.zone(),
                                           span=statement.name_span)
            self._context.settings = self._context.settings.with_value(name, value)
        self._sources.limit(self._context.settings.buffer_bytes)
        return Result.done()


def _note(text: str | None, otherwise: str = "") -> Result:
    return Result.of_note(text if text is not None else otherwise)


def _paused_note(kind: str, name: str, resumed: bool, changed: bool) -> str:
    done = "resumed" if resumed else "paused"
    return f"{kind} {name} {done}" if changed else f"{kind} {name} is {'running' if resumed else 'paused'} already"


def _not_built(statement: NotBuilt) -> Result:
    raise RefusedError(f"{statement.what} is not built yet", hint=statement.hint)
