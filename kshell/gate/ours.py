"""Statements of kshell through the gate: which of them only read, and which a client of a server may run.

Invariant: the queries and conditions inside them come back as texts, for the parse tree to be judged like any other query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kshell.errors import RefusedError
from kshell.gate import refusals
from kshell.lang.statements import CheckSink, Describe, NotBuilt, Print, Show, ShowCreate, Span, Statement, Tail
from kshell.options.written import Lookup

_READS = (Show, ShowCreate, Describe, CheckSink, Tail, Print)
_OWN_SCHEMAS = frozenset({"memory", "main", "live"})


@dataclass(frozen=True, slots=True)
class Inner:
    """A query that stands in a statement: `begins` is where its text begins in the statement, less what was put before it."""

    query: str
    begins: int


def allow(statement: Statement, word: str, *, remote: bool, endless: bool) -> None:
    """Raise ReadOnlyError unless the statement, which begins with this word, reads; what stands inside it is another question."""
    if isinstance(statement, NotBuilt):
        raise RefusedError(f"{statement.what} is not built yet", hint=statement.hint)
    if not isinstance(statement, _READS):
        raise refusals.of_word(word, remote=remote)
    if remote:
        _allow_client(statement, word, endless=endless)


def inner(statement: Statement) -> Iterator[Inner]:
    """The query of a TAIL and its condition, as the stream runs them."""
    if not isinstance(statement, Tail):
        return
    if statement.target.kind == "select":
        yield Inner(_piece(statement, statement.target.span), statement.target.span.start)
    if statement.where is not None:
        head = "SELECT * FROM t WHERE ("
        yield Inner(f"{head}{_piece(statement, statement.where)})", statement.where.start - len(head))


def _allow_client(statement: Statement, word: str, *, endless: bool) -> None:
    match statement:
        case CheckSink() | Print():
            raise refusals.of_word(word, remote=True)
        case Tail():
            _allow_tail(statement, endless=endless)
        case Show(what="secrets"):
            raise _refused("secrets are not for clients", "SHOW CONNECTIONS tells what is attached")
        case Describe(kind="topic"):
            raise _refused("DESCRIBE TOPIC reads records of a topic", "DESCRIBE SOURCE name, or DESCRIBE name, tells of what is live")
    if isinstance(statement, (Show, Describe)) and statement.cluster_is_address:
        raise _refused("an address is not for clients to choose", f"leave it out: {word} ... FROM name", statement.cluster_span)


def _allow_tail(statement: Tail, *, endless: bool) -> None:
    target = statement.target
    topic = target.kind == "topic" or (target.kind == "name" and any(part.lower() not in _OWN_SCHEMAS for part in target.parts[:-1]))
    if topic:
        raise _refused(f"{'.'.join(target.parts)} is a topic", "TAIL follows a source: SHOW SOURCES lists them", target.span)
    if statement.limit is None and not endless:
        raise _refused("a TAIL without LIMIT has no end", f"{statement.text} LIMIT 100")
    if any(isinstance(value, Lookup) for value in (statement.since, statement.timeout)):
        raise _refused("a value of the server's environment is not for clients", "write the value itself", statement.since_span)


def _refused(reason: str, hint: str, span: Span | None = None) -> Exception:
    place = (span.start, span.length) if span is not None else (None, 1)
    return refusals.of_statement(reason, hint, remote=True, position=place[0], length=place[1])


def _piece(statement: Statement, span: Span) -> str:
    return statement.text[span.start:span.end]
