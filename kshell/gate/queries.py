"""Queries of DuckDB through the gate: the type that its parser says, then everything the parse tree calls and names.

1. the type  2. the query behind EXPLAIN  3. names that are files  4. table functions, functions, and what stands behind their names

Invariant: text that passed is one SELECT, or one EXPLAIN of a SELECT; text that DuckDB does not parse has no effect, and is DuckDB's to
explain."""

from __future__ import annotations

import re
from dataclasses import replace

import duckdb

from kshell.engine import BUFFER_SCHEMA
from kshell.errors import Error
from kshell.gate import refusals
from kshell.gate.definitions import definitions_of
from kshell.gate.judged import READS_TOPICS
from kshell.gate.tree import Facts, Named, facts_of
from kshell.lang.tokens import tokens

QUERY_WORDS = frozenset(["SELECT", "FROM", "WITH", "VALUES", "SHOW", "DESCRIBE", "DESC", "SUMMARIZE", "PIVOT", "UNPIVOT", "TABLE"])
_PLACED = re.compile(r"[/\\:]")
_FILE = re.compile(r"\.(?:csv|tsv|txt|json|jsonl|ndjson|parquet|avro|db|ddb|duckdb|sqlite|xlsx|arrow|arrows|ipc|"
                   r"feather|orc|gz|zst|zstd|bz2|xz)(?:$|[?.])")


def allow(cursor: duckdb.DuckDBPyConnection, text: str, *, remote: bool) -> None:
    """Raise ReadOnlyError unless the text is one query that only reads, or is none that DuckDB parses."""
    if _kinds(cursor, text) != ["EXPLAIN"]:
        allow_select(cursor, text, 0, remote=remote)
        return
    begins = _after_explain(text)
    query = text[begins:]
    word = next((token.upper for token in tokens(query) if token.text != "("), "")
    if word not in QUERY_WORDS or _kinds(cursor, query) is None:
        raise refusals.of_statement("only queries are explained", None, remote=remote, position=begins, length=max(1, len(word)))
    allow_select(cursor, query, begins, remote=remote)


def allow_select(cursor: duckdb.DuckDBPyConnection, query: str, begins: int, *, remote: bool) -> None:
    """The same of a query that stands at this place in a statement; EXPLAIN is none."""
    kinds = _kinds(cursor, query)
    if kinds is None:
        return
    if "CREATE" in kinds and {"SELECT", "EXPLAIN"} & set(kinds):
        raise refusals.of_statement("a PIVOT without IN makes a type first", "list the values: PIVOT ... ON column IN ('a', 'b')",
                                    remote=remote, position=begins)
    facts = facts_of(cursor, query) if kinds == ["SELECT"] else None
    if facts is None:
        raise refusals.of_statement("this is not one query", None, remote=remote, position=begins)
    try:
        _judge(cursor, query, facts, remote=remote)
    except Error as error:
        error.position = None if error.position is None else error.position + begins
        raise


def _judge(cursor: duckdb.DuckDBPyConnection, query: str, facts: Facts, *, remote: bool) -> None:
    """Raise ReadOnlyError for the first thing in a query that does more than read, or reads what is not the caller's."""
    for table in facts.tables:
        _judge_table(cursor, query, table, remote=remote)
    topics = tuple(call for call in facts.table_functions if call.name in READS_TOPICS)
    if topics and remote:
        raise refusals.of_function(topics[0].name, "reads a topic", remote=True, position=_characters(query, topics[0].place))
    if topics:
        facts = replace(facts, table_functions=tuple(call for call in facts.table_functions if call not in topics))
    fault = definitions_of(cursor).fault(cursor, facts)
    if fault is not None:
        raise refusals.of_function(fault.name, fault.said, remote=remote, position=_characters(query, fault.place))


def _kinds(cursor: duckdb.DuckDBPyConnection, text: str) -> list[str] | None:
    try:
        return [str(parsed.type.name) for parsed in cursor.extract_statements(text)]
    except duckdb.Error:
        return None


def _after_explain(text: str) -> int:
    """Where the query begins: EXPLAIN [ANALYZE] [(options)] query."""
    found = tokens(text)
    at = 1 + (found[1].upper in ("ANALYZE", "ANALYSE"))
    if found[at].text == "(" and found[at + 1].upper not in QUERY_WORDS and found[at + 1].text != "(":
        while found[at].text != ")" and found[at].kind != "end":
            at += 1
        at += found[at].kind != "end"
    return found[at].start


def _judge_table(cursor: duckdb.DuckDBPyConnection, query: str, table: Named, *, remote: bool) -> None:
    name = ".".join(table.parts)
    position = _characters(query, table.place)
    if _PLACED.search(name) or (_FILE.search(name) and not _exists(cursor, table)):
        topic = f"a topic of this name is read by kafka_scan('{'.'.join(table.parts[1:])}')" if table.parts[1:] and not remote else None
        raise refusals.of_statement(f"'{name}' is the name of a file", topic, remote=remote, position=position, length=len(name))
    hidden = _hidden(table.parts) if remote else None
    if hidden is not None:
        raise refusals.of_statement(*hidden, remote=True, position=position, length=len(name))


def _hidden(parts: tuple[str, ...]) -> tuple[str, str | None] | None:
    """Why a relation is not for clients, and what to read in its place. A bare name may be found by the search path."""
    if parts in (("secrets",), ("kshell", "secrets"), ("memory", "kshell", "secrets")):
        return "secrets are not for clients", None
    if parts[-1] == "duckdb_logs":
        return "the log of the process is not for clients", None
    if BUFFER_SCHEMA in parts[:-1]:
        return f"{BUFFER_SCHEMA} is kshell's own", "FROM live.name reads the rows that are in memory"
    return None


def _exists(cursor: duckdb.DuckDBPyConnection, table: Named) -> bool:
    """A table of this very name stands before a file of it."""
    *before, name = table.parts
    schema, catalog = [*reversed(before), "main", ""][:2] if before else ("main", "")
    found = cursor.execute("SELECT 1 FROM information_schema.tables WHERE lower(table_name) = ? AND (lower(table_schema) = ? OR "
                           "(? = '' AND lower(table_catalog) = ?)) AND ? IN ('', lower(table_catalog)) LIMIT 1",
                           [name, schema, catalog, schema, catalog if len(before) == 2 else ""]).fetchone()
    return found is not None


def _characters(text: str, place: int | None) -> int | None:
    """DuckDB counts UTF-8 bytes, people count characters."""
    return None if place is None else len(text.encode()[:place].decode("utf-8", "ignore"))
