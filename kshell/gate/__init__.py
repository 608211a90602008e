"""The gate: which statements only read. The first of the three layers of read-only, and the only one that sees the text.

1. one statement  2. its first word  3. kshell's own statement, or DuckDB's type  4. the parse tree: names, functions, what is behind them

Does: say yes, or raise with what to do instead. Does not: run, rewrite or bind the statement.
Invariant: what is not known to read is refused before DuckDB sees it; text that passed may be run as it is, and as nothing else."""

from __future__ import annotations

import duckdb

from kshell import lang
from kshell.errors import Error, StatementSyntaxError
from kshell.gate import ours, queries, refusals
from kshell.gate.tree import require_size
from kshell.lang.statements import DuckStatement, Statement
from kshell.lang.tokens import leading_words, tokens

_WORDS = queries.QUERY_WORDS | frozenset(["EXPLAIN", "LIST", "TAIL", "SUBSCRIBE", "PRINT", "CHECK", "VERIFY"])


def permitted(cursor: duckdb.DuckDBPyConnection, text: str, *, remote: bool = False, endless: bool = False) -> Statement:
    """The one statement of the text, if it only reads. ReadOnlyError says what is refused and what to do instead, StatementSyntaxError
    that it is no statement, LimitError that it is too long to be looked through; text that DuckDB does not parse comes back as it is, and
    running it gives DuckDB's own words.

    `cursor`: of the database in question, without an open result and not in a failed transaction; nothing is bound or run on it.
    `remote`: for another client than the owner: nothing of topics, secrets, the server's environment or `kshell_buffer`, and every TAIL
    has a LIMIT unless it is `endless`."""
    require_size(text)
    _one(text)
    word, at = _first_word(text)
    if word not in _WORDS:
        if word not in refusals.WORDS and _nobodys(cursor, text):
            return DuckStatement(text=text)
        raise refusals.of_word(word or "this", remote=remote, position=at)
    statement = lang.parse(text)
    if isinstance(statement, DuckStatement):
        queries.allow(cursor, statement.text, remote=remote)
    else:
        ours.allow(statement, word, remote=remote, endless=endless)
        for inner in ours.inner(statement):
            queries.allow_select(cursor, inner.query, inner.begins, remote=remote)
    return statement


def _one(text: str) -> None:
    pieces = lang.split(text)
    if not pieces:
        raise StatementSyntaxError("there is no statement", hint="SELECT 1")
    if len(pieces) > 1:
        raise StatementSyntaxError(f"one statement at a time, not {len(pieces)}", hint="send them one by one", position=pieces[1].start)
    if pieces[0].kind == "dot":
        raise StatementSyntaxError(f"{pieces[0].text.split()[0]} is a command of the shell, not a statement",
                                   hint="SHOW, DESCRIBE or a query", position=pieces[0].start)


def _nobodys(cursor: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Neither kshell nor DuckDB has such a statement, as `SELEC 1`: running it gives DuckDB's own words, and their place. Not asked of
    statements that there are: to parse an IMPORT DATABASE, DuckDB opens the file."""
    try:
        return isinstance(lang.parse(text), DuckStatement) and not cursor.extract_statements(text)
    except duckdb.ParserException:
        return True
    except (Error, duckdb.Error):
        return False


def _first_word(text: str) -> tuple[str, int]:
    """A query may stand in parentheses."""
    words = leading_words(text, 1)
    if words:
        return words[0], len(text) - len(text.lstrip())
    first = next((token for token in tokens(text) if token.text != "("), None)
    return (first.upper or first.text, first.start) if first is not None else ("", 0)


__all__ = ["permitted"]
