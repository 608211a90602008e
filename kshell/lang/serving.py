"""CALL kshell_serve('kind', name := value, ...), kshell_stop('kind') and kshell_servers(); FROM does for CALL.

Invariant: only a statement that is nothing but the call is ours: what reads from kshell_servers() is a query, and no query starts a
server."""

from __future__ import annotations

from kshell.errors import BadValueError, did_you_mean
from kshell.lang import declared
from kshell.lang.forms import FORMS
from kshell.lang.reader import Reader
from kshell.lang.statements import RawOption, Serve, Show, Span, Statement, StopServing
from kshell.lang.values import read_argument

SERVE, STOP, LIST = "KSHELL_SERVE", "KSHELL_STOP", "KSHELL_SERVERS"


def call(text: str) -> Statement | None:
    """None: a function of DuckDB's."""
    reader = Reader(text)
    verb = reader.next().upper
    name = reader.token.upper
    if name not in (SERVE, STOP, LIST) or reader.ahead().text != "(" or (verb == "FROM" and name == LIST):
        return None
    reader.next()
    reader.form = FORMS[f"CALL {name.lower()}"]
    reader.expect_op("(")
    if name == LIST:
        reader.expect_op(")")
        _end(reader)
        return Show(text=text, what="servers", extended=True)
    kind, place = _kind(reader)
    if name == STOP:
        reader.expect_op(")")
        _end(reader)
        return StopServing(text=text, kind=kind, kind_span=place)
    arguments = _arguments(reader)
    _end(reader)
    return Serve(text=text, kind=kind, kind_span=place, options=arguments)


def _kind(reader: Reader) -> tuple[str, Span]:
    start = reader.token.start
    written = reader.string("pgwire, http or quack in quotes")
    place = reader.span_from(start)
    if written.lower() not in declared.SERVERS:
        raise BadValueError(f"there is no server {written}",
                            hint=did_you_mean(written, declared.SERVERS) or f"one of {', '.join(declared.SERVERS)}",
                            position=place.start, length=place.length)
    return written.lower(), place


def _arguments(reader: Reader) -> tuple[RawOption, ...]:
    found: list[RawOption] = []
    while not reader.accept_op(")"):
        reader.expect_op(",", ", or )")
        found.append(read_argument(reader))
    return tuple(found)


def _end(reader: Reader) -> None:
    """A query over the answer of a server that it starts would start one each time it runs."""
    if not reader.done:
        reader.fail("the end of the statement", hint="the call is a statement of its own; FROM kshell_servers() is a table")
