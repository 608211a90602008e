"""Statements on a cursor: streams, errors with places and hints, interrupts, time limits."""

from __future__ import annotations

import threading
import time

import pytest

from kshell import errors
from kshell.errors import BadValueError, CancelledError, DeadlineError, Error, NotFoundError, RefusedError, StatementSyntaxError
from kshell.query import kinds, runner, translate
from kshell.query.rewrite import Edits
from tests.query.conftest import Desk
from tests.support import wait_until

LONG = "SELECT count(*) FROM range(3000000) a, range(3000000) b WHERE (a.range * b.range) % 7 = 3"
LONG_STREAM = "SELECT a.range FROM range(3000000) a, range(3000000) b WHERE (a.range * b.range) % 7 = 9"


def failing(desk: Desk, text: str) -> Error:
    with pytest.raises(Error) as raised:
        desk.rows(text)
    return raised.value


@pytest.mark.parametrize(("text", "error", "position", "length"), [
    ("SELEC 1", StatementSyntaxError, 0, 5),
    ("SELECT 1 +", StatementSyntaxError, 10, 1),
    ("SELECT 'é', nope FROM range(1)", NotFoundError, 12, 4),
    ("FROM ordrs", NotFoundError, 5, 5),
    ('FROM "no such"', NotFoundError, 5, 9),
    ("FROM nowhere.t", NotFoundError, 5, 7),
    ("SELECT nope(1)", NotFoundError, 7, 4),
    ("SELECT 'x'::INT", BadValueError, 10, 1),
    ("FROM 'no_file.csv'", NotFoundError, None, 1),
    ("SET no_such = 1", NotFoundError, None, 1),
    ("SELECT error('boom')", BadValueError, None, 1),
    ("CREATE TABLE held (a INT)", errors.ExistsError, None, 1),
    ("SELECT CAST(range AS TINYINT) FROM range(1000000)", BadValueError, 7, 4),
    ("COPY (SELECT 1) TO '/no/such/folder/x.csv'", NotFoundError, None, 1),
    ("FROM read_csv('https://127.0.0.1:1/x.csv')", RefusedError, 5, 8),
])
def test_an_error_has_its_branch_and_its_place_in_characters(desk: Desk, text: str, error: type[Error], position: int | None,
                                                             length: int) -> None:
    desk.run("CREATE TABLE held (a INT)")
    told = failing(desk, text)
    assert (type(told), told.position, told.length) == (error, position, length)
    assert "{" not in told.message


@pytest.mark.parametrize(("text", "hint"), [
    ("FROM ordrs", "did you mean orders?"),
    ("FROM completely_else", "SHOW ALL TABLES lists what there is"),
    ("SELECT amont FROM orders", "did you mean amount?"),
    ("SELECT zzz FROM orders", "columns here:"),
    ("SELECT lst_sum([1])", "did you mean list_sum?"),
    ("SELECT zzqqxx(1)", None),
    ("SET thread = 1", "did you mean threads?"),
    ("SELECT offset FROM orders", "_kafka_offset"),
    ("SELECT _partition FROM orders", "_kafka_partition"),
])
def test_the_hint_names_what_exists(desk: Desk, text: str, hint: str | None) -> None:
    desk.run("CREATE TABLE orders (id INT, amount INT)")
    told = failing(desk, text)
    assert told.hint is None if hint is None else hint in (told.hint or "")


def test_a_failed_transaction_says_how_to_go_on(desk: Desk) -> None:
    desk.run("BEGIN")
    failing(desk, "SELECT error('x')")
    assert "ROLLBACK" in str(failing(desk, "SELECT 1").hint)
    desk.run("ROLLBACK")
    assert desk.rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize("text", [LONG, LONG_STREAM])
def test_an_interrupt_ends_a_statement_within_a_second_and_the_cursor_goes_on(desk: Desk, text: str) -> None:
    ended = threading.Event()
    caught: list[BaseException] = []

    def work() -> None:
        try:
            desk.rows(text)
        except Error as error:
            caught.append(error)
        ended.set()

    threading.Thread(target=work, daemon=True).start()
    assert not ended.wait(0.3)
    began = time.monotonic()

    def interrupted() -> bool:
        desk.runner.interrupt()
        return ended.is_set()

    wait_until(interrupted, 5, every_s=0.05)
    assert time.monotonic() - began < 1
    assert [type(e) for e in caught] == [CancelledError]
    assert desk.rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize("text", [LONG, LONG_STREAM])
def test_a_statement_that_takes_too_long_ends_as_a_timeout(desk: Desk, text: str) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineError, match=r"0\.3 s"):
        desk.runner.run(text, timeout_s=0.3).fetchall()
    assert time.monotonic() - began < 3
    assert desk.rows("SELECT 1") == [(1,)]


def test_a_time_limit_that_is_kept_leaves_nothing_behind(desk: Desk) -> None:
    assert desk.runner.run("SELECT 1", timeout_s=5).fetchall() == [(1,)]
    wait_until(lambda: not any(t.name == "kshell-deadline" for t in threading.enumerate()), 2)


@pytest.mark.parametrize(("text", "rows"), [
    ("SELECT 1", True), ("FROM range(1)", True), ("VALUES (1)", True), ("SHOW TABLES", True), ("DESCRIBE SELECT 1", True),
    ("EXPLAIN SELECT 1", True),
    ("PIVOT (SELECT 1 AS a) ON a", True), ("PRAGMA version", True), ("CREATE TABLE x AS SELECT 1", False),
    ("INSERT INTO t VALUES (1)", False),
    ("INSERT INTO t VALUES (1) RETURNING a", True), ("DELETE FROM t RETURNING *", True), ("UPDATE t SET a = 1", False),
    ("SET VARIABLE a = 1", False),
    ("COPY (SELECT 1) TO 'x.csv'", False), ("COPY (SELECT 1) TO 'x.csv' (RETURN_FILES true)", True), ("BEGIN", False),
    ("USE memory", False),
    ("INSERT INTO t SELECT 'RETURNING'", False), ("SELEC 1", False),
])
def test_whether_a_statement_prints_rows_is_known_before_it_runs(text: str, rows: bool) -> None:
    from kshell import lang
    assert kinds.shows_rows(lang.parse(text)) is rows


@pytest.mark.parametrize("text", ["CHECKPOINT", "PRAGMA enable_profiling", "CREATE TABLE x (a INT)", "SET VARIABLE a = 1"])
def test_a_statement_without_rows_gives_none(desk: Desk, text: str) -> None:
    result = desk.run(text)
    assert (result.kind, result.fetchall()) == ("done", [])


def test_changed_rows_are_counted(desk: Desk) -> None:
    desk.run("CREATE TABLE t (a INT)")
    assert desk.run("INSERT INTO t FROM range(5)").rowcount == 5
    assert desk.run("DELETE FROM t WHERE a < 2").rowcount == 2
    assert desk.run("INSERT INTO t VALUES (9) RETURNING a").fetchall() == [(9,)]


def test_pivot_without_a_list_of_values_runs(desk: Desk) -> None:
    desk.run("CREATE TABLE t AS SELECT range % 2 AS a, range AS b FROM range(4)")
    assert desk.rows("PIVOT t ON a USING sum(b)") == [(2, 4)]
    assert desk.rows("SELECT * FROM (PIVOT t ON a USING sum(b))") == [(2, 4)]
    assert desk.rows("FROM t PIVOT (sum(b) FOR a IN (0, 1))") == [(2, 4)]


@pytest.mark.parametrize("text", ["SELECT 1 +", "SELECT 1 FROM", "FROM t WHERE", "VALUES (1", "SELECT 'open", "SELECT 1 2 3", "FROM",
                                  "SELECT * FROM t ORDER", "SELECT $$x"])
def test_a_query_that_does_not_parse_says_the_same_whether_or_not_it_is_parsed_beforehand(desk: Desk, text: str,
                                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    found = failing(desk, text)
    monkeypatch.setattr(runner, "plainly_query", lambda _: False)
    expected = failing(desk, text)
    assert (type(found), found.message, found.hint, found.position, found.length) == (
        type(expected), expected.message, expected.hint, expected.position, expected.length)


@pytest.mark.parametrize("expression", ["'10:00'::TIMETZ", "1::VARIANT", "['10:00'::TIMETZ]"])
def test_a_type_that_cannot_be_read_exactly_is_refused_with_the_cast(desk: Desk, expression: str) -> None:
    assert "v::" in str(failing(desk, f"SELECT {expression} AS v").hint)


def test_a_place_behind_replaced_text_is_found_again() -> None:
    edits = Edits("FROM k.orders WHERE nope")
    edits.replace(5, 13, "temp.main.kshell_scan_1 AS orders")
    assert edits.text == "FROM temp.main.kshell_scan_1 AS orders WHERE nope"
    assert edits.place(edits.text.index("nope"), 4) == (20, 4)
    assert edits.place(10, 3) == (5, 8)
    assert edits.place(0, 4) == (0, 4)


@pytest.mark.parametrize(("kind", "message", "error"), [
    ("IO", "Could not establish connection error for HTTP HEAD to 'https://x'", errors.UnreachableError),
    ("HTTP", "404", errors.UnreachableError),
    ("Out of Memory", "could not allocate block", errors.LimitError), ("IO", "write failed: No space left on device", errors.LimitError),
    ("INTERNAL", "assertion", errors.InternalError), ("Not implemented", "x", RefusedError), ("Constraint", "duplicate key", BadValueError),
])
def test_duckdbs_kinds_have_a_branch(kind: str, message: str, error: type[Error]) -> None:
    assert type(translate.error_of(translate.Fault(kind, message), "", hint=None)) is error


@pytest.mark.parametrize("said", ["Binder Error: plain words", "nothing to see", "Binder Error: {broken"])
def test_an_error_that_is_not_json_keeps_its_words(said: str) -> None:
    fault = translate.read(RuntimeError(said), "SELECT 1")
    assert translate.error_of(fault, "SELECT 1", hint=None).message in said


def test_did_you_mean_survives_a_failed_transaction(desk: Desk) -> None:
    desk.run("CREATE TABLE orders (id INT)")
    desk.run("BEGIN")
    assert failing(desk, "FROM ordrs").hint == "did you mean orders?"
    desk.run("ROLLBACK")


@pytest.mark.parametrize(("typed", "hint"), [
    ("ordrs", "did you mean production.orders?"), ("WEB_CLICK", "did you mean production.\"web.clicks\"?"), ("invoices", None)])
def test_a_topic_is_near_by_its_own_name_whatever_its_cluster_is_called(typed: str, hint: str | None) -> None:
    assert translate.near_topic_hint(typed, [("production", "orders"), ("production", "web.clicks")]) == hint
