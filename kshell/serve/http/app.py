"""The paths of the server, and what becomes of errors that a path raises.

Invariant: every request is answered with rows, text or an error object; nothing raised reaches the server underneath."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from kshell.errors import Error, NotFoundError, RefusedError, did_you_mean
from kshell.serve.http import body
from kshell.serve.http.answers import Refusal, failed
from kshell.serve.http.guard import OPEN, Guard
from kshell.serve.http.health import Health
from kshell.serve.http.metrics import Metrics
from kshell.serve.http.query import Query
from kshell.serve.http.tail import Tails
from kshell.serve.http.working import GoneError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from kshell.serve.host import Host


def app(host: Host) -> ASGIApp:
    paths: dict[str, tuple[ASGIApp, str]] = {
        OPEN: (Health(host), "GET"), "/metrics": (Metrics(host), "GET"), "/query": (Query(host), "POST"),
        "/tail/{source}": (Tails(host), "GET")}
    routes = [Route(path, _Answered(endpoint), methods=[method]) for path, (endpoint, method) in paths.items()]
    routes[-1].methods = {"GET"}              # no HEAD: it would follow and send nothing
    return Guard(Starlette(routes=routes, exception_handlers={HTTPException: _no_such}), host.access)


class _Answered:
    """A path whose errors become answers."""

    def __init__(self, path: ASGIApp) -> None:
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._path(scope, receive, send)
        except (GoneError, ClientDisconnect):
            return
        except Exception as raised:  # noqa: BLE001  whatever it was, it is an answer
            with contextlib.suppress(Exception):      # unless one has begun: it breaks off
                await _answer(failed(raised), Request(scope, receive), send)


async def _answer(response: Response, request: Request, send: Send) -> None:
    start = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
    await send(start)
    if response.headers.get("connection") == "close":
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        await body.leave(request)
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.body", "body": response.body})


async def _no_such(request: Request, raised: Exception) -> Response:
    """A path or a method that there is none of."""
    assert isinstance(raised, HTTPException)
    if raised.status_code == 405:
        allowed = (raised.headers or {}).get("Allow", "")
        error: Error = RefusedError(f"{request.method} is not for {request.url.path}", hint=f"it takes {allowed}" if allowed else None)
    else:
        known = ("/query", "/metrics", OPEN, "/tail/orders")
        error = NotFoundError(f"there is no {request.url.path}", hint=did_you_mean(request.url.path, known) or f"one of {', '.join(known)}")
    return failed(Refusal(raised.status_code, error, dict(raised.headers or {})))


__all__ = ["app"]
