"""A REST catalog: lost answers of a real server, and what a hostile one may not do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kshell.errors import BadValueError, UnreachableError
from kshell.iceberg import bounds
from kshell.iceberg.catalogs import Lake, open_catalog
from kshell.iceberg.values import Result
from tests.iceberg.conftest import Pipe


@pytest.fixture
def rest_lake(rest_catalog: Any) -> Iterator[Lake]:
    lake = open_catalog("rest", "ice", rest_catalog.uri)
    yield lake
    lake.close()


@pytest.mark.fault("F52")
@pytest.mark.fault("F55")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [401, 403, 409, 419, 429, 500, 502, 503, 504])
def test_rows_are_there_once_whatever_the_server_answers(status: int, when: str, rest_catalog: Any, rest_lake: Lake,
                                                         make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(rest_lake)
    pipe.commit(0, 0, 2)
    rest_catalog.fault("tables/orders", when=when, status=status, times=1)
    assert pipe.commit(0, 2, 5).result in (Result.APPLIED, Result.OVERTAKEN)
    rest_catalog.clear_faults()
    assert pipe.rows() == [(0, o) for o in range(5)]
    assert pipe.again().head.cut()["orders", 0] == 5


def test_the_answer_to_create_may_be_lost(rest_catalog: Any, rest_lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    rest_catalog.fault("/tables", when="after", status=504, times=1)
    assert make_pipe(rest_lake).commit(0, 0, 2).result is Result.APPLIED


# ---- a server that is not to be trusted --------------------------------------------------------------------------

class _Hostile(BaseHTTPRequestHandler):
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {}      # noqa: RUF012 - set by each test

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        status, headers, body = self.answers.get(self.path.split("?")[0], (404, {}, b""))
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hostile() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hostile)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def _config(**overrides: str) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps({"defaults": {}, "overrides": overrides}).encode()


@pytest.mark.fault("F99")
def test_a_server_names_no_class_and_sends_us_nowhere(hostile: str) -> None:
    _Hostile.answers = {"/v1/config": _config(**{"py-io-impl": "no.Such", "uri": "http://127.0.0.1:1", "s3.endpoint": "http://127.0.0.1:1",
                                                 "prefix": "kept"})}
    lake = open_catalog("rest", "c", hostile)
    properties = lake.catalog.properties
    assert properties["py-io-impl"] == "kshell.iceberg.fileio.DurableFileIO"
    assert (properties["uri"], properties["prefix"]) == (hostile, "kept")
    assert "s3.endpoint" not in properties
    lake.close()


@pytest.mark.fault("F101")
def test_a_redirect_is_not_followed(hostile: str) -> None:
    _Hostile.answers = {"/v1/config": (302, {"Location": "http://127.0.0.1:1/"}, b"")}
    with pytest.raises(UnreachableError, match="redirect"):
        open_catalog("rest", "c", hostile)


def test_an_answer_that_is_too_large_is_not_read(hostile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ANSWER_BYTES_MAX", 10)
    _Hostile.answers = {"/v1/config": _config()}
    with pytest.raises(UnreachableError, match="more than"):
        open_catalog("rest", "c", hostile)


def test_html_from_a_proxy_is_no_catalog(hostile: str) -> None:
    _Hostile.answers = {"/v1/config": (200, {"Content-Type": "text/html"}, b"<html>welcome</html>")}
    with pytest.raises(UnreachableError):
        open_catalog("rest", "c", hostile)


@pytest.mark.fault("F58")
def test_every_request_is_bounded_and_none_is_repeated(hostile: str) -> None:
    _Hostile.answers = {"/v1/config": _config()}
    lake = open_catalog("rest", "c", hostile)
    session = lake.catalog._session  # type: ignore[attr-defined]
    for scheme in ("http://", "https://"):
        adapter = session.get_adapter(scheme + "host")
        assert isinstance(adapter, bounds._Bounded)
        assert adapter.max_retries.total == 0
    assert (bounds.CONNECT_TIMEOUT_S, bounds.READ_TIMEOUT_S) == (5, 60)
    lake.close()


def test_an_address_without_a_scheme_is_wrong_at_once() -> None:
    with pytest.raises(BadValueError, match="http"):
        open_catalog("rest", "c", "localhost:8181")


def test_a_password_in_the_address_is_not_shown(hostile: str) -> None:
    _Hostile.answers = {"/v1/config": _config()}
    lake = open_catalog("rest", "c", hostile.replace("http://", "http://user:secret@"))
    assert "secret" not in lake.line() + repr(lake.uri)
    lake.close()
