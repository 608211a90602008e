"""Definitions without a life: what a script says of a sink, for proving its table while nothing runs.

Invariant: of a script only SET, CREATE SECRET, ATTACH, CREATE SOURCE and CREATE SINK are read, and only the one cluster and the one catalog
that the proof needs are connected. No source is made, no sink started, no row decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kshell.engine import Engine
from kshell.errors import BadValueError, NotFoundError, did_you_mean
from kshell.lang import declared
from kshell.lang.statements import Attach, CreateSink, CreateSource, DuckStatement, Set, Statement
from kshell.lang.tokens import leading_words
from kshell.query.reshape import source_of
from kshell.session import proof
from kshell.session.connections import Connections
from kshell.session.context import Context

if TYPE_CHECKING:
    from kshell.iceberg import Sink
    from kshell.iceberg.catalogs import Lake
    from kshell.kafka.cluster import Cluster


class Definitions:
    """`carry_out` runs the statements that only change the session: SET, CREATE SECRET."""

    def __init__(self, context: Context, engine: Engine, connections: Connections, carry_out: Callable[[Statement], None]) -> None:
        self._context, self._engine, self._connections, self._carry_out = context, engine, connections, carry_out
        self._attaches: dict[str, Attach] = {}
        self._sources: dict[str, CreateSource] = {}
        self._sinks: dict[str, CreateSink] = {}

    def read(self, statement: Statement) -> None:
        """One statement of a script, in order."""
        match statement:
            case Attach():
                self._attaches[statement.name] = statement
            case CreateSource():
                self._sources[statement.name.lower()] = statement
            case CreateSink():
                self._sinks[statement.name.lower()] = statement
            case DuckStatement() if leading_words(statement.text, 1) == ("SET",):
                self._carry_out(statement)
            case _ if isinstance(statement, Set) or type(statement).__name__ == "CreateSecret":
                self._carry_out(statement)

    def attaches(self) -> list[Attach]:
        """Connections that the script defines and that nothing has needed so far."""
        return list(self._attaches.values())

    def prove(self, name: str) -> list[proof.Proof]:
        """`name`: a sink of the script, or catalog.namespace.table."""
        self._context.cancel.begin()
        subject = self._sink(name) if name.lower() in self._sinks else self._table(name)
        self._engine.need_iceberg()
        return proof.prove(self._engine.cursor(), subject, check=self._context.cancel.check, timeout_s=None)

    # ---- by the sink's name ------------------------------------------------------------------------------------------

    def _sink(self, name: str) -> proof.Subject:
        from kshell.iceberg.coverage import sink_in

        statement = self._sinks[name.lower()]
        options = declared.SINK.parse(statement.options, self._context.resolve, zone=self._context.zone())
        reads = statement.source or source_of(statement.select or "", self._context.cursor)
        source = self._sources.get(reads.lower())
        if source is None:
            raise NotFoundError(f"the script defines sink {statement.name} and not its source {reads}",
                                hint="give the script that creates both: kshell verify NAME -f FILE")
        on_error = declared.SOURCE.parse(source.options, self._context.resolve, zone=self._context.zone())["ON_ERROR"]
        cluster = self._cluster(source.cluster, is_address=source.cluster_is_address)
        catalog, *table = statement.table
        lake = self._lake(catalog)
        sink = sink_in(lake, tuple(table), name=statement.name, sink_id=options["ID"] or statement.name.lower())
        errors = tuple(options["ERRORS_TABLE"])[1:] if options["ERRORS_TABLE"] else None
        return proof.Subject(lake, sink, self._errors(lake, sink, errors), cluster,
                             drops=on_error == "skip" or statement.select is not None)

    def _cluster(self, name: str | None, *, is_address: bool) -> Cluster:
        clusters = [a.name for a in self._attaches.values() if a.kind == "kafka"]
        if name is None and len(known := {*clusters, *self._connections.cluster_names()}) == 1:
            name = known.pop()
        elif name is None and "kafka" in clusters:
            name = "kafka"
        if name is not None and not is_address:
            self._attach(name)
        return self._connections.attached(name, is_address=is_address).cluster

    def _attach(self, name: str) -> None:
        if name in self._attaches:
            self._connections.attach(self._attaches.pop(name))

    def _lake(self, catalog: str) -> Lake:
        self._attach(catalog)
        return self._connections.catalog(catalog).lake

    def _errors(self, lake: Lake, sink: Sink, table: tuple[str, ...] | None) -> Sink | None:
        from kshell.iceberg.coverage import errors_sink_in

        return errors_sink_in(lake, table or (*sink.table[:-1], f"{sink.table[-1]}__errors"), sink)

    # ---- by the table's name -----------------------------------------------------------------------------------------

    def _table(self, name: str) -> proof.Subject:
        from kshell.iceberg.coverage import coverage, leaves_out, sink_in

        parts = tuple(name.split("."))
        if len(parts) < 3 or not all(parts):
            raise NotFoundError(f"there is no sink {name}", hint=did_you_mean(name, self._sinks)
                                or "give the script that defines it (-f FILE), or its table: catalog.namespace.table")
        catalog, *table = parts
        lake = self._lake(catalog)
        sink = sink_in(lake, tuple(table), name=name)
        state = coverage(lake, sink).head.state
        assert state is not None
        return proof.Subject(lake, sink, self._errors(lake, sink, None), self._cluster_with_id(state.cluster), drops=leaves_out(lake, sink))

    def _cluster_with_id(self, wanted: str) -> Cluster:
        """Of the clusters that the script and --brokers name, the one whose id the table has recorded."""
        for name in [a.name for a in self._attaches.values() if a.kind == "kafka"]:
            self._attach(name)
        clusters = [self._connections.cluster(name) for name in self._connections.cluster_names()]
        found = next((c for c in clusters if c.cluster_id == wanted), None)
        if found is not None:
            return found
        if not clusters:
            raise NotFoundError("no cluster is attached", hint="kshell verify TABLE --brokers host:9092, or -f FILE with an ATTACH")
        raise BadValueError(f"none of the clusters is the one that the table was filled from, {wanted}",
                            hint="--brokers names the cluster")
