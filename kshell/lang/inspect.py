"""SHOW, LIST, DESCRIBE, SET and RESET of kshell's own settings.

Invariant: what DuckDB can read as a table of that name, and kshell has no word for, is DuckDB's: `DESCRIBE sink`, `SHOW sinks.orders`,
`SHOW "topics"`."""

from __future__ import annotations

from typing import Literal

from kshell.lang import notbuilt
from kshell.lang.forms import FORMS
from kshell.lang.reader import Reader
from kshell.lang.statements import Describe, Set, Show, ShowCreate, Span, Statement
from kshell.lang.values import read_value

_LISTS = ("TOPICS", "SOURCES", "SINKS", "ALERTS", "CONNECTIONS", "SECRETS", "SERVERS", "SUBJECTS")
_PREFIX = "KSHELL_"


def show(text: str) -> Statement | None:
    reader = Reader(text, FORMS["SHOW"])
    verb = reader.next().upper
    if reader.sees("CREATE"):
        return _show_create(reader)
    what = _list_word(reader)
    if what is None:
        return _unknown_list(reader) if verb == "LIST" else None
    if reader.sees_op("."):
        return None
    return _show(reader, what)


def _list_word(reader: Reader) -> str | None:
    if reader.accept("CONSUMER", "GROUPS"):
        return "CONSUMER GROUPS"
    return reader.one_of(*_LISTS)


def _unknown_list(reader: Reader) -> Statement | None:
    """LIST is free at the start of a statement, so nothing of it is DuckDB's."""
    return reader.fail_word((*_LISTS, "CONSUMER GROUPS"), "TOPICS, SOURCES, SINKS or CONNECTIONS")


def _show(reader: Reader, what: str) -> Statement:
    like: str | None = None
    cluster, is_address, cluster_span = _cluster(reader)
    if reader.accept("LIKE"):
        like = reader.string("a pattern in quotes")
        if cluster is None:
            cluster, is_address, cluster_span = _cluster(reader)
    extended = reader.accept("EXTENDED")
    after = [w for w, there in (("FROM", cluster), ("LIKE", like), ("EXTENDED", extended)) if not there]
    reader.end(*(() if extended else after))
    missing = notbuilt.show(reader.text, what)
    return missing or Show(text=reader.text, what=what.lower(), cluster=cluster, cluster_is_address=is_address,  # type: ignore[arg-type]
                           cluster_span=cluster_span, like=like, extended=extended)


def _show_create(reader: Reader) -> Statement | None:
    """SHOW CREATE TABLE and the like are DuckDB's to refuse."""
    reader.form = FORMS["SHOW CREATE"]
    reader.next()
    word = reader.one_of("SOURCE", "SINK", "CONNECTION")
    if word is None:
        return None
    kind: Literal["source", "sink", "connection"] = "source" if word == "SOURCE" else "sink" if word == "SINK" else "connection"
    name = reader.unqualified(f"the name of a {kind}")
    reader.end()
    return ShowCreate(text=reader.text, kind=kind, name=name)


def describe(text: str) -> Statement | None:
    reader = Reader(text, FORMS["DESCRIBE"])
    reader.next()
    word = reader.one_of("TOPIC", "SOURCE", "SINK")
    if word is None or reader.done or reader.sees_op("."):
        return None
    cluster, is_address, cluster_span = None, False, None
    at = reader.token.start
    if word == "TOPIC":
        kind: Literal["topic", "source", "sink"] = "topic"
        name = _topic(reader)
        name_span = reader.span_from(at)
        cluster, is_address, cluster_span = _cluster(reader)
    else:
        kind = "source" if word == "SOURCE" else "sink"
        name = reader.unqualified(f"the name of a {kind}")
        name_span = reader.span_from(at)
    extended = reader.accept("EXTENDED")
    reader.end(*(() if extended else ("FROM", "EXTENDED") if word == "TOPIC" and cluster is None else ("EXTENDED",)))
    return Describe(text=text, kind=kind, name=name, name_span=name_span, cluster=cluster, cluster_is_address=is_address,
                    cluster_span=cluster_span, extended=extended)


def _topic(reader: Reader) -> str:
    """A topic in quotes; a plain word will do, but names of topics hold dots and dashes."""
    if reader.token.kind == "string":
        return reader.string()
    start = reader.token.start
    name = reader.name("the name of a topic in quotes")
    if reader.token.text in (".", "-"):
        reader.fail("FROM, EXTENDED or the end of the statement", hint=f"a topic stands in quotes: '{reader.text[start:].split()[0]}'")
    return name


def _cluster(reader: Reader) -> tuple[str | None, bool, Span | None]:
    """[FROM cluster], whether it is an address, and where it stands."""
    if not reader.accept("FROM"):
        return None, False, None
    at, is_address = reader.token.start, reader.token.kind == "string"
    name = reader.string() if is_address else reader.name("the name of a cluster")
    return name, is_address, reader.span_from(at)


def setting(text: str) -> Statement | None:
    """SET kshell_x = value; RESET kshell_x. All other settings are DuckDB's."""
    reader = Reader(text)
    verb = reader.next().upper
    if not reader.token.upper.startswith(_PREFIX):
        return None
    reader.form = FORMS[verb]
    start = reader.token.start
    name = reader.name().lower()
    span = reader.span_from(start)
    if verb == "RESET":
        reader.end()
        return Set(text=text, name=name, reset=True, name_span=span)
    if not reader.accept_op("=") and not reader.accept("TO"):
        reader.fail("= and a value")
    value_start = reader.token.start
    value = read_value(reader)
    reader.end()
    return Set(text=text, name=name, value=value, name_span=span, value_span=reader.span_from(value_start))
