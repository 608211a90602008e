"""What kind of statement a text of DuckDB is: whether it gives rows, counts changes, or explains.

Invariant: decided by DuckDB's own parser and by tokens, never by running anything."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from kshell.lang import statements
from kshell.lang.tokens import leading_words

EXPLAIN = "EXPLAIN"
SELECT = "SELECT"
_PLAIN_QUERIES = (("SELECT",), ("FROM",), ("VALUES",))
_ALWAYS = frozenset({SELECT, EXPLAIN, "EXECUTE", "RELATION", "LOGICAL_PLAN"})
_MAYBE = frozenset({"CALL", "PRAGMA", "MULTI"})                   # rows unless all DuckDB says is Success
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "COPY", "CREATE"})
_OURS_WITH_ROWS = frozenset({"Show", "ShowCreate", "Describe", "CheckSink", "Tail", "Print", "Serve"})
_SUCCESS = [("Success", "BOOLEAN")]


def statement_type(cursor: duckdb.DuckDBPyConnection, text: str) -> str:
    """The type of the (last) statement in DuckDB's words; PIVOT without IN is two statements. Raises DuckDB's ParserException."""
    parsed = cursor.extract_statements(text)
    return str(parsed[-1].type.name) if parsed else ""


def plainly_query(text: str) -> bool:
    """One statement that gives rows if it parses at all, so that it need not be parsed to be told apart from others."""
    return ";" not in text and leading_words(text, 1) in _PLAIN_QUERIES


def gives_rows(kind: str, text: str, columns: Sequence[tuple[str, str]] | None = None) -> bool:
    """Whether the statement prints rows. `columns` of the executed statement settle CALL and PRAGMA."""
    if kind in _MAYBE:
        return columns is None or list(columns) != _SUCCESS
    if kind in _ALWAYS:
        return True
    words = keywords(text) if kind in _CHANGES else frozenset()
    return "RETURNING" in words or (kind == "COPY" and bool(words & {"RETURN_FILES", "RETURN_STATS"}))


def counts_changes(kind: str) -> bool:
    return kind in _CHANGES


def shows_rows(statement: statements.Statement) -> bool:
    """Whether a statement, ours or DuckDB's, prints rows; decided without running it."""
    if isinstance(statement, statements.CreateSink):
        return statement.explain
    if not isinstance(statement, statements.DuckStatement):
        return type(statement).__name__ in _OURS_WITH_ROWS
    try:
        with duckdb.connect(":memory:") as parser:
            return gives_rows(statement_type(parser, statement.text), statement.text)
    except duckdb.Error:
        return False                          # what does not parse prints nothing


def keywords(text: str) -> frozenset[str]:
    """The unquoted words of a text in capitals."""
    data = text.encode("utf-8", "surrogatepass")
    tokens = duckdb.tokenize(text)
    starts = [start for start, _ in tokens] + [len(data)]
    words = (data[start:end].split(b" ")[0] for (start, kind), end in zip(tokens, starts[1:], strict=True)
             if kind in (duckdb.token_type.keyword, duckdb.token_type.identifier))
    return frozenset(word.decode("utf-8", "replace").strip().upper() for word in words)
