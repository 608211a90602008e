"""Who may ask: the page a request comes from, the name it was sent to, and its token, before anything else looks at it.

1. Host: a name of this server, so that a page whose name was pointed here (DNS rebinding) reaches nothing
2. Origin: none, or one that is listed
3. the token, compared in constant time; an address that failed too often is made to wait

Invariant: nothing runs and no body is read before all three have passed; only the health check needs no token."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from kshell.errors import RefusedError
from kshell.serve.http.answers import Refusal, failed, retry_after

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from kshell.serve.access import Access

OPEN = "/healthz"
DELAY_S = 1.0                                 # of each attempt from an address that failed too often
MOST_DELAYED = 16                             # attempts that wait at a time; one more is sent away
_SCHEME = "bearer "
_SHOWN = "Kshell-Live-Rows, Kshell-Snapshot-Id, Kshell-Freshness-Seconds"
_PREFLIGHT = {"access-control-allow-methods": "GET, POST", "access-control-max-age": "600",
              "access-control-allow-headers": "authorization, content-type, last-event-id"}


class Guard:
    """Around the application."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access
        self._delayed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        try:
            self._check_host(headers)
            self._check_origin(origin)
            if origin is not None and scope["method"] == "OPTIONS":
                await Response(status_code=204, headers=_PREFLIGHT | _allowing(origin))(scope, receive, send)
                return
            if scope["path"] != OPEN:
                await self._check_token(headers, address_of(scope))
        except Refusal as refusal:
            await failed(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send if origin is None else _sending(send, origin))

    def _check_host(self, headers: Headers) -> None:
        if not self._is_ours(headers.get("host", "")):
            raise Refusal(403, RefusedError("this server has another name", hint=f"ask {self._access.address}"))

    def _is_ours(self, host: str) -> bool:
        """Only a server that this machine alone can reach has names to compare: another one is reached under names that it does not know,
        and there the certificate is what a page of another name does not have."""
        listens = self._access.host
        if not listens:                       # no browser asks a UNIX socket
            return True
        name = _name(host)
        return not _is_loopback(listens) or name == listens.lower() or _is_loopback(name)

    def _check_origin(self, origin: str | None) -> None:
        if origin is not None and origin not in self._access.allow_origin:
            raise Refusal(403, RefusedError("pages of this origin may not ask", hint="allow_origin := ['https://host'] lets them"))

    async def _check_token(self, headers: Headers, address: str) -> None:
        given = headers.get("authorization", "")
        if given[:len(_SCHEME)].lower() != _SCHEME:
            raise _unauthorized("a token is needed")
        await self._delay(self._access.may_try(address))
        if not self._access.accepts(given[len(_SCHEME):].strip()):
            self._access.failed(address)
            raise _unauthorized("the token is wrong")

    async def _delay(self, wait_s: float) -> None:
        """Who failed too often waits before each attempt, whatever token it brings: requests of others behind the same address go on."""
        if wait_s <= 0:
            return
        if self._delayed >= MOST_DELAYED:
            raise Refusal(429, RefusedError("too many wrong tokens came from this address"), retry_after(wait_s))
        self._delayed += 1
        try:
            await asyncio.sleep(min(wait_s, DELAY_S))
        finally:
            self._delayed -= 1


def address_of(scope: Scope) -> str:
    """Of the client; of one that came through a UNIX socket there is none."""
    client = scope.get("client")
    return str(client[0]) if client else "local"


def _unauthorized(message: str) -> Refusal:
    hint = "send the header Authorization: Bearer <token>; SHOW SERVERS names its file"
    return Refusal(401, RefusedError(message, hint=hint), {"www-authenticate": "Bearer"})


def _name(host: str) -> str:
    """The name in a Host header; empty where it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _allowing(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin, "access-control-expose-headers": _SHOWN, "vary": "Origin"}


def _sending(send: Send, origin: str) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_allowing(origin))
        await send(message)

    return told


__all__ = ["DELAY_S", "MOST_DELAYED", "OPEN", "Guard", "address_of"]
