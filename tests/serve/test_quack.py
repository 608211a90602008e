"""Another DuckDB attaches this process over Quack: it reads what kshell shows, and nothing else runs."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kshell.errors import BadValueError, ConflictError, Error, ExistsError, RefusedError
from kshell.options import Secret
from kshell.serve import Served, Servers, addresses, quack
from kshell.serve.access import access_of
from kshell.serve.host import Limits
from kshell.serve.quack import guests
from kshell.serve.quack.door import Door
from kshell.session import Session
from kshell.shell.secrets import holds_secret
from tests.serve.duck import ATTACH, TOKEN, Duck, Refused
from tests.support.waiting import wait_until


class Process:
    """A session that serves Quack."""

    def __init__(self, session: Session) -> None:
        self.session, self.lines = session, []  # type: ignore[var-annotated]
        self.servers = Servers(session, self.lines.append)
        self.port = 0

    def serve(self, limits: Limits = Limits()) -> Served:  # noqa: B008  it is a value
        access = access_of("quack", {"host": "127.0.0.1", "port": self.port, "insecure": False, "token": TOKEN}, frozenset())
        self.port = access.port
        return self.servers.start("quack", access, limits)

    @property
    def listening(self) -> list[str]:
        with self.session.engine.cursor() as cursor:
            return [uri for uri, in cursor.execute("SELECT listen_uri FROM quack_server_list()").fetchall()]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    with Session(data_dir=tmp_path / "data") as session:
        session.sql("CREATE TABLE t AS SELECT range AS a, 'row ' || range AS b FROM range(5); CREATE VIEW v AS FROM t WHERE a > 2").close()
        with session.engine.cursor() as cursor:   # as a source does
            cursor.execute("CREATE VIEW live.t AS FROM main.t LIMIT 1; CREATE TABLE kshell_buffer.s (a INT)")
        made = Process(session)
        yield made
        made.servers.close()


@pytest.fixture
def ducks() -> Iterator[Callable[..., Duck]]:
    """`ducks(uri)`: one that has attached it as `k`."""
    made: list[Duck] = []

    def make(uri: str | None = None, **options: str) -> Duck:
        made.append(Duck(**options))
        if uri is not None:
            made[-1].sql(ATTACH.format(uri))
        return made[-1]

    yield make
    for duck in made:
        duck.kill()


# ---- what is read ----------------------------------------------------------------------------------------------------

def test_tables_views_and_the_tables_of_kshell_are_there_after_attach(process: Process, ducks: Callable[..., Duck]) -> None:
    duck = ducks(process.serve().address)
    assert duck.sql("FROM k.t ORDER BY a LIMIT 1") == [[0, "row 0"]]
    assert duck.sql("SELECT count(*) FROM k.t WHERE a < 3") == [[3]]
    assert duck.sql("SELECT a FROM k.v ORDER BY a") == [[3], [4]]
    assert duck.sql("FROM k.live.t") == [[0, "row 0"]]
    assert duck.sql("SELECT name FROM k.kshell.sources") == []
    assert duck.sql("SELECT DISTINCT schema_name FROM duckdb_schemas() WHERE database_name = 'k' ORDER BY 1") == [
        ["kshell"], ["lake"], ["live"], ["main"]], "the buffer is nobody's business"


def test_types_come_without_a_loss(process: Process, ducks: Callable[..., Duck]) -> None:
    duck = ducks(process.serve().address)
    query = ("SELECT 170141183460469231731687303715884105727::HUGEINT AS h, '0b6b5ac2-8f1e-4e3c-9df2-2d3e8b6f0a11'::UUID AS u, "
             "MAP {'a': [1, NULL]} AS m, {'x': 1.50::DECIMAL(9, 2)} AS s, '\\xFF'::BLOB AS b, TIMESTAMPTZ '2026-01-01 00:00:00+02' AS t")
    there = f"FROM k.query($$ {query} $$)"
    types = ["HUGEINT", "UUID", "MAP(VARCHAR, INTEGER[])", "STRUCT(x DECIMAL(9,2))", "BLOB", "TIMESTAMP WITH TIME ZONE"]
    assert duck.sql(f"SELECT column_type FROM (DESCRIBE {there})") == [[type_] for type_ in types]
    assert duck.sql(f"SELECT h::VARCHAR, u::VARCHAR, m::VARCHAR, s::VARCHAR, b::VARCHAR, epoch(t) {there}") == [
        ["170141183460469231731687303715884105727", "0b6b5ac2-8f1e-4e3c-9df2-2d3e8b6f0a11", "{a=[1, NULL]}", "{'x': 1.50}", "\\xFF",
         1767218400.0]]


def test_statements_of_kshell_give_their_rows(process: Process, ducks: Callable[..., Duck]) -> None:
    duck = ducks(process.serve().address)
    assert duck.there("SHOW SOURCES") == []
    assert [row[:2] for row in duck.sql("DESCRIBE FROM k.query('SHOW SINKS')")][:2] == [["name", "VARCHAR"], ["source", "VARCHAR"]]
    assert duck.there("DESCRIBE t") == [["a", "BIGINT", "YES", None, None, None], ["b", "VARCHAR", "YES", None, None, None]]
    assert duck.there("SHOW CREATE CONNECTION local")[0][0] == "local"
    with pytest.raises(Refused, match=r"there is no source nope\nhint: SHOW SOURCES lists them"):
        duck.there("DESCRIBE SOURCE nope")


def test_errors_of_duckdb_are_read_as_text(process: Process, ducks: Callable[..., Duck]) -> None:
    duck = ducks(process.serve().address)
    with pytest.raises(Refused, match="Table with name nowhere does not exist"):
        duck.there("FROM nowhere")
    with pytest.raises(Refused) as refused:
        duck.there("SELECT 1 +")
    assert "exception_message" not in str(refused.value)


def test_another_kshell_attaches_it_too(process: Process, tmp_path: Path) -> None:
    address = process.serve().address
    with Session(data_dir=tmp_path / "other") as other:
        other.sql(f"{ATTACH.format(address)}; CREATE TABLE mine AS SELECT 3 AS a").close()
        assert other.sql("SELECT b FROM k.t JOIN mine USING (a)").fetchall() == [("row 3",)]
        with pytest.raises(Error, match="Authorization failed"):
            other.sql("CREATE TABLE k.made AS FROM mine")


@pytest.mark.skipif("KSHELL_DUCKDB_2" not in os.environ, reason="KSHELL_DUCKDB_2 names no Python with DuckDB 2.0 and its quack extension")
def test_duckdb_2_attaches_it_too(process: Process, ducks: Callable[..., Duck]) -> None:
    duck = ducks(process.serve().address, python=os.environ["KSHELL_DUCKDB_2"])
    assert duck.sql("SELECT count(*), max(a) FROM k.t") == [[5, 4]]
    with pytest.raises(Refused, match="Authorization failed"):
        duck.sql("CREATE TABLE k.made (a INT)")


def test_the_token_in_attach_stays_out_of_the_history() -> None:
    assert holds_secret(ATTACH.format("quack:localhost:9494"))


# ---- what is refused -------------------------------------------------------------------------------------------------

# the client turns them into other statements, and rows of an INSERT into a message without one
WRITES = [
    "INSERT INTO k.t VALUES (7, 'x')", "INSERT INTO k.t SELECT range, 'x' FROM range(100000)", "CREATE TABLE k.made (a INT)",
    "CREATE TABLE k.made AS SELECT 1", "CREATE VIEW k.made AS SELECT 1", "DROP TABLE k.t", "DROP VIEW k.v",
    "BEGIN; INSERT INTO k.t VALUES (7, 'x')",
]


def test_the_client_s_own_ways_to_write_are_refused(process: Process, ducks: Callable[..., Duck]) -> None:
    duck = ducks(process.serve().address)
    for text in WRITES:
        with pytest.raises(Refused, match="Authorization failed"):
            print(text, duck.sql(text))
        if text.startswith("BEGIN"):
            duck.sql("ROLLBACK")
    assert process.session.sql("SELECT count(*) FROM t").fetchall() == [(5,)]
    assert process.session.sql("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'main'").fetchall() == [(1,)]


REFUSED = [
    "INSERT INTO t VALUES (7, 'x')", "/* a */ INSERT INTO t VALUES (7, 'x')", "CREATE TABLE made (a INT)", "CREATE TEMP TABLE made (a INT)",
    "COPY t TO '{}/x.csv'", "EXPORT DATABASE '{}/x'", "ATTACH '{}/x.db'", "SET threads = 1", "SET VARIABLE a = 1", "RESET threads",
    "USE live",
    "FROM quack_serve('quack:localhost:9999')", "CALL quack_stop('quack:localhost:1')", "FROM quack_active_connections()",
    "SELECT kshell_gate('a', 'b')", "SELECT kshell_gate_login('a', 'b', 'c')",
    "FROM read_text('/etc/passwd')", "FROM '/etc/passwd'", "FROM kshell_buffer.s", "FROM duckdb_secrets()",
    "FROM query('DROP TABLE t')", "BEGIN", "BEGIN TRANSACTION READ ONLY", "COMMIT", "ROLLBACK", "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN (ANALYZE) SELECT 1",
    "explain /* x */ analyze INSERT INTO t VALUES (7, 'x')", "TAIL t LIMIT 1", "PRAGMA version", "CHECKPOINT", "LOAD json", "INSTALL json",
    "CREATE SOURCE s FROM KAFKA k", "DROP SOURCE s", "PAUSE ALL", "SHOW SECRETS", "CALL kshell_stop('quack')", "PREPARE p AS SELECT 1",
]


def test_whatever_does_more_than_read_is_refused(process: Process, ducks: Callable[..., Duck], tmp_path: Path) -> None:
    duck = ducks(process.serve().address)
    before = sorted(tmp_path.rglob("*"))
    for text in REFUSED:
        with pytest.raises(Refused, match="Authorization failed"):
            print(text, duck.there(text.format(tmp_path)))
    assert process.session.sql("SELECT count(*) FROM t").fetchall() == [(5,)]
    assert sorted(tmp_path.rglob("*")) == before
    assert duck.there("SELECT 1") == [[1]], "and the session goes on"


def test_a_refusal_says_what_to_do_instead(process: Process, ducks: Callable[..., Duck]) -> None:
    with pytest.raises(Refused, match=r"(?s)Authorization failed: .*read_text reads files.*hint: "):
        ducks(process.serve().address).there("FROM read_text('/etc/passwd')")


def test_what_passes_and_what_does_not_is_counted_and_told_without_its_values(process: Process, ducks: Callable[..., Duck]) -> None:
    served = process.serve()
    duck = ducks(served.address)
    duck.there("SELECT 'a value', 42")
    duck.there("SHOW SOURCES")
    with pytest.raises(Refused):
        duck.there("COPY t TO '/a/path'")
    assert process.lines == [
        "quack 1 kshell@localhost: passed: SELECT ?, ?", "quack 1 kshell@localhost: passed: SHOW SOURCES",
        "quack 1 kshell@localhost: read_only: COPY t TO ?"]
    assert (served.host.counts.done, served.host.counts.failed) == (2, 1)


def test_more_than_one_statement_is_none(process: Process, ducks: Callable[..., Duck]) -> None:
    duck = ducks(process.serve().address)
    for text in ("SELECT 1; SELECT 2", "SELECT 1; DROP TABLE t", "ROLLBACK; INSERT INTO t VALUES (7, 'x'); BEGIN"):
        with pytest.raises(Refused):
            duck.there(text)
    assert process.session.sql("SELECT count(*) FROM t").fetchall() == [(5,)]


def test_a_statement_has_a_greatest_length(process: Process, ducks: Callable[..., Duck]) -> None:
    duck = ducks(process.serve(Limits(max_statement_bytes=1000)).address)
    with pytest.raises(Refused, match="larger than 1000 bytes"):
        duck.there(f"SELECT '{'x' * 1000}'")


# ---- who comes in ----------------------------------------------------------------------------------------------------

def test_another_token_opens_nothing(process: Process, ducks: Callable[..., Duck]) -> None:
    served, duck = process.serve(), ducks()
    for token in ("", "wrong", TOKEN + " ", TOKEN.upper()):
        with pytest.raises(Refused, match=r"Authentication failed|authentication token"):
            duck.sql(ATTACH.format(served.address).replace(TOKEN, token))
    assert not served.host.clients
    assert TOKEN not in "".join(process.lines)


def test_whoever_guesses_waits_and_whoever_knows_does_not(process: Process, ducks: Callable[..., Duck],
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "_MOST_DELAY_S", 0.3)
    served, duck, waited = process.serve(), ducks(), []
    monkeypatch.setattr(guests.Guests, "_delay", lambda self, seconds: waited.append(seconds))
    for _ in range(7):
        with pytest.raises(Refused):
            duck.sql(ATTACH.format(served.address).replace(TOKEN, "guess"))
    assert waited[:4] == [0.0] * 4
    assert waited[4:] == [0.3] * 3
    duck.sql(ATTACH.format(served.address))


def test_two_sessions_do_not_see_each_other_and_are_counted(process: Process, ducks: Callable[..., Duck]) -> None:
    served = process.serve(Limits(max_sessions=2))
    one, two = ducks(served.address), ducks(served.address)
    assert len(served.host.clients) == 2
    with pytest.raises(Refused, match="Authentication failed"):
        ducks(served.address)
    assert one.there("SELECT 1") == [[1]]
    one.sql("DETACH k")
    wait_until(lambda: len(served.host.clients) == 1)
    assert two.there("SELECT 2") == [[2]]
    ducks(served.address)


def test_a_session_that_nobody_uses_makes_room(process: Process, ducks: Callable[..., Duck], monkeypatch: pytest.MonkeyPatch) -> None:
    served = process.serve(Limits(max_sessions=2))
    killed, second = ducks(served.address), ducks(served.address)
    killed.kill()
    monkeypatch.setattr(guests, "_IDLE_S", 0.0)
    third = ducks(served.address)
    assert [second.there("SELECT 2"), third.there("SELECT 3")] == [[[2]], [[3]]]
    assert any("makes room" in line for line in process.lines)
    assert len(served.host.clients) == 2


def test_a_client_that_is_gone_leaves_nothing_open(process: Process, ducks: Callable[..., Duck]) -> None:
    process.session.sql("CREATE TABLE big AS SELECT range AS a FROM range(1000000)").close()
    served = process.serve(Limits(statement_timeout_s=1.0))
    duck = ducks(served.address)
    duck.sql("FROM k.big", rows=1)
    duck.kill()
    wait_until(lambda: not served.host.clients)
    with process.session.engine.cursor() as cursor:
        assert cursor.execute("FROM quack_active_connections()").fetchall() == []
    assert any("a result was open for 1 s" in line for line in process.lines)


def test_more_statements_than_allowed_wait_and_then_are_refused(process: Process, ducks: Callable[..., Duck],
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "QUEUE_S", 0.5)
    process.session.sql("CREATE TABLE big AS SELECT range AS a FROM range(1000000)").close()
    served = process.serve(Limits(max_running=1))
    first, second = ducks(served.address), ducks(served.address)
    first.sql("FROM k.big", rows=1)
    with pytest.raises(Refused, match="1 statements are running already"):
        second.there("SELECT 1")
    first.there("SELECT 1")
    assert second.there("SELECT 2") == [[2]]


# ---- start and stop --------------------------------------------------------------------------------------------------

def test_it_stops_and_starts_again_in_the_same_place(process: Process, ducks: Callable[..., Duck]) -> None:
    for _ in range(3):
        served = process.serve()
        duck = ducks(served.address)
        assert duck.there("SELECT count(*) FROM t") == [[5]]
        process.servers.stop("quack")
        assert process.listening == []
        assert not served.host.clients
        with pytest.raises(Refused):
            duck.there("SELECT 1")
    assert not [t.name for t in threading.enumerate() if t.name == "kshell-quack"]


def test_it_starts_in_a_process_whose_files_are_closed_already(process: Process, ducks: Callable[..., Duck]) -> None:
    """Another server came first. The settings that name its door cannot be changed any more, not even at the prompt."""
    process.session.lock_files()
    for _ in range(2):
        assert ducks(process.serve().address).there("SELECT count(*) FROM t") == [[5]]
        with pytest.raises(Error, match="keeps DuckDB's settings"):
            process.session.sql("SET GLOBAL quack_authorization_function = 'quack_nop_authorization'")
        process.servers.stop("quack")


def test_it_may_stop_while_it_is_being_asked(process: Process, ducks: Callable[..., Duck]) -> None:
    """A statement on its way calls the door that was there before; DuckDB itself keeps no reference to it."""
    address, ending = process.serve().address, threading.Event()

    def ask(duck: Duck) -> None:
        while not ending.is_set():
            with contextlib.suppress(Refused):
                duck.sql(ATTACH.format(address))
                while not ending.is_set():
                    duck.there("SELECT count(*) FROM t")
            with contextlib.suppress(Refused):
                duck.sql("DETACH k")

    threads = [threading.Thread(target=ask, args=(ducks(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        asked = process.servers.served()[0].host.counts
        wait_until(lambda counts=asked: counts.done > 5)        # type: ignore[misc]
        process.servers.stop("quack")
        process.serve()
    ending.set()
    for thread in threads:
        thread.join(30.0)
    assert not any(thread.is_alive() for thread in threads)
    assert ducks(address).there("SELECT count(*) FROM t") == [[5]]
    assert [kept.__name__ for kept in quack._DOORS[-18:]] == ["login", "judge"] * 9, "the objects that DuckDB calls, of all nine servers"


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="the extension shares an address in this way")
def test_connections_that_it_has_ended_do_not_keep_it_away(process: Process, ducks: Callable[..., Duck]) -> None:
    with socket.socket() as listening:            # as the extension's
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        host, port = listening.getsockname()
        with socket.create_connection((host, port)) as client:
            listening.accept()[0].close()
            assert client.recv(1) == b""
    with pytest.raises(ConflictError, match="in use"):
        addresses.listening(host, port)
    process.port = port
    assert ducks(process.serve().address).there("SELECT count(*) FROM t") == [[5]]


def test_a_second_server_and_a_place_that_is_taken_are_told(process: Process) -> None:
    address = process.serve().address
    with pytest.raises(ExistsError, match="quack is served already"):
        process.servers.start("quack", process.servers.served()[0].access, Limits())
    with pytest.raises(ConflictError, match="in use by"):
        access_of("quack", {"host": "127.0.0.1", "port": int(address.rpartition(":")[2]), "insecure": False, "token": TOKEN}, frozenset())


def test_without_its_door_it_does_not_listen(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, session: str) -> str:
        return session                            # a parameter less than the extension gives
    with monkeypatch.context() as patched:
        patched.setattr(Door, "judge", broken)
        with pytest.raises(RefusedError, match="cannot listen"):
            process.serve()
        assert process.listening == []
    process.serve()
    assert len(process.listening) == 1


def test_a_shut_door_refuses(process: Process, ducks: Callable[..., Duck]) -> None:
    served = process.serve()
    duck = ducks(served.address)
    quack._DOORS[-1].__self__.shut()  # type: ignore[attr-defined]
    for text in ("SELECT 1", "INSERT INTO t VALUES (1, 'x')"):
        with pytest.raises(Refused, match="Authorization failed"):
            duck.there(text)
    with pytest.raises(Refused, match="Authentication failed"):
        ducks(served.address)


def test_a_token_that_the_extension_would_not_take_is_a_bad_value(process: Process) -> None:
    access = access_of("quack", {"host": "127.0.0.1", "port": 0, "insecure": False, "token": TOKEN}, frozenset())
    with pytest.raises(BadValueError, match="4 characters"):
        process.servers.start("quack", replace(access, password=Secret("abc")), Limits())


@pytest.mark.parametrize("lacks", ["duckdb_extension_quack", "numpy"])
def test_without_the_extra_its_name_is_told(lacks: str, process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, lacks, None)
    monkeypatch.delitem(sys.modules, "kshell.serve.quack")
    with pytest.raises(RefusedError, match=f"serving quack needs {lacks}") as refused:
        process.serve()
    assert refused.value.hint == "pip install 'kshell[serve]'"
    monkeypatch.undo()
    assert importlib.import_module("kshell.serve.quack") is quack


# ---- together with the rest of the process ---------------------------------------------------------------------------

def test_the_door_and_threads_of_python_do_not_wait_for_each_other(process: Process, ducks: Callable[..., Duck]) -> None:
    """Each of these threads holds the interpreter, then DuckDB, in turn; the door needs both, on a thread of the extension."""
    address, ending = process.serve().address, threading.Event()

    def work(number: int) -> None:
        with process.session.engine.cursor() as cursor:
            while not ending.is_set():
                cursor.execute(f"CREATE OR REPLACE TABLE w{number} AS SELECT range AS a FROM range(10000)")
                cursor.execute(f"SELECT sum(a) FROM w{number}").fetchall()
                cursor.execute(f"CREATE OR REPLACE VIEW both{number} AS FROM w{number}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        asked = [ducks(address) for _ in range(3)]
        for _ in range(10):
            for duck in asked:
                duck.send("FROM k.query('SELECT count(*), max(a) FROM t')")
            for duck in asked:
                assert duck.answer() == [[5, 4]]
    finally:
        ending.set()
        for thread in threads:
            thread.join(30.0)
    assert not any(thread.is_alive() for thread in threads)
