"""What another client of the process reads through: it sees what the session sees, at one moment, and changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

import kshell
from kshell.errors import CancelledError, DeadlineError, NotFoundError, RefusedError
from kshell.session.remote import Remote
from tests.support.waiting import wait_until

LONG = "SELECT count(*) FROM n a, n b, n c WHERE a.i + b.i = c.i"


@pytest.fixture
def session() -> Iterator[kshell.Session]:
    with kshell.connect() as opened:
        opened.sql("CREATE TABLE n AS SELECT range AS i FROM range(20000)").close()
        yield opened


@pytest.fixture
def remote(session: kshell.Session) -> Iterator[Remote]:
    made = session.remote()
    yield made
    made.close()


def test_it_reads_the_tables_of_the_session(remote: Remote) -> None:
    assert remote.run("SELECT count(*), max(i) FROM n").fetchall() == [(20000, 19999)]


def test_parameters_are_bound_in_their_order(remote: Remote) -> None:
    assert remote.run("SELECT $2 || $1, count(*) FROM n WHERE i < $3 GROUP BY ALL", ["a", "b", 5]).fetchall() == [("ba", 5)]


@pytest.mark.parametrize("text", [
    "INSERT INTO n VALUES (1)", "CREATE TABLE t (a INT)", "CREATE TEMP TABLE t (a INT)", "DROP TABLE n", "SET threads = 1",
    "COPY n TO 'n.csv'", "ATTACH 'x.db'", "SET VARIABLE a = 1", "CREATE SOURCE s FROM KAFKA k", "PAUSE ALL",
])
def test_nothing_that_changes_anything_runs(text: str, remote: Remote, session: kshell.Session) -> None:
    with pytest.raises(kshell.Error) as raised:
        remote.run(text)
    assert raised.value.code == "read_only"
    assert session.sql("SELECT count(*) FROM n").fetchall() == [(20000,)]


def test_the_transaction_alone_stops_a_write_that_the_gate_would_miss(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    from kshell.lang import parse
    monkeypatch.setattr("kshell.session.remote.permitted", lambda cursor, text, **_: parse(text))
    with pytest.raises(RefusedError, match="read-only"):
        remote.run("INSERT INTO n VALUES (1)")


def test_one_statement_sees_one_moment_and_the_next_one_a_later_one(remote: Remote, session: kshell.Session) -> None:
    result = remote.run("FROM n")
    session.sql("DELETE FROM n").close()
    assert len(result.fetchall()) == 20000
    assert remote.run("SELECT count(*) FROM n").fetchall() == [(0,)]


def test_inside_begin_all_statements_see_the_same_moment(remote: Remote, session: kshell.Session) -> None:
    remote.begin()
    assert remote.run("SELECT count(*) FROM n").fetchall() == [(20000,)]
    session.sql("INSERT INTO n VALUES (1)").close()
    assert remote.run("SELECT count(*) FROM n").fetchall() == [(20000,)]
    assert remote.end()
    assert remote.run("SELECT count(*) FROM n").fetchall() == [(20001,)]


def test_an_error_inside_begin_spoils_it_until_its_end(remote: Remote) -> None:
    remote.begin()
    with pytest.raises(NotFoundError):
        remote.run("FROM nowhere")
    assert remote.transaction == "failed"
    with pytest.raises(RefusedError, match="has failed"):
        remote.run("SELECT 1")
    assert not remote.end()
    assert remote.run("SELECT 1").fetchall() == [(1,)]


def test_an_error_while_rows_are_read_spoils_it_too(remote: Remote) -> None:
    remote.begin()
    result = remote.run("SELECT CASE WHEN range > 9000000 THEN error('late') ELSE range END FROM range(10000000)")
    with pytest.raises(kshell.Error, match="late"):
        result.fetchall()
    assert remote.transaction == "failed"


def test_a_half_read_result_is_kept_when_the_next_statement_comes(remote: Remote) -> None:
    first = remote.run("SELECT i FROM n ORDER BY i")
    assert next(first) == (0,)
    assert remote.run("SELECT 7").fetchall() == [(7,)]
    assert len(first.fetchall()) == 19999


def test_columns_are_told_without_running_the_query(remote: Remote) -> None:
    found = remote.columns("SELECT i, error('never run') AS e, $1::DATE AS d FROM n", [None])
    assert [(c.name, c.type) for c in found] == [("i", "BIGINT"), ("e", "INTEGER"), ("d", "DATE")]


def test_columns_of_a_statement_of_kshell(remote: Remote) -> None:
    assert [c.name for c in remote.columns("SHOW SOURCES")][:2] == ["name", "topic"]


def test_the_place_of_an_error_is_that_of_the_text_that_was_sent(remote: Remote) -> None:
    for ask in (remote.run, remote.columns):
        with pytest.raises(NotFoundError) as raised:
            ask("SELECT i, nope FROM n")
        assert raised.value.position == 10


def test_interrupt_ends_the_statement_and_the_next_one_runs(remote: Remote) -> None:
    ended = threading.Event()
    waiting = threading.Thread(target=lambda: wait_until(lambda: remote.interrupt() or ended.is_set(), timeout_s=20))
    waiting.start()
    with pytest.raises(CancelledError):
        remote.run(LONG).fetchall()
    ended.set()
    waiting.join(20)
    assert remote.run("SELECT 1").fetchall() == [(1,)]


def test_the_time_of_a_statement_is_bounded(remote: Remote) -> None:
    with pytest.raises(DeadlineError):
        remote.run(LONG, timeout_s=0.2).fetchall()
    assert remote.run("SELECT 1").fetchall() == [(1,)]


def test_two_clients_share_no_settings(remote: Remote, session: kshell.Session) -> None:
    other = session.remote()
    try:
        remote.set_zone("Asia/Kolkata")
        shown = "SELECT current_setting('TimeZone')"
        assert remote.run(shown).fetchall() == [("Asia/Kolkata",)]
        assert other.run(shown).fetchall() != [("Asia/Kolkata",)]
    finally:
        other.close()


def test_a_wrong_zone_is_an_error_and_the_old_one_stays(remote: Remote) -> None:
    before = remote.run("SELECT current_setting('TimeZone')").fetchall()
    with pytest.raises(kshell.Error):
        remote.set_zone("Nowhere/Atlantis")
    assert remote.run("SELECT current_setting('TimeZone')").fetchall() == before


def test_a_topic_is_not_read_for_a_client(remote: Remote) -> None:
    with pytest.raises(NotFoundError, match="there is no source"):
        remote.run("TAIL orders LIMIT 1")


def test_a_closed_session_gives_no_client(session: kshell.Session) -> None:
    session.close()
    with pytest.raises(RefusedError, match="closed"):
        session.remote()


@pytest.mark.parametrize("path", ["kshell_buffer", "main,kshell_buffer", '"KSHELL_Buffer"', "memory.kshell_buffer"])
def test_the_search_path_of_a_client_does_not_lead_into_the_buffer(remote: Remote, session: kshell.Session, path: str) -> None:
    with session.engine.cursor() as cursor:
        cursor.execute("CREATE TABLE kshell_buffer.segment AS FROM range(3)")
    with pytest.raises(RefusedError, match="kshell_buffer is kshell's own"):
        remote.set_search_path(path)
    with pytest.raises(NotFoundError):
        remote.run("FROM segment")
    remote.set_search_path("kshell,main")
    with pytest.raises(kshell.Error, match="secrets are not for clients"):
        remote.run("FROM secrets")


class _Late:
    """A cursor that is interrupted at the first `word`, before or after it has done it: a cancel that came too late for its statement."""

    def __init__(self, cursor: Any, word: str, *, after: bool) -> None:
        self._cursor, self._word, self._after = cursor, word, after
        self.struck = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, text: str, *arguments: Any) -> Any:
        struck = not self.struck and text.startswith(self._word)
        self.struck |= struck
        done = None if struck and not self._after else self._cursor.execute(text, *arguments)
        if struck:
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
        return done


@pytest.mark.parametrize("word", ["BEGIN", "ROLLBACK"])
@pytest.mark.parametrize("after", [False, True])
def test_an_interrupt_that_comes_too_late_costs_nothing_afterwards(word: str, after: bool, remote: Remote) -> None:
    late = remote.cursor = _Late(remote.cursor, word, after=after)  # type: ignore[assignment]
    for _ in range(3):
        assert remote.run("SELECT 1").fetchall() == [(1,)]
    remote.begin()
    assert remote.run("SELECT 2").fetchall() == [(2,)]
    assert remote.end()
    assert late.struck
    assert remote.run("SELECT 3").fetchall() == [(3,)]
