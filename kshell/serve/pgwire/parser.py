"""Text of the protocol's own statements into commands.

Invariant: none of their words ever reaches DuckDB; a mistake in them has its place, and what the protocol has and this server does not
says so."""

from __future__ import annotations

from collections.abc import Callable

from kshell.lang.reader import Reader
from kshell.lang.tokens import leading_words
from kshell.serve.pgwire import copying
from kshell.serve.pgwire.commands import Begin, CloseCursor, Command, Deallocate, Declare, Empty, End, Fetch, Query, Savepoint, Unlisten
from kshell.serve.pgwire.copying import name, over
from kshell.serve.pgwire.sqlstate import FEATURE_NOT_SUPPORTED, StateError

_CURSOR_FORM = "DECLARE name CURSOR FOR query"
_FORWARD_ONLY = ("PRIOR", "BACKWARD", "FIRST", "LAST", "ABSOLUTE")


def command(text: str) -> Command:
    """Raises StatementSyntaxError, ReadOnlyError, or StateError for what the protocol has and this server does not."""
    words = leading_words(text, 1)
    if not words:
        return Empty() if not text.strip("; \t\r\n") or Reader(text).done else Query(text)
    parse = _FIRST.get(words[0])
    return parse(Reader(text)) if parse else Query(text)


# ---- transactions ----------------------------------------------------------------------------------------------------


def _begin(reader: Reader) -> Command:
    """The modes of a transaction are accepted: one that only reads, at one moment, is serializable as it is."""
    first = reader.next().upper
    if first == "START" and not reader.accept("TRANSACTION"):
        reader.fail("TRANSACTION")
    if first == "BEGIN" and not reader.accept("TRANSACTION"):
        reader.accept("WORK")
    _modes(reader)
    over(reader)
    return Begin("BEGIN" if first == "BEGIN" else "START TRANSACTION")


def _modes(reader: Reader) -> None:
    while not reader.over:
        if reader.accept("ISOLATION", "LEVEL"):
            levels = (("SERIALIZABLE",), ("REPEATABLE", "READ"), ("READ", "COMMITTED"), ("READ", "UNCOMMITTED"))
            if not any(reader.accept(*level) for level in levels):
                reader.fail("an isolation level")
        elif not (reader.accept("READ", "ONLY") or reader.accept("READ", "WRITE") or reader.accept("DEFERRABLE")
                  or reader.accept("NOT", "DEFERRABLE") or reader.accept_op(",")):
            reader.fail("ISOLATION LEVEL, READ ONLY or the end of the statement")


def _end(reader: Reader) -> Command:
    first = reader.next().upper
    if reader.sees("PREPARED"):
        raise _two_phase()
    if not reader.accept("WORK"):
        reader.accept("TRANSACTION")
    if first == "ROLLBACK" and reader.accept("TO"):
        reader.accept("SAVEPOINT")
        return Savepoint("ROLLBACK", _last_name(reader))
    chain = reader.accept("AND", "CHAIN")
    if not chain:
        reader.accept("AND", "NO", "CHAIN")
    over(reader)
    return End(first in ("COMMIT", "END"), chain)


def _savepoint(reader: Reader) -> Command:
    release = reader.next().upper == "RELEASE"
    if release:
        reader.accept("SAVEPOINT")
    return Savepoint("RELEASE" if release else "SAVEPOINT", _last_name(reader))


def _prepare(reader: Reader) -> Command:
    if reader.sees("PREPARE", "TRANSACTION"):
        raise _two_phase()
    return Query(reader.text)


def _two_phase() -> StateError:
    return StateError(FEATURE_NOT_SUPPORTED, "two-phase commit is not supported", hint="this server only reads")


# ---- cursors ---------------------------------------------------------------------------------------------------------


def _declare(reader: Reader) -> Command:
    reader.form = _CURSOR_FORM
    reader.next()
    cursor = name(reader, "the name of a cursor")
    while not reader.accept("CURSOR"):
        if reader.accept("SCROLL"):
            raise _forward_only()
        if not (reader.accept("NO", "SCROLL") or reader.accept("INSENSITIVE") or reader.accept("ASENSITIVE")):
            if reader.sees("BINARY"):
                raise StateError(FEATURE_NOT_SUPPORTED, "a binary cursor is not supported", hint="bind FETCH with binary result formats")
            reader.fail("CURSOR")
    hold = reader.accept("WITH", "HOLD")
    if not hold:
        reader.accept("WITHOUT", "HOLD")
    reader.expect("FOR")
    at = reader.token.start
    return Declare(cursor, Query(reader.text[at:], at), hold)


def _fetch(reader: Reader) -> Command:
    move = reader.next().upper == "MOVE"
    count = _count(reader)
    if not reader.accept("FROM"):
        reader.accept("IN")
    return Fetch(_last_name(reader), count, move)


def _count(reader: Reader) -> int | None:
    """NEXT, n, ALL, FORWARD [n | ALL], RELATIVE 1. Backwards no cursor can go."""
    if reader.token.upper in _FORWARD_ONLY and reader.ahead().kind != "end":
        raise _forward_only()
    forward = reader.accept("FORWARD") or reader.accept("RELATIVE")
    if reader.accept("ALL"):
        return None
    if reader.sees_op("-"):
        raise _forward_only()
    if reader.token.kind == "number":
        return reader.whole_number("how many rows")
    if not forward:
        reader.accept("NEXT")
    return 1


def _forward_only() -> StateError:
    return StateError("55000", "cursor can only scan forward", hint="declare it without SCROLL and read it once")


def _close(reader: Reader) -> Command:
    reader.next()
    if reader.sees("ALL"):
        reader.next()
        over(reader)
        return CloseCursor(None)
    return CloseCursor(_last_name(reader))


def _deallocate(reader: Reader) -> Command:
    reader.next()
    reader.accept("PREPARE")
    if reader.accept("ALL"):
        over(reader)
        return Deallocate(None)
    return Deallocate(_last_name(reader))


# ---- what there is not -----------------------------------------------------------------------------------------------


def _listen(reader: Reader) -> Command:
    word = reader.token.upper
    if word == "UNLISTEN":
        return Unlisten()
    raise StateError(FEATURE_NOT_SUPPORTED, f"{word} is not supported", hint="TAIL source streams rows: COPY (TAIL source) TO STDOUT")


def _last_name(reader: Reader) -> str:
    found = name(reader, "a name")
    over(reader)
    return found


_FIRST: dict[str, Callable[[Reader], Command]] = {
    "BEGIN": _begin, "START": _begin, "COMMIT": _end, "END": _end, "ROLLBACK": _end, "ABORT": _end,
    "SAVEPOINT": _savepoint, "RELEASE": _savepoint, "PREPARE": _prepare,
    "DECLARE": _declare, "FETCH": _fetch, "MOVE": _fetch, "CLOSE": _close, "DEALLOCATE": _deallocate,
    "COPY": copying.copy, "LISTEN": _listen, "UNLISTEN": _listen, "NOTIFY": _listen,
}
