"""What the protocol's own statements are: transactions, cursors, COPY ... TO STDOUT. Text in, a value out.

Invariant: whatever is none of these is a Query with its text untouched; none of their words ever reaches DuckDB. A place (`at`) counts
characters of the statement's text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from kshell.errors import ReadOnlyError, StatementSyntaxError
from kshell.lang.reader import Reader, string_value
from kshell.lang.tokens import leading_words
from kshell.serve.pgwire.sqlstate import FEATURE_NOT_SUPPORTED, StateError
from kshell.serve.pgwire.types.copy import CopyForm


@dataclass(frozen=True, slots=True)
class Query:
    """A statement that the gate and DuckDB get to see. `at`: where it begins in the text that the client wrote."""

    text: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Empty:
    pass


@dataclass(frozen=True, slots=True)
class Begin:
    tag: str                                      # BEGIN, or START TRANSACTION


@dataclass(frozen=True, slots=True)
class End:
    commit: bool
    chain: bool = False                           # AND CHAIN: another transaction begins at once


@dataclass(frozen=True, slots=True)
class Savepoint:
    """Accepted without an effect: what only reads has nothing to take back."""

    action: Literal["SAVEPOINT", "RELEASE", "ROLLBACK"]
    name: str


@dataclass(frozen=True, slots=True)
class Declare:
    name: str
    query: Query
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    """`count` None: all that are left. `move`: the rows are passed over."""

    name: str
    count: int | None
    move: bool = False


@dataclass(frozen=True, slots=True)
class CloseCursor:
    name: str | None                              # None: all


@dataclass(frozen=True, slots=True)
class Deallocate:
    name: str | None                              # None: all


@dataclass(frozen=True, slots=True)
class Unlisten:
    """Nobody can listen, so there is nothing to do."""


@dataclass(frozen=True, slots=True)
class CopyOut:
    query: Query
    form: CopyForm


Command = (Query | Empty | Begin | End | Savepoint | Declare | Fetch | CloseCursor | Deallocate | Unlisten | CopyOut)

_CURSOR_FORM = "DECLARE name CURSOR FOR query"
COPY_FORM = "COPY (query) TO STDOUT (FORMAT csv, HEADER)"
_FORWARD_ONLY = ("PRIOR", "BACKWARD", "FIRST", "LAST", "ABSOLUTE")


def command(text: str) -> Command:
    """Raises StatementSyntaxError, ReadOnlyError, or StateError for what the protocol has and this server does not."""
    words = leading_words(text, 2)
    if not words:
        return Empty() if not text.strip("; \t\r\n") or Reader(text).done else Query(text)
    parse = _FIRST.get(words[0])
    return parse(Reader(text), words[1:]) if parse else Query(text)


# ---- transactions ----------------------------------------------------------------------------------------------------


def _begin(reader: Reader, following: tuple[str, ...]) -> Command:
    """The modes of a transaction are accepted: one that only reads, at one moment, is serializable as it is."""
    first = reader.next().upper
    if first == "START" and not reader.accept("TRANSACTION"):
        reader.fail("TRANSACTION")
    if first == "BEGIN" and not reader.accept("TRANSACTION"):
        reader.accept("WORK")
    _modes(reader)
    _over(reader)
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


def _end(reader: Reader, following: tuple[str, ...]) -> Command:
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
    _over(reader)
    return End(first in ("COMMIT", "END"), chain)


def _savepoint(reader: Reader, following: tuple[str, ...]) -> Command:
    release = reader.next().upper == "RELEASE"
    if release:
        reader.accept("SAVEPOINT")
    return Savepoint("RELEASE" if release else "SAVEPOINT", _last_name(reader))


def _prepare(reader: Reader, following: tuple[str, ...]) -> Command:
    if following == ("TRANSACTION",):
        raise _two_phase()
    return Query(reader.text)


def _two_phase() -> StateError:
    return StateError(FEATURE_NOT_SUPPORTED, "two-phase commit is not supported", hint="this server only reads")


# ---- cursors ---------------------------------------------------------------------------------------------------------


def _declare(reader: Reader, following: tuple[str, ...]) -> Command:
    reader.form = _CURSOR_FORM
    reader.next()
    name = _name(reader, "the name of a cursor")
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
    return Declare(name, Query(reader.text[at:], at), hold)


def _fetch(reader: Reader, following: tuple[str, ...]) -> Command:
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


def _close(reader: Reader, following: tuple[str, ...]) -> Command:
    reader.next()
    if reader.sees("ALL"):
        reader.next()
        _over(reader)
        return CloseCursor(None)
    return CloseCursor(_last_name(reader))


def _deallocate(reader: Reader, following: tuple[str, ...]) -> Command:
    reader.next()
    reader.accept("PREPARE")
    if reader.accept("ALL"):
        _over(reader)
        return Deallocate(None)
    return Deallocate(_last_name(reader))


# ---- COPY ------------------------------------------------------------------------------------------------------------


def _copy(reader: Reader, following: tuple[str, ...]) -> Command:
    """COPY into a file stays a Query: the gate says what it thinks of it."""
    reader.form = COPY_FORM
    reader.next()
    query = _copied(reader)
    if reader.accept("FROM"):
        raise ReadOnlyError("COPY FROM would write", hint="this server only reads; COPY (query) TO STDOUT sends rows",
                            position=0, length=len("COPY"))
    if query is None or not reader.accept("TO") or reader.token.upper != "STDOUT":
        return Query(reader.text)
    reader.next()
    return CopyOut(query, _copy_form(reader))


def _copied(reader: Reader) -> Query | None:
    """The query in parentheses, or a table with or without columns."""
    if reader.sees_op("("):
        start = reader.token.end
        end = _past_parenthesis(reader)
        return None if end is None else Query(reader.text[start:end], start)
    start = reader.token.start
    while (reader.token.kind in ("word", "name") and not reader.sees("TO") and not reader.sees("FROM")) or reader.sees_op("."):
        reader.next()
    table = reader.text[start:reader.token.start].strip()
    if not reader.sees_op("("):
        return Query(f"FROM {table}", start) if table else None
    first = reader.token.end
    end = _past_parenthesis(reader)
    return None if end is None else Query(f"SELECT {reader.text[first:end]} FROM {table}", start)


def _past_parenthesis(reader: Reader) -> int | None:
    """The place of the parenthesis that closes the one here; the reader stands after it. None: it is never closed."""
    depth = 0
    while not reader.done:
        token = reader.next()
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "op" else 0
        if depth == 0:
            return token.start
    return None


def _copy_form(reader: Reader) -> CopyForm:
    """`(FORMAT csv, HEADER)`, or as before PostgreSQL 9: `CSV HEADER DELIMITER ';'`."""
    reader.accept("WITH")
    listed = reader.accept_op("(")
    form = CopyForm()
    while not (reader.over or (listed and reader.sees_op(")"))):
        form = _copy_option(reader, form)
        reader.accept_op(",")
    if listed:
        reader.expect_op(")")
    _over(reader)
    return form


def _copy_option(reader: Reader, form: CopyForm) -> CopyForm:
    token = reader.next()
    match token.upper:
        case "FORMAT":
            return _format(form, _word(reader))
        case "CSV" | "TEXT" | "BINARY":
            return _format(form, token.text)
        case "HEADER":
            return replace(form, header=_flag(reader))
        case "DELIMITER":
            return replace(form, delimiter=_character(reader, "DELIMITER"))
        case "NULL":
            return replace(form, null=_string(reader))
        case "QUOTE":
            return replace(form, quote=_character(reader, "QUOTE"))
        case "ESCAPE":
            return replace(form, escape=_character(reader, "ESCAPE"))
        case "FORCE_QUOTE":
            return replace(form, force_quote=_forced(reader))
        case "FORCE":                             # FORCE QUOTE a, b
            reader.expect("QUOTE")
            return replace(form, force_quote=_forced(reader))
        case "ENCODING":
            if _string(reader).upper().replace("-", "") not in ("UTF8", "UNICODE"):
                raise StateError(FEATURE_NOT_SUPPORTED, "COPY sends UTF-8 only")
            return form
        case _:
            raise StatementSyntaxError(f"COPY TO STDOUT has no option {token.text}", position=token.start, length=max(1, len(token.text)),
                                       hint="FORMAT, HEADER, DELIMITER, NULL, QUOTE, ESCAPE, FORCE_QUOTE, ENCODING")


def _format(form: CopyForm, name: str) -> CopyForm:
    match name.lower():
        case "csv":
            return replace(form, format="csv")
        case "text":
            return replace(form, format="text")
        case "binary":
            return replace(form, format="binary")
        case other:
            raise StateError(FEATURE_NOT_SUPPORTED, f"COPY has no format {other} here", hint="FORMAT text, csv or binary")


def _forced(reader: Reader) -> frozenset[str] | Literal["*"]:
    """`*`, or names of columns with or without parentheses."""
    if reader.accept_op("*"):
        return "*"
    listed = reader.accept_op("(")
    names = {_name(reader, "a column")}
    while reader.accept_op(","):
        names.add(_name(reader, "a column"))
    if listed:
        reader.expect_op(")")
    return frozenset(names)


def _word(reader: Reader) -> str:
    token = reader.next()
    return string_value(token.text) if token.kind == "string" else token.text.strip('"')


def _string(reader: Reader) -> str:
    reader.accept("AS")
    if reader.token.kind != "string":
        reader.fail("a string")
    return string_value(reader.next().text)


def _character(reader: Reader, name: str) -> str:
    token = reader.ahead() if reader.sees("AS") else reader.token
    value = _string(reader)
    if len(value.encode()) != 1 or value in "\r\n\\":
        raise StatementSyntaxError(f"{name} is one single-byte character", position=token.start, length=len(token.text))
    return value


def _flag(reader: Reader) -> bool:
    if reader.token.upper in ("TRUE", "ON", "FALSE", "OFF") or reader.token.text in ("0", "1"):
        return reader.next().text.upper() in ("TRUE", "ON", "1")
    return True


# ---- what there is not -----------------------------------------------------------------------------------------------


def _listen(reader: Reader, following: tuple[str, ...]) -> Command:
    word = reader.token.upper
    if word == "UNLISTEN":
        return Unlisten()
    raise StateError(FEATURE_NOT_SUPPORTED, f"{word} is not supported", hint="TAIL source streams rows: COPY (TAIL source) TO STDOUT")


def _last_name(reader: Reader) -> str:
    name = _name(reader, "a name")
    _over(reader)
    return name


def _name(reader: Reader, what: str) -> str:
    """As PostgreSQL has it: without quotes in small letters."""
    quoted = reader.token.kind == "name"
    name = reader.name(what)
    return name if quoted else name.lower()


def _over(reader: Reader) -> None:
    reader.accept_op(";")
    reader.end()


_FIRST: dict[str, Callable[[Reader, tuple[str, ...]], Command]] = {
    "BEGIN": _begin, "START": _begin, "COMMIT": _end, "END": _end, "ROLLBACK": _end, "ABORT": _end,
    "SAVEPOINT": _savepoint, "RELEASE": _savepoint, "PREPARE": _prepare,
    "DECLARE": _declare, "FETCH": _fetch, "MOVE": _fetch, "CLOSE": _close, "DEALLOCATE": _deallocate,
    "COPY": _copy, "LISTEN": _listen, "UNLISTEN": _listen, "NOTIFY": _listen,
}
