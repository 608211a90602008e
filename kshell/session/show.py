"""SHOW, DESCRIBE and SHOW CREATE.

Invariant: what SHOW lists is what the table of that name in schema `kshell` holds; what SHOW CREATE prints can be run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kshell.columns import literal
from kshell.decode import paths
from kshell.decode.discovery import ONE_COLUMN
from kshell.errors import NotFoundError, did_you_mean
from kshell.lang import declared
from kshell.lang import show as written
from kshell.lang.statements import Describe, Show, ShowCreate
from kshell.query.result import Result
from kshell.session.brokers import BrokerShower, definition, like
from kshell.session.connections import Connections
from kshell.session.placed import placed
from kshell.session.secrets import Secrets
from kshell.session.sink import SinkEntry
from kshell.session.sinks import Sinks
from kshell.session.sources import Source, Sources
from kshell.session.subjects import subjects

# What SHOW prints of a kshell table; EXTENDED prints all of it.
BRIEF = {
    "connections": "name, type, address, state",
    "sources": ("name, topic, connection, state, rows_total, rows_per_second, lag_messages, buffer_rows, buffer_bytes, error_rows, "
                "last_error"),
    "sinks": "name, source, table_name, state, pending_rows, committed_rows, last_commit_at, last_snapshot_id, last_error, resolve_with",
    "servers": "kind, address, user, token_file, tls, insecure, sessions, running, queries",
}
_NAMED = {"servers": "kind"}                  # what LIKE is about, where it is not the name


class Shower:
    """`query` runs DuckDB text on the session's cursor; `check` raises when the statement was cancelled."""

    def __init__(self, connections: Connections, sources: Sources, sinks: Sinks, query: Callable[[str], Result],
                 check: Callable[[], None], secrets: Secrets, note: Callable[[str], None]) -> None:
        self._note = note
        self._secrets = secrets
        self._brokers = BrokerShower(connections, check)
        self._check = check
        self._connections = connections
        self._sources = sources
        self._sinks = sinks
        self._query = query

    # ---- SHOW --------------------------------------------------------------------------------------------------------

    def show(self, statement: Show) -> Result:
        if statement.what == "topics":
            return self._brokers.topics(statement)
        if statement.what == "consumer groups":
            return self._brokers.groups(statement)
        if statement.what == "subjects":
            return subjects(self._connections, statement, self._check)
        if statement.what == "secrets":
            return self._secrets_shown(statement)
        columns = "*" if statement.extended else BRIEF[statement.what]
        name = _NAMED.get(statement.what, "name")
        where = f" WHERE {name} LIKE {literal(statement.like)}" if statement.like else ""
        return self._query(f"SELECT {columns} FROM memory.kshell.{statement.what}{where} ORDER BY {name}")

    def _secrets_shown(self, statement: Show) -> Result:
        """kshell's and DuckDB's: both kinds are made by CREATE SECRET."""
        rows = [(h.name, h.kind, h.scope, self._secrets.storage(h), h.shown(), h.definition) for h in self._secrets]
        theirs = "SELECT name, type, array_to_string(scope, ', '), storage, secret_string, NULL FROM duckdb_secrets()"
        rows += self._query(theirs).fetchall()
        columns = [(name, "VARCHAR") for name in ("name", "type", "scope", "storage", "options", "definition")]
        shown = sorted(row for row in rows if statement.like is None or like(row[0], statement.like))
        width = len(columns) if statement.extended else len(columns) - 1
        return Result.of_rows(columns[:width], [row[:width] for row in shown])

    def listing(self, function: str, argument: str | None) -> Result:
        """kafka_topics(connection), kafka_groups(connection), kafka_offsets(topic)."""
        return self._brokers.listing(function, argument)

    # ---- DESCRIBE ----------------------------------------------------------------------------------------------------

    def describe(self, statement: Describe) -> Result:
        match statement.kind:
            case "source":
                with placed(statement.name_span):
                    source = self._sources.get(statement.name)
                return self._describe_source(source)
            case "sink":
                with placed(statement.name_span):
                    sink = self._sinks.get(statement.name)
                return self._describe_sink(sink)
            case _:
                return self._brokers.describe(statement)

    def _describe_source(self, source: Source) -> Result:
        self._note(f"decoder: {source.decoder.description}")
        rows: list[tuple[str, str, str | None]] = [(c.name, c.type, _origin(c.path)) for c in source.decoder.columns]
        rows += [(c.name, c.type, "record metadata") for c in source.decoder.metadata]
        return Result.of_rows([("column_name", "VARCHAR"), ("column_type", "VARCHAR"), ("origin", "VARCHAR")], rows)

    def _describe_sink(self, entry: SinkEntry) -> Result:
        rows: list[tuple[str, Any]] = [("name", entry.name), ("id", entry.id), ("source", entry.source.name), ("table", entry.table_name),
                                       ("state", entry.state()), ("resolve_with", entry.cure())]
        if entry.flusher is not None:
            target = entry.flusher.target
            rows += [("group", target.group), ("snapshot_id", target.head.snapshot_id),
                     ("metadata_location", target.head.metadata_location), ("data_files", target.head.data_files),
                     ("compacts", entry.flusher.compacts()),
                     ("columns", ", ".join(f"{c.name} {c.type}" for c in target.head.columns))]
            rows += [(f"committed {topic}[{p}]", offset) for (topic, p), offset in sorted(target.head.cut().items())]
        given = [o for o in declared.SINK.options if o.built and entry.options.get(o.name) is not None]
        rows += [(o.name.lower(), o.kind.text(entry.options[o.name])) for o in given]
        return Result.of_rows([("property", "VARCHAR"), ("value", "VARCHAR")], [(k, None if v is None else str(v)) for k, v in rows])

    # ---- SHOW CREATE -------------------------------------------------------------------------------------------------

    def show_create(self, statement: ShowCreate) -> Result:
        match statement.kind:
            case "source":
                text = self.source_text(self._sources.get(statement.name))
            case "sink":
                text = self.sink_text(self._sinks.get(statement.name))
            case _:
                text = self.connection_text(statement.name)
        return Result.of_rows([("name", "VARCHAR"), ("sql", "VARCHAR")], [(statement.name, text)])

    def source_text(self, source: Source) -> str:
        """Columns are written out: it infers nothing when it runs, and later records change none unless that was asked for."""
        given = {k: source.options[k] for k in source.options if k in source.options.given}
        if not {"TOPIC", "TOPICS", "TOPIC_PATTERN"} & set(given) and source.topics != (source.name,):
            given["TOPIC"] = source.topics[0]
        columns = [definition(c) for c in source.columns] if source.options["FORMAT"] not in ONE_COLUMN else []
        return written.create_source_text(source.name, columns=columns, cluster=source.cluster_name, options=given)

    def sink_text(self, entry: SinkEntry) -> str:
        given = {k: entry.options[k] for k in entry.options if k in entry.options.given}
        return written.create_sink_text(entry.name, (entry.catalog_name, *entry.table), source=None if entry.select else entry.source.name,
                                       select=entry.select, options=given)

    def connection_text(self, name: str) -> str:
        attached = self._connections.clusters.get(name) or self._connections.expected.get(name)
        if attached is not None:
            return written.attach_text("kafka", attached.uri, name, options=attached.options)
        if name in self._connections.catalogs or name == "local":
            catalog = self._connections.catalog(name)
            if name == "local":
                return f"-- the embedded catalog; any PyIceberg opens it with\n-- {catalog.lake.line()}"
            return written.attach_text("iceberg", catalog.lake.uri, name, options=catalog.options)
        known = [*self._connections.cluster_names(), *self._connections.catalogs]
        raise NotFoundError(f"there is no connection {name}", named=name, hint=did_you_mean(name, known) or "SHOW CONNECTIONS lists them")


def _origin(path: tuple[str, ...]) -> str | None:
    return paths.spell(path) if path else None
