"""What to type instead of a statement that DuckDB refused: names that exist before DuckDB's own guesses.

Invariant: a hint asks no broker and no catalog, and is never worth a second error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from kshell.engine import OWN_SCHEMAS, Engine
from kshell.errors import did_you_mean
from kshell.lang import dialects, habits, typos
from kshell.lang.tokens import Token, tokens
from kshell.query import shapes, translate
from kshell.query.translate import Fault

_OURS = ("kafka_scan", "kafka_topics", "kafka_groups", "kafka_offsets", "kafka_header", "kshell_serve", "kshell_stop", "kshell_servers")
_INCLUDED = ("topic", "headers", "value", "rest")
_SECRET_TYPES = ("kafka", "schema_registry", "iceberg_catalog", "s3", "gcs", "r2", "http")
_SCHEMA = re.compile(r'Table with name "([^"]+)" does not exist because schema "([^"]+)"')
_CATALOG = re.compile(r'Catalog "([^"]+)" does not exist|database with name "([^"]+)"|No catalog \+ schema named "([^"]+)"')
_MACRO = re.compile(r"Macro ([^(]+)\(\) does not support")
_FILE = re.compile(r'(?:that match the pattern|Cannot open file|Could not write file) "([^"]+)"')
_SECRET = re.compile(r"Secret type '([^']+)' not found")
_EXTENSION = re.compile(r'Extension "([^"]+)" not found|Failed to download extension "([^"]+)"')
_SAID = {                                         # words of DuckDB's message -> hint
    "Prepared statement": "PREPARE name AS SELECT ... makes one", "no transaction is active": "BEGIN starts one",
    "within a transaction": "COMMIT or ROLLBACK ends the one that is open",
    "Could not convert string": "TRY_CAST(x AS type) gives NULL for what does not convert",
    "field value out of range": "written DATE '2026-12-31' or TIMESTAMP '2026-12-31 23:59:59'",
    "must appear in the GROUP BY": "GROUP BY ALL groups by every column that is not aggregated",
    "values were supplied": "INSERT INTO table (column, ...) names the columns that are given",
    "already exists": "CREATE OR REPLACE makes it anew, CREATE ... IF NOT EXISTS keeps it",
    "Copy Function": "COPY writes csv, json and parquet; .once FILE writes what else there is (.help once)",
}
_FORM = re.compile(r"\b(\w+) := ")


class Hints:
    """`topics`: (connection, topic) as far as known."""

    def __init__(self, engine: Engine, topics: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._engine, self._topics = engine, topics

    def of(self, fault: Fault, text: str, ran: str, scanned: Sequence[tuple[str, str]] = ()) -> str | None:
        """`text` is what was typed, `ran` what DuckDB got; `scanned`: columns of topics, name and type."""
        return (dialects.hint_for(text, fault.message) or translate.offset_hint(fault, text) or translate.setting_hint(fault)
                or self._syntax(fault, ran) or self._column(fault, ran, scanned) or self._table(fault, text) or self._function(fault, text)
                or self._database(fault) or _file(fault) or _other(fault))

    def _syntax(self, fault: Fault, text: str) -> str | None:
        if fault.kind != "Parser" or fault.position is None:
            return None
        return typos.show_create_hint(text) or typos.hint_for(text, fault.position)

    # ---- columns ---------------------------------------------------------------------------------------------------

    def _column(self, fault: Fault, ran: str, scanned: Sequence[tuple[str, str]]) -> str | None:
        if fault.subtype != "COLUMN_NOT_FOUND" or not fault.name:
            return None
        typed = [*scanned, *self._columns_of(ran)]
        known = [column for column, _ in typed]
        name = fault.name.lower()
        if name == "_tier" and known:
            return "_tier is in the union only: FROM the source's own name, without live. or lake."
        if name.startswith("_kafka_") and name[7:] in _INCLUDED and known:
            return f"CREATE SOURCE ... (INCLUDE [{name[7:]}]) has it, or kafka_scan(..., include := ['{name[7:]}'])"
        names = [*known, *(c for c in fault.candidates if c not in known)] if known else list(fault.candidates)
        inside = next((f"{column}.{fault.name}" for column, type_ in typed if name in shapes.fields(type_)), None)
        near = f"did you mean {inside}?" if inside else did_you_mean(fault.name, names) or habits.column_hint(fault.name)
        if near or not names:
            return near or f"a text stands in single quotes: '{fault.name}'"
        return f"columns here: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"

    def _columns_of(self, text: str) -> list[tuple[str, str]]:
        """The columns of the tables and views that the text names, with their types."""
        mentioned = list(_mentions(tokens(text)))
        query = ("SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
                 f"WHERE table_schema NOT IN {OWN_SCHEMAS} ORDER BY ordinal_position")
        return list(dict.fromkeys((column, type_) for schema, table, column, type_ in self._rows(query)
                                  if (schema.lower(), table.lower()) in mentioned or
                                  (schema == "main" and ("", table.lower()) in mentioned)))

    # ---- tables ----------------------------------------------------------------------------------------------------

    def _table(self, fault: Fault, text: str) -> str | None:
        schema = _SCHEMA.search(fault.message)
        if schema and (side := re.fullmatch(r"(\w+)\.(live|lake)", schema.group(1), re.IGNORECASE)):
            return f"the side stands first: {side.group(2)}.{side.group(1)}"
        if schema:
            return did_you_mean(schema.group(1), self._qualified()) or \
                f"ATTACH 'kafka://host:9092' AS {schema.group(2)} (TYPE kafka) makes topics readable as {schema.group(1)}"
        if not fault.missing_table:
            return None
        return (typos.shown_hint(text) or translate.topic_hint(fault.name, self._topics())
                or translate.nearest(fault, self._tables, self._functions) or translate.near_topic_hint(fault.name, self._topics())
                or self._lists())

    def _tables(self) -> list[str]:
        """Everything FROM may name: sources and sinks are views. Topics too, since one letter may be what is wrong."""
        names = self._names(f"SELECT DISTINCT table_name FROM information_schema.tables WHERE table_schema NOT IN {OWN_SCHEMAS}")
        return [*names, *(f"{c}.{t}" for c, t in self._topics())]

    def _qualified(self) -> list[str]:
        names = self._names("SELECT DISTINCT table_schema || '.' || table_name FROM information_schema.tables "
                            f"WHERE table_schema NOT IN {OWN_SCHEMAS}")
        return [*(f"{c}.{t}" for c, t in self._topics()), *names]

    def _lists(self) -> str:
        return "SHOW ALL TABLES lists what there is" + (", SHOW TOPICS what could be read" if next(iter(self._topics()), None) else "")

    # ---- functions, databases --------------------------------------------------------------------------------------

    def _function(self, fault: Fault, text: str) -> str | None:
        macro = _MACRO.search(fault.message)
        if macro:
            known = list(dict.fromkeys(_FORM.findall(fault.message)))
            given = [before.text for before, token in zip(tokens(text), tokens(text)[1:], strict=False) if token.text == ":="]
            wrong = next((name for name in given if name.lower() not in known), None)
            return (did_you_mean(wrong, known) if wrong else None) or f"its arguments: {', '.join(known)}"
        if fault.name.lower() in ("kshell_serve", "kshell_stop"):
            return f"it is a statement of its own: CALL {fault.name.lower()}('pgwire')"
        if "Function" in fault.entry:
            return habits.function_hint(fault.name) or did_you_mean(fault.name, self._functions())
        if fault.missing_table or not fault.name:
            return None
        return translate.nearest(fault, self._tables, self._functions)

    def _functions(self) -> list[str]:
        return [*_OURS, *self._names("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name ~ '[a-z][a-z0-9_]*' "
                                     f"AND schema_name NOT IN {OWN_SCHEMAS}")]

    def _database(self, fault: Fault) -> str | None:
        found = _CATALOG.search(fault.message)
        if not found:
            return None
        name = next(group for group in found.groups() if group)
        if name.partition(".")[0].lower() in {cluster.lower() for cluster, _ in self._topics()}:
            return f"a cluster holds topics, not tables: FROM {name.partition('.')[0]}.topic reads one, CREATE SOURCE keeps it"
        known = ["local", *dict.fromkeys(cluster for cluster, _ in self._topics()),
                 *self._names("SELECT database_name FROM duckdb_databases() WHERE NOT internal"),
                 *self._names(f"SELECT DISTINCT schema_name FROM duckdb_schemas() WHERE NOT internal AND schema_name NOT IN {OWN_SCHEMAS}")]
        return did_you_mean(name, known) or "SHOW DATABASES lists them, SHOW CONNECTIONS the clusters and catalogs"

    # ---- asking DuckDB ---------------------------------------------------------------------------------------------

    def _names(self, query: str) -> list[str]:
        return [str(row[0]) for row in self._rows(query)]

    def _rows(self, query: str) -> Sequence[Sequence[str]]:
        cursor = self._engine.cursor()
        try:
            return cursor.execute(query).fetchall()
        except (duckdb.Error, RuntimeError):
            return []                             # an engine that is closing, or out of memory
        finally:
            cursor.close()


def refined(fault: Fault, text: str) -> Fault:
    """A column that a table does not have, in whatever words DuckDB says so, is one kind of fault with the place of the column."""
    found = re.match(r'(?:Values list|Table) "([^"]+)" does not have a column (?:named|with name) "([^"]+)"', fault.message)
    if not found:
        return fault
    table, column = found.groups()
    place = re.compile(rf'[\s"]*\.[\s"]*({re.escape(column)})', re.IGNORECASE).search(text, fault.position or 0)
    return replace(fault, message=f'column "{column}" not found in {table}', subtype="COLUMN_NOT_FOUND", name=column,
                   position=place.start(1) if place and fault.position is not None else fault.position)


def _mentions(found: Sequence[Token]) -> Iterable[tuple[str, str]]:
    """(schema, name) of every dotted name, in small letters; '' for a name without a schema."""
    for at, token in enumerate(found):
        if token.kind in ("word", "name"):
            qualified = at >= 2 and found[at - 1].text == "." and found[at - 2].kind in ("word", "name")
            yield (_plain(found[at - 2]) if qualified else "", _plain(token))


def _plain(token: Token) -> str:
    return token.text.strip('"').replace('""', '"').lower()


def _file(fault: Fault) -> str | None:
    found = _FILE.search(fault.message)
    if not found or fault.kind != "IO" or "://" in found.group(1) or "No space" in fault.message:
        return None
    path = Path(found.group(1))
    try:
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()])
    except OSError:
        return None
    return near or (None if path.is_absolute() else f"paths begin at {Path.cwd()}; .cd FOLDER changes that")


def _other(fault: Fault) -> str | None:
    said = fault.message
    if found := _SECRET.search(said):
        return did_you_mean(found.group(1), _SECRET_TYPES) or f"types: {', '.join(_SECRET_TYPES)}"
    if found := _EXTENSION.search(said):
        name = Path(found.group(1) or found.group(2)).name.removesuffix(".duckdb_extension")
        return f"pip install duckdb-extension-{name}=={duckdb.__version__} where there is such a package, or INSTALL {name}"
    for part, hint in _SAID.items():
        if part in said:
            return hint
    if said.startswith("No function matches"):
        forms = [c for c in fault.candidates if c][:4]
        return f"there is {', '.join(forms)}; a cast gives the type: x::INTEGER" if forms else None
    return None
