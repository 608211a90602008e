"""An HTTP server of a test that answers as it is told: right, late, wrong, too much, or somewhere else.

Invariant: what it was asked for is kept, in order; `close` ends answers that are still held back."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

JSON = "application/vnd.schemaregistry.v1+json"


@dataclass(frozen=True)
class Answer:
    """`size`: so many bytes of a JSON text in place of `body`. `held`: nothing is answered until the stub's `release` is set;
    `dripping`: the headers come at once, the body then one byte at a time."""

    body: object = field(default_factory=dict)
    status: int = 200
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    held: bool = False
    dripping: bool = False

    @property
    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def missing(code: int, message: str = "not found") -> Answer:
    """A 404 in a registry's own words."""
    return Answer({"error_code": code, "message": message}, 404)


class StubHttp:
    """`answers[path]`, else `default`. A path stands for itself with every query, unless one with that query is there."""

    def __init__(self, *, certificate: tuple[Path, Path] | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.default = missing(40401)
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.release = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="stub-http")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def register(self, subject: str, id: int, text: str, kind: str = "AVRO") -> None:
        """As a registry: the schema has this id and is the newest version of its subject."""
        self.answers[f"/schemas/ids/{id}"] = schema_answer(text, kind)
        self.answers[f"/subjects/{subject}/versions/latest"] = schema_answer(text, kind, subject=subject, version=id, id=id)

    def answer_to(self, path: str) -> Answer:
        return self.answers.get(path) or self.answers.get(path.partition("?")[0]) or self.default

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> StubHttp:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def schema_answer(text: str, kind: str = "AVRO", **more: Any) -> Answer:
    return Answer({"schema": text, **({"schemaType": kind} if kind != "AVRO" else {}), **more})


def _handler(stub: StubHttp) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

        def do_GET(self) -> None:
            stub.asked.append(self.path)
            stub.headers.append(dict(self.headers))
            answer = stub.answer_to(self.path)
            if answer.held:
                stub.release.wait(60)
            try:
                self._say(answer)
            except OSError:
                return                        # the client has heard enough

        def _say(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if answer.size:
                self.wfile.write(b'{"schema": "')
                for _ in range(answer.size >> 16):
                    self.wfile.write(b"x" * (1 << 16))
                self.wfile.write(b'"}')
            elif answer.dripping:
                for byte in answer.data:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    if stub.release.wait(0.02):
                        return
            else:
                self.wfile.write(answer.data)

    return Handler
