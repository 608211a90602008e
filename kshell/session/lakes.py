"""Tables of attached catalogs under their own names: `local.shop.orders` is a view over one snapshot, made when it is first used.

Invariant: a view reads the newest snapshot of the moment it was made; REFRESH CATALOG and a newer use of `forget` make it again."""

from __future__ import annotations

import re
import threading

import duckdb

from kshell.columns import literal, quote
from kshell.engine import OWN_SCHEMAS, Engine
from kshell.errors import Error, NotFoundError, RefusedError, did_you_mean
from kshell.lang.tokens import Token, tokens
from kshell.session.connections import LOCAL, Connections


class LakeViews:
    def __init__(self, engine: Engine, connections: Connections) -> None:
        self._engine = engine
        self._connections = connections
        self._made: set[tuple[str, ...]] = set()
        self._used: set[tuple[str, ...]] = set()       # made at any time
        self._absent: set[tuple[str, ...]] = set()     # what the statement names and no catalog has
        self._making = threading.Lock()                # the session's statements and those of clients name tables at the same time
        self._not_made: dict[str, Error] = {}          # catalogs that a read-only session does not make

    def prepare(self, text: str) -> None:
        """Make the views that a statement names and that do not exist."""
        with self._making:
            self._prepare(text)

    def _prepare(self, text: str) -> None:
        self._absent, self._not_made = set(), {}
        catalogs = {*self._connections.catalogs, *self._connections.configured, LOCAL}
        lowered = text.lower()
        if not any(c.lower() in lowered for c in catalogs):
            return
        for chain in _chains(tokens(text)):
            if len(chain) >= 3 and chain[0] in catalogs and chain not in self._made:
                self._make(chain)

    def _make(self, chain: tuple[str, ...]) -> None:
        catalog, *identifier = chain
        try:
            table = self._connections.catalog(catalog).lake.find(tuple(identifier))
        except Error as error:                 # what DuckDB says of a name that does not exist is what the user should read,
            if isinstance(error, NotFoundError) and self._connections.sealed:
                self._not_made[catalog] = error     # unless it would exist if it were only asked for
            return
        if table is None:
            self._absent.add(chain)
            return
        if not self._engine.may_use(table.metadata_location):
            raise RefusedError(f"OUTSIDE_ALLOWED: table {'.'.join(chain)} was not in use when serving began, and its files are closed",
                               hint="read the table once before the first CALL kshell_serve")
        self._engine.need_iceberg()
        schema, name = ".".join(identifier[:-1]), identifier[-1]
        view = f"{quote(catalog)}.{quote(schema)}.{quote(name)}"
        with self._engine.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(catalog)}.{quote(schema)}")
            if table.metadata.current_snapshot() is not None:
                cursor.execute(f"CREATE OR REPLACE VIEW {view} AS FROM iceberg_scan({literal(table.metadata_location)})")
        if table.metadata.current_snapshot() is not None:
            self._made.add(chain)
            self._used.add(chain)

    def explained(self, error: Error) -> Error:
        """DuckDB knows only the tables that were read before; what is missing and what is near, the catalog says."""
        for catalog, why in self._not_made.items():
            if isinstance(error, NotFoundError) and f'Catalog "{catalog}" does not exist' in error.message:
                made = NotFoundError(why.message, hint=why.hint)
                made.position, made.length = error.position, error.length
                return made
        for catalog, *identifier in self._absent:
            name = ".".join(identifier)
            if isinstance(error, NotFoundError) and re.search(rf'\b{re.escape(identifier[-1])}"? does not exist', error.message):
                made = NotFoundError(f"catalog {catalog} has no table {name}", hint=self._nearest(catalog, name))
                made.position, made.length = error.position, error.length
                return made
        return error

    def _nearest(self, catalog: str, name: str) -> str:
        try:
            known = [".".join(table) for table in self._connections.catalog(catalog).lake.tables()]
        except Error:
            known = []
        near = did_you_mean(f"{catalog}.{name}", [f"{catalog}.{table}" for table in known])
        return near or (f"it has {', '.join(known[:8])}" if known else "it has no table yet: CREATE SINK ... INTO ICEBERG makes them")

    def forget(self, catalog: str) -> None:
        self._made = {c for c in self._made if c[0] != catalog}

    def used(self) -> list[tuple[str, tuple[str, ...]]]:
        """Catalog and table of everything that was read."""
        return sorted((chain[0], chain[1:]) for chain in self._used)

    def relations(self) -> dict[str, tuple[str, ...]]:
        """Every table and view with its columns, for completion."""
        cursor = self._engine.cursor()
        query = ("SELECT table_catalog, table_schema, table_name, list(column_name ORDER BY ordinal_position) "
                 "FROM information_schema.columns "
                 f"WHERE table_schema NOT IN {('information_schema', 'pg_catalog', *OWN_SCHEMAS)} GROUP BY ALL")
        try:
            found = cursor.execute(query).fetchall()
        except duckdb.Error:
            return {}                          # a view whose files are gone, or an engine that is closing: nothing to complete
        finally:
            cursor.close()
        return {_shown(catalog, schema, name): tuple(columns) for catalog, schema, name, columns in found}


def _shown(catalog: str, schema: str, name: str) -> str:
    parts = [name] if (catalog, schema) == ("memory", "main") else [schema, name] if catalog == "memory" else [catalog, schema, name]
    return ".".join(parts)


def _chains(found: list[Token]) -> set[tuple[str, ...]]:
    """Dotted names of three parts and more, unquoted."""
    chains: set[tuple[str, ...]] = set()
    parts: list[str] = []
    for token in found:
        if token.kind in ("word", "name") and (not parts or parts[-1] == "."):
            parts.append(token.text if token.kind == "word" else token.text[1:-1].replace('""', '"'))
        elif token.text == "." and parts and parts[-1] != ".":
            parts.append(".")
        else:
            chains.add(tuple(p for p in parts if p != "."))
            parts = [token.text] if token.kind == "word" else []
    return chains
