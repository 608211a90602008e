"""Before the password is proven nothing is told: version, TLS, name and database come first, and hostile bytes end the connection."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from kshell.serve import Served
from kshell.serve.host import Limits
from kshell.serve.pgwire import login
from kshell.serve.pgwire.server import SPARE_CONNECTIONS
from kshell.serve.tls import Certificate
from tests.serve.conftest import PASSWORD
from tests.serve.pgwire.conftest import Connect
from tests.serve.test_access import certificate
from tests.support import postgres
from tests.support.postgres import Connection, Raw, Refused, packet, startup, text
from tests.support.waiting import wait_until

SSL, GSS = struct.pack("!ii", 8, 80877103), struct.pack("!ii", 8, 80877104)
Start = Callable[..., Served]


@pytest.fixture
def raw(server: Served) -> Iterator[Raw]:
    with Raw(server.address) as opened:
        yield opened


def refusal(connection: Raw) -> dict[str, str]:
    kind, body = connection.rest()[-1]
    assert kind == b"E"
    return postgres.fields(body)


def test_a_client_is_told_what_it_needs_to_know(client: Connection) -> None:
    assert client.parameters["server_version"] == "14.0"
    assert client.parameters["server_encoding"] == client.parameters["client_encoding"] == "UTF8"
    assert client.parameters["integer_datetimes"] == client.parameters["standard_conforming_strings"] == "on"
    assert client.parameters["default_transaction_read_only"] == "on"
    assert len(client.key) == 8


def test_settings_of_the_first_message_hold_from_the_start(connect: Connect) -> None:
    client = connect(application_name="panel", TimeZone="Europe/Vienna", options="-c statement_timeout=5s --search-path=live")
    assert client.parameters["application_name"] == "panel"
    assert client.parameters["TimeZone"] == "Europe/Vienna"
    assert client.query("SHOW statement_timeout").rows == [[b"5s"]]
    assert client.query("SHOW search_path").rows == [[b"live"]]
    assert client.query("SELECT TIMESTAMPTZ '2024-07-01 00:00:00+00' AS t").rows == [[b"2024-07-01 02:00:00+02"]]


def test_asyncpg_writes_the_encoding_in_quotes(connect: Connect) -> None:
    assert connect(client_encoding="'utf-8'").parameters["client_encoding"] == "UTF8"


@pytest.mark.parametrize(("asked", "state"), [
    ({"database": "orders"}, "3D000"), ({"client_encoding": "LATIN1"}, "22023"), ({"TimeZone": "Nowhere/None"}, "22023"),
])
def test_what_cannot_be_had_is_refused_by_name(connect: Connect, asked: dict[str, str], state: str) -> None:
    with pytest.raises(Refused) as refused:
        connect(**asked)
    assert refused.value.said["C"] == state
    assert refused.value.said["S"] == "FATAL"


@pytest.mark.parametrize("name", ["memory", "kshell"])
def test_the_database_has_two_names(connect: Connect, name: str) -> None:
    assert connect(database=name).query("SELECT 1").rows == [[b"1"]]


@pytest.mark.parametrize(("user", "password"), [("kshell", "wrong"), ("root", PASSWORD)])
def test_a_wrong_password_and_a_wrong_user_are_refused_alike(start: Start, user: str, password: str) -> None:
    with pytest.raises(Refused) as refused:
        Connection(start().address, password, user)
    assert refused.value.said["C"] == "28P01"
    assert refused.value.said["M"] == f'password authentication failed for user "{user}"'


def test_after_five_failures_an_address_waits_and_the_password_still_opens(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "DELAY_S", 0.5)
    server = start()
    for _ in range(5):
        with pytest.raises(Refused):
            Connection(server.address, "wrong")
    began = time.monotonic()
    with Connection(server.address, PASSWORD) as client:
        assert client.query("SELECT 1").rows == [[b"1"]]
    assert time.monotonic() - began >= 0.5


def test_without_a_certificate_tls_and_gss_are_declined_and_the_login_goes_on(raw: Raw) -> None:
    for request in (SSL, GSS):
        raw.send(request)
        assert raw.byte() == b"N"
    raw.send(startup({"user": "kshell"}))
    kind, body = raw.message() or (b"", b"")
    assert (kind, body[:4]) == (b"R", struct.pack("!i", 10))
    assert b"SCRAM-SHA-256\0" in body


def test_inside_tls_the_login_is_the_same(start: Start, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    tls = Certificate(Path(cert), Path(key))
    tls.read()
    server = start(certificate=tls)
    host, _, port = server.address.rpartition(":")
    with psycopg.connect(host=host, port=port, user="kshell", password=PASSWORD, dbname="memory", sslmode="require") as opened:
        assert opened.pgconn.ssl_in_use
        assert opened.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(Refused, match="wants TLS"):
        Connection(server.address, PASSWORD)


def test_a_password_in_the_clear_is_heard_inside_tls_only(start: Start, server: Served, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    tls = Certificate(Path(cert), Path(key))
    tls.read()
    for served, secure in ((start(certificate=tls), True), (server, False)):
        with Raw(served.address) as raw:
            if secure:
                raw.send(SSL)
                assert raw.byte() == b"S"
                raw.secure()
            raw.send(startup({"user": "kshell"}))
            raw.message()
            raw.send(packet(b"p", text(PASSWORD)))
            kind, body = raw.message() or (b"", b"")
            assert (kind == b"R" and body == bytes(4)) is secure


def test_bytes_sent_before_tls_are_not_read_inside_it(start: Start, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    tls = Certificate(Path(cert), Path(key))
    tls.read()
    with Raw(start(certificate=tls).address) as raw:
        raw.send(SSL + startup({"user": "kshell"}))
        assert raw.byte() == b"S"
        assert b"unencrypted data after the request" in b"".join(body for _, body in raw.rest())


@pytest.mark.parametrize(("minor", "options"), [(2, {}), (0, {"_pq_.report_parameters": "x"}), (9, {"_pq_.a": "1", "_pq_.b": "2"})])
def test_a_later_protocol_is_talked_down_to_3_0(raw: Raw, minor: int, options: dict[str, str]) -> None:
    raw.send(startup({"user": "kshell", **options}, 196608 + minor))
    kind, body = raw.message() or (b"", b"")
    assert kind == b"v"
    assert struct.unpack("!ii", body[:8]) == (0, len(options))
    assert body[8:] == b"".join(text(name) for name in options)


@pytest.mark.parametrize(("version", "state"), [(2 << 16, "0A000"), (4 << 16, "0A000")])
def test_another_protocol_is_refused(raw: Raw, version: int, state: str) -> None:
    raw.send(startup({"user": "kshell"}, version))
    assert refusal(raw)["C"] == state


@pytest.mark.parametrize("sent", [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", struct.pack("!ii", 7, 196608), struct.pack("!ii", 0x7FFFFFFF, 196608),
    struct.pack("!ii", 20, 196608) + b"user\0kshell\0", startup({}), startup({"user": "kshell"}) + packet(b"Q", text("SELECT 1")),
    startup({"user": "kshell"}) + packet(b"p", b"no mechanism"), startup({"user": "kshell"}) + b"p" + struct.pack("!i", 0x7FFFFFFF),
    startup({"user": "kshell"}) + packet(b"p", text("SCRAM-SHA-1") + struct.pack("!i", -1)),
])
def test_what_is_no_login_ends_the_connection_with_an_error(raw: Raw, sent: bytes) -> None:
    raw.send(sent)
    assert refusal(raw)["S"] == "FATAL"


def test_a_server_that_is_full_says_so(start: Start, connect: Connect) -> None:
    server = start(Limits(max_sessions=1))
    first = connect(server)
    with pytest.raises(Refused) as refused:
        connect(server)
    assert refused.value.said["C"] == "53300"
    first.close()
    wait_until(lambda: not server.host.clients)
    assert connect(server).query("SELECT 1").rows == [[b"1"]]


def test_connections_that_say_nothing_keep_nobody_out(start: Start, connect: Connect) -> None:
    server = start(Limits(max_sessions=1))
    with ExitStack() as opened:
        silent = [opened.enter_context(Raw(server.address)) for _ in range(1 + SPARE_CONNECTIONS)]
        client = connect(server)
        assert silent[0].rest() == []
        for _ in range(1 + SPARE_CONNECTIONS):
            opened.enter_context(Raw(server.address))
        assert client.query("SELECT 1").rows == [[b"1"]], "and whoever is logged in stays"


def test_a_client_that_hangs_up_in_the_middle_of_its_login_leaves_no_lines(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        with Raw(server.address) as raw:
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))     # closed by a reset
            raw.send(GSS * 4000)
    with Raw(server.address) as raw:
        raw.send(GSS)
        assert raw.byte() == b"N"
    assert caplog.records == []


def test_a_unix_socket_is_a_way_in(start: Start, tmp_path: Path) -> None:
    path = tmp_path / ".s.PGSQL.5433"
    server = start(host="", port=5433, socket=path)
    assert server.address == str(path)
    assert os.stat(path).st_mode & 0o777 == 0o600
    with psycopg.connect(host=str(tmp_path), port=5433, user="kshell", password=PASSWORD, dbname="memory") as opened:
        assert opened.execute("SELECT 1").fetchone() == (1,)
