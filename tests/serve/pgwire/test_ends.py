"""However a statement or a connection ends, nothing goes on running for it, and whoever can still hear is told why."""

from __future__ import annotations

import shutil
import signal
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kshell.serve import Served, Servers
from kshell.serve.host import Limits
from kshell.session import Session
from tests.serve.conftest import PASSWORD
from tests.serve.pgwire.conftest import Connect, _access
from tests.support import postgres
from tests.support.postgres import SYNC, Connection, Raw, bind, execute, parse, query
from tests.support.waiting import wait_until

LONG = "SELECT count(*) FROM n a, n b, n c WHERE a.i + b.i = c.i"
LARGE = "SELECT repeat('x', 10000) AS x FROM n"
Start = Callable[..., Served]
PSQL = shutil.which("psql")
needs_psql = pytest.mark.skipif(PSQL is None, reason="psql is not installed")


@contextmanager
def meanwhile(call: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    yield
    thread.join(30.0)
    assert not thread.is_alive()


def running(server: Served) -> int:
    return sum(client.statement is not None for client in server.host.clients.values())


# ---- cancel ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("messages", [(query(LONG),), (parse(LONG), bind(), execute(), SYNC)], ids=["simple", "extended"])
def test_a_request_to_cancel_ends_what_is_running(client: Connection, server: Served, messages: tuple[bytes, ...]) -> None:
    client.send(*messages)
    wait_until(lambda: running(server))
    client.cancel()
    talk = client.ready()
    assert talk.error["C"] == "57014"
    assert talk.error["M"] == "canceling statement due to user request"
    assert client.query("SELECT 1").rows == [[b"1"]]


def test_a_request_to_cancel_that_comes_late_hurts_nobody(client: Connection) -> None:
    client.query("SELECT 1")
    client.cancel()
    assert client.query("SELECT 2").rows == [[b"2"]]


def test_only_the_key_of_a_session_cancels_it(client: Connection, server: Served) -> None:
    client.send(query(LONG))
    wait_until(lambda: running(server))
    process, key = struct.unpack("!II", client.key)
    right, client.key = client.key, struct.pack("!II", process, key ^ 1)
    client.cancel()
    client.key = right[:4]
    client.cancel()
    assert running(server) == 1
    client.key = right
    client.cancel()
    assert client.ready().error["C"] == "57014"


def test_a_cancelled_statement_fails_its_transaction(client: Connection, server: Served) -> None:
    client.query("BEGIN")
    client.send(query(LONG))
    wait_until(lambda: running(server))
    client.cancel()
    assert client.ready().status == "E"
    assert client.query("ROLLBACK").status == "I"


def test_a_result_that_is_being_sent_can_be_cancelled(client: Connection, server: Served) -> None:
    client.send(query(LARGE))
    wait_until(lambda: running(server))
    assert client.message() is not None
    client.cancel()
    assert client.ready().error["C"] == "57014"


# ---- gone clients ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [LONG, LARGE], ids=["thinking", "sending"])
def test_a_client_that_is_gone_ends_its_query_and_its_session(connect: Connect, server: Served, text: str) -> None:
    client = connect()
    client.send(query(text))
    wait_until(lambda: running(server))
    client.close()
    wait_until(lambda: not server.host.clients, 10.0)
    assert server.host.counts.running == 0


@needs_psql
def test_psql_killed_during_a_query_costs_nothing_more(server: Served) -> None:
    with psql(server, "-c", LONG) as process:
        wait_until(lambda: running(server))
        process.kill()
        wait_until(lambda: not server.host.clients, 10.0)
    assert server.host.counts.running == 0


def test_a_client_that_takes_nothing_is_dropped_when_its_time_is_up(start: Start, connect: Connect) -> None:
    server = start(Limits(statement_timeout_s=1.0))
    client = connect(server)
    client.send(query(LARGE))
    wait_until(lambda: not server.host.clients)


def test_a_transaction_ends_with_its_client(connect: Connect, server: Served) -> None:
    client = connect()
    client.query("BEGIN; DECLARE c CURSOR FOR FROM n; FETCH 1 FROM c")
    client.close()
    wait_until(lambda: not server.host.clients)


# ---- the server ends -------------------------------------------------------------------------------------------------


def test_the_end_of_the_server_is_told_to_the_idle_and_to_the_busy(session: Session) -> None:
    servers = Servers(session)
    served = servers.start("pgwire", _access(), Limits())
    with Connection(served.address, PASSWORD) as idle, Connection(served.address, PASSWORD) as busy, Raw(served.address) as silent:
        busy.send(query(LONG))
        wait_until(lambda: running(served))
        with meanwhile(servers.close):
            for client in (idle, busy):
                kind, body = client.rest()[-1]
                assert kind == b"E"
                assert postgres.fields(body)["C"] == "57P01"
                assert postgres.fields(body)["S"] == "FATAL"
            assert silent.rest() == []
    with pytest.raises(ConnectionRefusedError):
        Raw(served.address)


# ---- psql ------------------------------------------------------------------------------------------------------------


@contextmanager
def psql(server: Served, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    host, _, port = server.address.rpartition(":")
    command = [str(PSQL), "-X", "-h", host, "-p", port, "-U", "kshell", "-d", "memory", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={"PGPASSWORD": PASSWORD, "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"})
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@needs_psql
def test_ctrl_c_in_psql_ends_the_statement(server: Served) -> None:
    with psql(server, "-c", LONG) as process:
        wait_until(lambda: running(server))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert "canceling statement due to user request" in said


@needs_psql
@pytest.mark.parametrize(("arguments", "shown"), [
    (["-At", "-c", "SELECT 1 AS a, NULL AS b, 'x' AS c"], "1||x\n"),
    (["-x", "-c", "SELECT i, name FROM n WHERE i = 7"], "-[ RECORD 1 ]\ni    | 7\nname | row 7\n\n"),
    (["-c", "\\copy (SELECT i, name FROM n ORDER BY i LIMIT 2) TO STDOUT CSV HEADER"], "i,name\n0,row 0\n1,row 1\n"),
    (["-At", "-v", "FETCH_COUNT=1000", "-c", "SELECT i FROM n ORDER BY i LIMIT 2500"], "".join(f"{i}\n" for i in range(2500))),
    (["-At", "-c", "SELECT nope", "-c", "SELECT 7"], "7\n"),
])
def test_psql_shows_what_it_is_sent(server: Served, arguments: list[str], shown: str) -> None:
    with psql(server, *arguments) as process:
        out, _ = process.communicate(timeout=30)
    assert out == shown


@needs_psql
def test_psql_shows_the_caret_and_the_hint(server: Served) -> None:
    with psql(server, "-c", "SELECT offset FROM n") as process:
        _, said = process.communicate(timeout=30)
    assert "LINE 1: SELECT offset FROM n\n" in said
    assert "^\nHINT:  the Kafka offset column is _kafka_offset\n" in said
