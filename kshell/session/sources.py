"""The sources of a session by their names, and the statements that make, change and end them.

Invariant: a name stands for one source; what SHOW CREATE prints makes the same source without looking at the topic again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kshell.buffer.budget import Budget
from kshell.decode import Decoder
from kshell.decode.discovery import decoder_of
from kshell.errors import ConflictError, ExistsError, NotFoundError, RefusedError, did_you_mean
from kshell.ingest import Trouble
from kshell.lang import declared
from kshell.lang.statements import AlterSource, CreateSource
from kshell.session.altering import Altering
from kshell.session.building import Building, check_config, created_note
from kshell.session.connections import Connections
from kshell.session.context import Context
from kshell.session.growth import Growth
from kshell.session.included import included
from kshell.session.placed import placed
from kshell.session.shaping import Shaping
from kshell.session.source import Source

RESERVED = frozenset({"live", "lake", "kshell", "memory", "main"})


class Sources:
    """All sources of a session. `on_trouble(name of the source, trouble)` is told when Kafka contradicts a sink's progress."""

    def __init__(self, context: Context, connections: Connections) -> None:
        self._context = context
        self._connections = connections
        self._by_name: dict[str, Source] = {}
        self.budget = Budget(context.settings.buffer_bytes)
        self.on_trouble: Callable[[str, Trouble], None] = lambda source, trouble: None
        self.growth = Growth(context, self.get)
        self._building = Building(context, Shaping(context, connections.registries), self.growth, self.budget, self)
        self._altering = Altering(context, self.growth)

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
            check_config(options)
        source = self._building.build(statement, attached, options, replaces=old)
        self._by_name[statement.name.lower()] = source
        self._sized()
        source.ingest.start()
        return created_note(source)

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

    # ---- ALTER, REFRESH, DROP ----------------------------------------------------------------------------------------

    def alter(self, statement: AlterSource, *, used_by: Sequence[str]) -> str | None:
        if statement.if_exists and self.find(statement.name) is None:
            return None
        note = self._altering.alter(self.get(statement.name), statement, used_by)
        self._sized()
        return note

    def refresh(self, source: Source) -> None:
        """Ask the cluster for partitions and, where columns may come later, the registry for a newer schema."""
        source.ingest.refresh()
        self.growth.ask_registry(source)

    def drop(self, source: Source) -> None:
        source.end()
        del self._by_name[source.name.lower()]
        self._sized()

    def another_decoder(self, source: Source) -> Decoder:
        """Of the definition that the source has at the moment, for another thread than the one that ingests. Registries are asked anew."""
        self._connections.registries.ask_again()
        return decoder_of(source.shape, source.options["KEY_FORMAT"], source.ingest.decoder.columns, included(source.options))

    def close(self) -> None:
        for source in self:
            source.shut()


__all__ = ["RESERVED", "Source", "Sources"]
