"""The limits of a server hold for every protocol: sessions, statements at once, time, rows, bytes; each statement is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

import kshell
from kshell.errors import CancelledError, DeadlineError, LimitError
from kshell.serve import host as hosts
from kshell.serve.access import Access
from kshell.serve.client import PIECE_BYTES, without_literals
from kshell.serve.host import Host, Limits
from tests.support.waiting import wait_until

LONG = "SELECT count(*) FROM n a, n b, n c WHERE a.i + b.i = c.i"
Open = Callable[[Limits], Host]


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def served(lines: list[str], access: Access) -> Iterator[Open]:
    opened: list[Host] = []
    loop = asyncio.new_event_loop()
    with kshell.connect() as session:
        session.sql("CREATE TABLE n AS SELECT range AS i FROM range(20000)").close()

        def make(limits: Limits) -> Host:
            opened.append(Host(session, "pgwire", access, limits, loop, lines.append))
            return opened[-1]

        yield make
        for host in opened:
            host.close()
    loop.close()


def test_no_more_sessions_than_allowed(served: Open) -> None:
    host = served(Limits(max_sessions=2))
    first, _ = host.admit("a", "here"), host.admit("a", "here")
    with pytest.raises(LimitError, match="2 sessions"):
        host.admit("a", "here")
    first.close()
    host.admit("a", "here")
    assert host.counts.refused == 1


def test_rows_above_the_limit_are_an_error_and_never_cut(served: Open) -> None:
    client = served(Limits(max_rows=19_999)).admit("a", "here")
    with pytest.raises(LimitError, match="larger than 19999 rows"):
        client.run("FROM n").fetchall()
    assert len(client.run("FROM n LIMIT 19999").fetchall()) == 19_999


def test_a_client_can_lower_the_limits_and_not_raise_them(served: Open) -> None:
    client = served(Limits(max_rows=100, statement_timeout_s=0.3)).admit("a", "here")
    with pytest.raises(LimitError, match="larger than 5 rows"):
        client.run("FROM n", max_rows=5).fetchall()
    with pytest.raises(LimitError, match="larger than 100 rows"):
        client.run("FROM n", max_rows=1_000_000).fetchall()
    with pytest.raises(DeadlineError):
        client.run(LONG, timeout_s=60).fetchall()


@pytest.mark.parametrize("text", [f"EXPLAIN ANALYZE {LONG}", f"SUMMARIZE {LONG}"])
def test_to_ask_for_columns_takes_no_longer_than_a_statement_may(text: str, served: Open) -> None:
    client = served(Limits(statement_timeout_s=0.3)).admit("a", "here")
    with pytest.raises(DeadlineError):
        client.columns(text)


def test_wide_rows_are_written_a_few_at_a_time(served: Open) -> None:
    client = served(Limits()).admit("a", "here")
    batches = list(client.run("SELECT i, repeat('x', 100000) AS x FROM n LIMIT 100").batches())
    assert max(batch.nbytes for batch in batches) <= PIECE_BYTES
    assert [i for batch in batches for i in batch.column(0).to_pylist()] == list(range(100))


def test_bytes_above_the_limit_are_an_error(served: Open) -> None:
    client = served(Limits(max_bytes=100_000)).admit("a", "here")
    with pytest.raises(LimitError, match="larger than 100000 bytes"):
        client.run("SELECT repeat('x', 100000) FROM n LIMIT 3").fetchall()


def test_a_statement_of_many_bytes_is_refused(served: Open) -> None:
    client = served(Limits()).admit("a", "here")
    with pytest.raises(LimitError, match="1048576 bytes"):
        client.run(f"SELECT '{'x' * (1 << 20)}'")


def test_statements_wait_for_their_turn_and_not_for_ever(served: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    host = served(Limits(max_running=1))
    with host.running():
        assert host.counts.running == 1
        with pytest.raises(LimitError, match="running already"), host.running(wait_s=0.05):
            pass
    with host.running(wait_s=0.05):
        pass


def test_whoever_reads_slowly_holds_no_turn(served: Open) -> None:
    host = served(Limits(max_running=1))
    slow, other = host.admit("a", "here"), host.admit("b", "there")
    result = slow.run("FROM n")
    next(result)
    assert other.run("SELECT 1").fetchall() == [(1,)]
    assert len(result.fetchall()) == 19_999


def test_closing_a_client_ends_its_statement(served: Open) -> None:
    host = served(Limits())
    client = host.admit("a", "here")
    raised: list[BaseException] = []

    def work() -> None:
        try:
            client.run(LONG).fetchall()
        except kshell.Error as error:
            raised.append(error)

    working = threading.Thread(target=work)
    working.start()
    wait_until(lambda: client.statement)
    client.close()
    working.join(20)
    assert not working.is_alive()
    assert isinstance(raised[0], CancelledError)
    assert not host.clients


def test_each_statement_is_counted_and_told_without_its_literals(served: Open, lines: list[str]) -> None:
    host = served(Limits())
    client = host.admit("anna", "10.0.0.7")
    client.run("SELECT 'secret', i FROM n WHERE i = 42").fetchall()
    with pytest.raises(kshell.Error):
        client.run("SELECT nope FROM n")
    assert [line.rpartition(": ")[2] for line in lines] == ["SELECT ?, i FROM n WHERE i = ?", "SELECT nope FROM n"]
    assert "anna@10.0.0.7: ok in" in lines[0]
    assert "not_found" in lines[1]
    assert (host.counts.done, host.counts.failed) == (1, 1)
    assert sum(host.counts.durations) == 2


@pytest.mark.parametrize(("text", "shown"), [
    ("SELECT 1,\n  'a''b'", "SELECT ?, ?"),
    ("SELECT $$hidden$$", "SELECT ?"),
    ("SELECT 'never closed", "SELECT ?"),
    (f"SELECT '{'x' * 600}'", "SELECT ? ..."),
    ("", ""),
])
def test_a_log_line_holds_no_value(text: str, shown: str) -> None:
    assert without_literals(text) == shown


def test_buckets_grow() -> None:
    assert sorted(hosts.BUCKETS_S) == list(hosts.BUCKETS_S)
