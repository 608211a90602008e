"""Who may ask: pages of other origins, names that point here, wrong tokens; and those who only want to hold the server up."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from kshell.serve import Served
from kshell.serve.attempts import FAILURES_A_MINUTE
from kshell.serve.http import body, connection, guard
from tests.serve.http.conftest import ORIGIN, TOKEN, Serve, asking
from tests.support.waiting import wait_until

PATHS = [("GET", "/metrics"), ("POST", "/query"), ("GET", "/tail/orders"), ("GET", "/nowhere")]


@contextmanager
def raw(served: Served, text: str) -> Iterator[socket.socket]:
    """A connection on which this has been sent."""
    with socket.create_connection(("127.0.0.1", served.access.port), timeout=20) as made:
        made.sendall(text.replace("\n", "\r\n").encode())
        yield made


def everything(connected: socket.socket) -> str:
    """What the server says until it closes the connection, or resets it because there was more to read."""
    parts = []
    with suppress(ConnectionResetError):
        while part := connected.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


# ---- the token -------------------------------------------------------------------------------------------------------

@pytest.mark.fault("F100")
@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic a-token-of-the-tests", f"bearer  {TOKEN}x"])
def test_nothing_but_the_health_check_answers_without_the_token(serve: Serve, method: str, path: str, header: str | None) -> None:
    served = serve()
    headers = {} if header is None else {"authorization": header}
    answer = httpx.request(method, served.running.address + path, content="SELECT 1" if method == "POST" else None, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert TOKEN not in answer.text
    assert served.host.counts.connected == 0


@pytest.mark.fault("F100")
def test_the_health_check_needs_no_token(served: Served) -> None:
    assert httpx.get(served.running.address + "/healthz").json() == {"status": "ok"}


@pytest.mark.fault("F100")
def test_who_failed_too_often_is_made_to_wait_and_too_many_of_them_are_sent_away(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "DELAY_S", 0.3)
    served = serve()
    with asking(served) as right, httpx.Client(base_url=served.running.address, headers={"authorization": "Bearer wrong"}) as wrong:
        for _ in range(FAILURES_A_MINUTE):
            assert wrong.get("/metrics").status_code == 401
        began = time.monotonic()
        assert wrong.get("/metrics").status_code == 401
        assert time.monotonic() - began >= 0.3
        assert right.get("/metrics").status_code == 200, "who has the token is not locked out by others behind the same address"
        monkeypatch.setattr(guard, "MOST_DELAYED", 0)
        answer = wrong.get("/metrics")
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_a_token_missing_is_no_failed_attempt(serve: Serve) -> None:
    served = serve()
    for _ in range(FAILURES_A_MINUTE + 1):
        assert httpx.get(served.running.address + "/metrics").status_code == 401
    assert served.access.may_try("127.0.0.1") == 0


# ---- pages of browsers -----------------------------------------------------------------------------------------------

@pytest.mark.fault("F100")
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", "https://board.example.evil", "https://board.example:8443"])
def test_a_page_of_another_origin_gets_403_and_nothing_runs(client: httpx.Client, served: Served, origin: str) -> None:
    sessions = served.host.counts.connected
    for method, path in PATHS:
        answer = client.request(method, path, content="SELECT 1", headers={"origin": origin})
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert client.options("/query", headers={"origin": origin, "access-control-request-method": "POST"}).status_code == 403
    assert served.host.counts.connected == sessions


@pytest.mark.fault("F100")
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", "10.0.0.1", "", "localhost@evil.example"])
def test_a_name_that_was_pointed_here_reaches_nothing(client: httpx.Client, served: Served, host: str) -> None:
    sessions = served.host.counts.connected
    for method, path in [*PATHS, ("GET", "/healthz")]:
        assert client.request(method, path, content="SELECT 1", headers={"host": host}).status_code == 403
    assert served.host.counts.connected == sessions


@pytest.mark.parametrize("host", ["localhost", "localhost:9999", "127.0.0.1:1", "[::1]:8642", "LOCALHOST"])
def test_every_name_of_this_machine_will_do(client: httpx.Client, host: str) -> None:
    assert client.post("/query", content="SELECT 1 AS n", headers={"host": host}).json() == {"n": 1}


def test_a_listed_origin_may_ask_and_is_told_so(client: httpx.Client, served: Served) -> None:
    before = httpx.options(served.running.address + "/query", headers={
        "origin": ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "authorization"})
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert "authorization" in before.headers["access-control-allow-headers"]
    answer = client.post("/query", content="SELECT 1 AS n", headers={"origin": ORIGIN})
    assert (answer.json(), answer.headers["access-control-allow-origin"], answer.headers["vary"]) == ({"n": 1}, ORIGIN, "Origin")
    assert "Kshell-Live-Rows" in answer.headers["access-control-expose-headers"]
    assert httpx.post(served.running.address + "/query", content="SELECT 1", headers={"origin": ORIGIN}).status_code == 401


# ---- who sends too much, too slowly, too often -----------------------------------------------------------------------

HEAD = f"POST /query HTTP/1.1\nHost: localhost\nAuthorization: Bearer {TOKEN}\n"


@pytest.mark.fault("F100")
def test_a_body_of_a_gigabyte_is_refused_by_its_length(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_FAREWELL_S", 0.1)
    sessions = served.host.counts.connected
    with raw(served, f"{HEAD}Content-Length: 1073741824\n\n") as sender:
        said = everything(sender)
    assert said.startswith("HTTP/1.1 413 ")
    assert '"code": "limit"' in said
    assert served.host.counts.connected == sessions


@pytest.mark.fault("F100")
def test_a_body_without_a_length_ends_at_the_limit_and_its_sender_sees_why(served: Served) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(300):
            yield b"x" * 10_000

    answer = httpx.post(served.running.address + "/query", content=endless(), headers={"authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json()["code"]) == (413, "limit")
    assert str(body.MOST_BYTES) in answer.json()["message"]


@pytest.mark.fault("F100")
def test_a_body_that_does_not_come_is_not_waited_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "SLOWEST_S", 0.2)
    monkeypatch.setattr(body, "_FAREWELL_S", 0.1)
    with raw(serve(), f"{HEAD}Content-Length: 100\n\nSELECT") as slow:
        assert everything(slow).startswith("HTTP/1.1 408 ")


@pytest.mark.fault("F100")
@pytest.mark.parametrize("sent", ["", "GET /healthz HTTP/1.1\nHost: localhost\nX-Slow: ",
                                  "GET /healthz HTTP/1.1\nHost: localhost\n\nGET /hea"])
def test_a_head_that_does_not_come_is_not_waited_for(serve: Serve, monkeypatch: pytest.MonkeyPatch, sent: str) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.3)
    with raw(serve(), sent) as slow:
        assert everything(slow).count("HTTP/1.1 ") == sent.count("\n\n")


@pytest.mark.fault("F100")
def test_a_head_of_any_size_is_refused(served: Served) -> None:
    with raw(served, "GET /healthz HTTP/1.1\nHost: localhost\nX-Large: " + "x" * 2 * connection.HEAD_BYTES) as large:
        said = everything(large)
    assert not said or said.startswith("HTTP/1.1 4")
    assert httpx.get(served.running.address + "/healthz").status_code == 200


@pytest.mark.fault("F100")
@pytest.mark.parametrize("sent", ["", "GET /heal", "GET /healthz HTTP/1.1\nHost: localhost\n\n"])
def test_connections_on_which_nothing_is_asked_keep_nobody_out(serve: Serve, monkeypatch: pytest.MonkeyPatch, sent: str) -> None:
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 20)
    served = serve()
    with ExitStack() as held:
        for _ in range(50):
            held.enter_context(raw(served, sent))
        assert httpx.get(served.running.address + "/healthz").status_code == 200


@pytest.mark.fault("F100")
def test_connections_above_the_limit_are_turned_away_and_room_comes_back(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 20)
    served = serve()
    health = served.running.address + "/healthz"
    with ExitStack() as held:
        for _ in range(20):
            busy = held.enter_context(raw(served, f"{HEAD}Content-Length: 100\nExpect: 100-continue\n\n"))
            assert busy.recv(100).startswith(b"HTTP/1.1 100 ")
        for _ in range(50):
            with raw(served, "") as more:
                assert everything(more).startswith("HTTP/1.1 503 ")
    wait_until(lambda: httpx.get(health).status_code == 200)


@pytest.mark.fault("F100")
@pytest.mark.parametrize("garbage", ["\x16\x03\x01\x02\x00", "SELECT 1\n\n", "GET / HTTP/9.9\n\n", "GET /healthz HTTP/1.1\n\n",
                                     "POST /query HTTP/1.1\nHost: localhost\nContent-Length: -1\n\n",
                                     "POST /query HTTP/1.1\nHost: localhost\nContent-Length: 1\nTransfer-Encoding: chunked\n\nzz\n"])
def test_what_is_no_http_ends_the_connection_and_nothing_else(served: Served, garbage: str, capfd: pytest.CaptureFixture[str]) -> None:
    with raw(served, garbage) as sender:
        sender.shutdown(socket.SHUT_WR)
        assert not everything(sender).startswith("HTTP/1.1 2")
    assert httpx.get(served.running.address + "/healthz").status_code == 200
    assert capfd.readouterr() == ("", "")


@pytest.mark.fault("F100")
def test_a_forwarded_address_is_not_believed(serve: Serve) -> None:
    served = serve()
    with httpx.Client(base_url=served.running.address, headers={"authorization": "Bearer wrong"}) as wrong:
        for n in range(FAILURES_A_MINUTE):
            assert wrong.get("/metrics", headers={"x-forwarded-for": f"10.0.0.{n}"}).status_code == 401
    assert served.access.may_try("127.0.0.1") > 0
