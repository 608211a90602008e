"""TAIL, PRINT, SUBSCRIBE and EMIT CHANGES, the statements that go on; and REPLAY ERRORS, whose condition is read alike.

Invariant: what stands in parentheses and after WHERE is not read here; it stays text with its place, for DuckDB to judge. A column named
timeout is no TIMEOUT clause: that one is followed by a value."""

from __future__ import annotations

from typing import Literal, NoReturn

from kshell.errors import BadValueError
from kshell.lang.forms import FORMS
from kshell.lang.reader import Reader
from kshell.lang.statements import Print, ReplayErrors, Span, Statement, Tail, Target, Value
from kshell.lang.values import read_timeout, read_value
from kshell.options import Lookup, PositionOf, read

SINCE = PositionOf(("timestamp", "ago", "places"))
_TARGET = "a source, a topic in quotes, cluster.topic or (SELECT ...)"
_VALUES = ("INTERVAL", "GETENV", "GETVARIABLE")
Start = tuple[Literal["end", "beginning", "since", "last"], Value, int | None, Span | None]


def tail(text: str) -> Statement:
    reader = Reader(text, FORMS["TAIL"])
    reader.next()
    target = _target(reader)
    start, since, last, since_span = _start(reader)
    where = _where(reader)
    limit = _limit(reader)
    timeout = read_timeout(reader)
    _end(reader, start=start, where=where, limit=limit, timeout=timeout)
    return Tail(text=text, verb="TAIL", target=target, start=start, since=since, since_span=since_span, last=last, where=where, limit=limit,
                timeout=timeout)


def subscribe(text: str) -> Statement:
    reader = Reader(text, FORMS["SUBSCRIBE"])
    reader.next()
    reader.accept("TO")
    target = _target(reader)
    start, since, last, since_span = _start(reader)
    limit = _limit(reader)
    reader.end(*(() if limit is not None else ("LIMIT",) if start != "end" else ("FROM", "SINCE", "LAST", "LIMIT")))
    return Tail(text=text, verb="SUBSCRIBE", target=target, start=start, since=since, since_span=since_span, last=last, limit=limit)


def print_(text: str) -> Statement:
    reader = Reader(text, FORMS["PRINT"])
    reader.next()
    target = _target(reader)
    if target.kind == "select":
        raise BadValueError("PRINT shows the records of a topic as text, not the rows of a query",
                            hint=f"TAIL {text[target.span.start - 1:target.span.end + 1]}", position=target.span.start - 1)
    start, since, last, since_span = _start(reader)
    every = _interval(reader)
    limit = _limit(reader)
    reader.end(*(() if limit is not None else ("LIMIT",) if every > 1 else ("FROM BEGINNING", "INTERVAL", "LIMIT")))
    return Print(text=text, target=target, start=start, since=since, since_span=since_span, last=last, every=every, limit=limit)


def emit_changes(text: str) -> Statement:
    """`select EMIT CHANGES [LIMIT n]`. That the text ends so has been seen."""
    reader = Reader(text, FORMS["EMIT CHANGES"])
    reader.at = max(i for i, token in enumerate(reader.tokens) if token.upper == "EMIT")
    end = reader.tokens[reader.at - 1].end
    reader.expect("EMIT", "CHANGES")
    limit = _limit(reader)
    reader.end()
    return Tail(text=text, verb="EMIT CHANGES", target=Target("select", (), Span(reader.tokens[0].start, end)), limit=limit)


def replay_errors(text: str) -> Statement:
    reader = Reader(text, FORMS["REPLAY"])
    words = ("REPLAY", "ERRORS", "OF", "SINK")
    for word in words:
        name = reader.token
        if not reader.accept(word):
            named = name.kind in ("word", "name") and name.upper not in words
            reader.fail(word, hint=f"write REPLAY ERRORS OF SINK {name.text}" if named else None)
    sink = reader.unqualified("the name of a sink")
    where = _where(reader)
    timeout = read_timeout(reader)
    reader.end(*(() if timeout is not None else ("TIMEOUT",) if where is not None else ("WHERE", "TIMEOUT")))
    return ReplayErrors(text=text, name=sink, where=where, timeout=timeout)


# ---- the parts -------------------------------------------------------------------------------------------------------

def _target(reader: Reader) -> Target:
    start = reader.token.start
    if reader.token.kind == "string":
        return Target("topic", (reader.string(),), reader.span_from(start))
    if reader.sees_op("("):
        return Target("select", (), _inside(reader))
    parts = [reader.name(_TARGET)]
    while reader.accept_op("."):
        parts.append(reader.name("the name of a topic"))
    if reader.token.text == "-" and reader.token.start == reader.tokens[reader.at - 1].end:
        reader.fail("FROM, WHERE, LIMIT or the end of the statement",
                    hint=f"a name with a dash stands in quotes: '{reader.text[start:].split()[0]}'")
    return Target("name", tuple(parts), reader.span_from(start))


def _inside(reader: Reader) -> Span:
    """From behind the parenthesis here to before the one that closes it."""
    opened, depth = reader.next(), 1
    first = reader.at
    while depth:
        if reader.token.kind in ("end", "open"):
            reader.fail(")")
        depth += {"(": 1, ")": -1}.get(reader.token.text, 0) if reader.token.kind == "op" else 0
        reader.next()
    if reader.at - 1 == first:
        raise BadValueError("there is no query in the parentheses", hint=f"form: {reader.form}", position=opened.start)
    return Span(reader.tokens[first].start, reader.tokens[reader.at - 2].end)


def _start(reader: Reader) -> Start:
    if reader.accept("FROM"):
        word = reader.one_of("BEGINNING", "END")
        return ("beginning" if (word or _not_a_start(reader)) == "BEGINNING" else "end"), None, None, None
    if reader.accept("SINCE"):
        start = reader.token.start
        value = read_value(reader)
        span = reader.span_from(start)
        if not isinstance(value, Lookup):
            read(SINCE, value, what="SINCE", span=span)
        return "since", value, None, span
    if reader.accept("LAST"):
        return "last", None, reader.whole_number("a number of rows"), None
    return "end", None, None, None


def _not_a_start(reader: Reader) -> NoReturn:
    reader.fail("BEGINNING or END", hint="SINCE INTERVAL '5 minutes' begins at a time, LAST 100 at the newest rows")


def _where(reader: Reader) -> Span | None:
    """[WHERE expr]: up to LIMIT, TIMEOUT and its value, or the end."""
    if not reader.accept("WHERE"):
        return None
    first = reader.at
    stop = _clause(reader)
    if stop == first:
        reader.fail("a condition")
    reader.at = stop
    return Span(reader.tokens[first].start, reader.tokens[stop - 1].end)


def _clause(reader: Reader) -> int:
    """The index of the token that ends the condition."""
    depth, timeout = 0, None
    for at in range(reader.at, len(reader.tokens)):
        token = reader.tokens[at]
        if token.kind == "open":
            reader.at = at
            reader.fail("the rest of the condition")
        if token.kind == "end" or (depth == 0 and (token.upper == "LIMIT" or (token.kind == "op" and token.text == ";"))):
            return at if timeout is None else timeout
        if token.kind == "op":
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0)
        following = reader.tokens[min(at + 1, len(reader.tokens) - 1)]
        if depth == 0 and token.upper == "TIMEOUT" and (following.kind in ("string", "number") or following.upper in _VALUES):
            timeout = at
    return len(reader.tokens) - 1


def _limit(reader: Reader) -> int | None:
    return reader.whole_number("a number of rows") if reader.accept("LIMIT") else None


def _interval(reader: Reader) -> int:
    """[INTERVAL n]: every nth record."""
    if not reader.accept("INTERVAL"):
        return 1
    place = reader.token
    every = reader.whole_number("a number of records")
    if every < 1:
        raise BadValueError("INTERVAL n shows every nth record, so n is at least 1", position=place.start, length=len(place.text))
    return every


def _end(reader: Reader, *, start: str, where: Span | None, limit: int | None, timeout: Value) -> None:
    if timeout is not None:
        reader.end()
    clauses = [("FROM", start != "end"), ("SINCE", start != "end"), ("LAST", start != "end"), ("WHERE", where is not None),
               ("LIMIT", limit is not None), ("TIMEOUT", False)]
    given = max((i for i, (_, there) in enumerate(clauses) if there), default=-1)
    reader.end(*(word for word, _ in clauses[given + 1:]))
