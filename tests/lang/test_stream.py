"""TAIL, PRINT, SUBSCRIBE and EMIT CHANGES as values: every clause, and what is no clause though it looks like one."""

from __future__ import annotations

import pytest

from kshell.errors import Error
from kshell.lang import parse
from kshell.lang.statements import DuckStatement, Lookup, Print, Span, Tail, Typed
from tests.lang.marked import mark, unmark


def _tail(text: str) -> Tail:
    statement = parse(text)
    assert isinstance(statement, Tail)
    return statement


def _cut(statement: Tail, span: Span | None) -> str | None:
    return None if span is None else statement.text[span.start:span.end]


@pytest.mark.parametrize(("target", "kind", "parts", "inside"), [
    ("orders", "name", ("orders",), "orders"), ('"my orders"', "name", ("my orders",), '"my orders"'),
    ("live.orders", "name", ("live", "orders"), "live.orders"), ("k.web.clicks", "name", ("k", "web", "clicks"), "k.web.clicks"),
    ("'web.clicks'", "topic", ("web.clicks",), "'web.clicks'"),
    ("(SELECT a, (b + 1) FROM s WHERE c = ')')", "select", (), "SELECT a, (b + 1) FROM s WHERE c = ')'"),
    ("( FROM s )", "select", (), "FROM s"),
])
@pytest.mark.parametrize("tail", ["", " FROM BEGINNING WHERE x LIMIT 3 TIMEOUT '5s'"])
def test_a_target_is_a_name_a_topic_or_a_query(target: str, kind: str, parts: tuple[str, ...], inside: str, tail: str) -> None:
    statement = _tail(f"TAIL {target}{tail}")
    assert (statement.target.kind, statement.target.parts) == (kind, parts)
    assert _cut(statement, statement.target.span) == inside


@pytest.mark.parametrize(("written", "start", "since", "last"), [
    ("", "end", None, None), ("FROM END", "end", None, None), ("from beginning", "beginning", None, None),
    ("SINCE INTERVAL '5 minutes'", "since", Typed("INTERVAL", "5 minutes"), None),
    ("SINCE TIMESTAMP '2026-01-02 03:04:05'", "since", Typed("TIMESTAMP", "2026-01-02 03:04:05"), None),
    ("SINCE MAP {0: 12, 3: 7}", "since", {0: 12, 3: 7}, None), ("SINCE MAP {'a.b/0': 12}", "since", {"a.b/0": 12}, None),
    ("SINCE getvariable('since')", "since", Lookup("getvariable", "since"), None), ("LAST 10", "last", None, 10),
])
def test_a_stream_begins_at_the_end_the_beginning_a_time_or_the_newest_rows(written: str, start: str, since: object,
                                                                            last: int | None) -> None:
    for verb in ("TAIL", "SUBSCRIBE TO", "SUBSCRIBE"):
        statement = _tail(f"{verb} o {written}")
        assert (statement.start, statement.since, statement.last) == (start, since, last)
    printed = parse(f"PRINT o {written}")
    assert isinstance(printed, Print)
    assert (printed.start, printed.since, printed.last) == (start, since, last)


@pytest.mark.parametrize(("clauses", "where", "limit", "timeout"), [
    ("WHERE a > 1", "a > 1", None, None), ("WHERE a > 1 LIMIT 5", "a > 1", 5, None), ("LIMIT 5 TIMEOUT '2s'", None, 5, "2s"),
    ("WHERE a > 1 TIMEOUT '2s'", "a > 1", None, "2s"), ("WHERE timeout > 5 AND b", "timeout > 5 AND b", None, None),
    ("WHERE timeout = 1 TIMEOUT '2s'", "timeout = 1", None, "2s"),
    ("WHERE a IN (SELECT b FROM t LIMIT 3) LIMIT 7", "a IN (SELECT b FROM t LIMIT 3)", 7, None),
    ("WHERE a = 'LIMIT 3' LIMIT 1", "a = 'LIMIT 3'", 1, None), ("TIMEOUT INTERVAL '1 minute'", None, None, Typed("INTERVAL", "1 minute")),
    ("WHERE a -- LIMIT 3\n AND b LIMIT 4", "a -- LIMIT 3\n AND b", 4, None),
    ("WHERE a IS DISTINCT FROM b", "a IS DISTINCT FROM b", None, None),
    ("LIMIT 0", None, 0, None), ("LIMIT 1_000", None, 1000, None),
])
def test_a_condition_ends_at_limit_or_at_a_timeout_with_its_value(clauses: str, where: str | None, limit: int | None,
                                                                  timeout: object) -> None:
    statement = _tail(f"TAIL o FROM BEGINNING {clauses}")
    assert (_cut(statement, statement.where), statement.limit, statement.timeout) == (where, limit, timeout)


@pytest.mark.parametrize(("text", "query", "limit"), [
    ("SELECT * FROM orders EMIT CHANGES", "SELECT * FROM orders", None), ("FROM orders emit changes limit 10", "FROM orders", 10),
    ("  SELECT a FROM s WHERE b > 1\nEMIT CHANGES LIMIT 3", "SELECT a FROM s WHERE b > 1", 3),
    ("SELECT 'EMIT CHANGES' FROM s EMIT CHANGES", "SELECT 'EMIT CHANGES' FROM s", None),
])
def test_emit_changes_makes_a_query_a_stream(text: str, query: str, limit: int | None) -> None:
    statement = _tail(text)
    assert (_cut(statement, statement.target.span), statement.limit, statement.start) == (query, limit, "end")


def test_emit_changes_elsewhere_is_an_alias() -> None:
    assert isinstance(parse("FROM orders emit"), DuckStatement)
    assert isinstance(parse("FROM emit changes"), DuckStatement)


def test_print_shows_every_nth_record() -> None:
    statement = parse("PRINT 'orders' FROM BEGINNING INTERVAL 10 LIMIT 3")
    assert isinstance(statement, Print)
    assert (statement.target.parts, statement.start, statement.every, statement.limit) == (("orders",), "beginning", 10, 3)


@pytest.mark.parametrize(("marked", "message", "hint"), [
    ("TAIL«»", "expected a source, a topic in quotes", "form: TAIL source"),
    ("TAIL «5»", "expected a source, a topic in quotes", None), ("TAIL web«-»clicks", "expected FROM", "'web-clicks'"),
    ("TAIL «(»)", "no query in the parentheses", None), ("TAIL (SELECT 1«»", "expected )", None),
    ("TAIL o FROM «START»", "expected BEGINNING or END", "SINCE INTERVAL"), ("TAIL o SINCE «5»", "SINCE", None),
    ("TAIL o LAST «x»", "expected a number of rows", None), ("TAIL o WHERE«»", "expected a condition", None),
    ("TAIL o WHERE «LIMIT» 3", "expected a condition", None), ("TAIL o LIMIT «-»1", "expected a number of rows", None),
    ("TAIL o LIMIT 3 «WHERE» a", "expected TIMEOUT or the end", None), ("TAIL o TIMEOUT «60»", "TIMEOUT", "'60s'"),
    ("TAIL o «ORDER» BY a", "expected FROM, SINCE, LAST, WHERE, LIMIT, TIMEOUT or the end", None),
    ("TAIL o WHERE a = «'»x", "a string begins here", None), ("SUBSCRIBE TO o «WHERE» a", "expected FROM, SINCE", None),
    ("PRINT «(»SELECT 1)", "PRINT shows the records of a topic as text", "TAIL (SELECT 1)"),
    ("PRINT 'x' INTERVAL «0»", "at least 1", None), ("PRINT 'x' «TIMEOUT» '5s'", "expected FROM BEGINNING", None),
])
def test_what_is_wrong_is_said_at_its_place(marked: str, message: str, hint: str | None) -> None:
    text, position, length = unmark(marked)
    with pytest.raises(Error) as caught:
        parse(text)
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")
    assert caught.value.position == position, mark(text, caught.value)
    assert length <= max(1, caught.value.length)
