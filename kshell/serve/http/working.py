"""Blocking work for one request, which ends when the client goes away.

Invariant: when `Work` is left, nothing of the request is running or open: its statement has been interrupted, its session is closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from kshell.serve.http.guard import address_of
from kshell.serve.workers import EndedError

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from kshell.query.result import Result
    from kshell.serve.client import Client
    from kshell.serve.host import Host

T = TypeVar("T")
STALLED_S = 60.0                              # that a client may leave what we send unread
_AGAIN_S = 0.05                               # between two interrupts: DuckDB forgets one between two calls


class GoneError(Exception):
    """The client has gone away, or does not read: nobody is left to answer."""


class Work:
    """A session for one request. `client` runs statements, in `do` only."""

    def __init__(self, host: Host, scope: Scope, receive: Receive, send: Send) -> None:
        self._host, self._scope, self._receive, self._send = host, scope, receive, send
        self._result: Result | None = None

    async def __aenter__(self) -> Self:
        self.client: Client = await self._host.in_worker(self._host.admit, self._host.access.user, address_of(self._scope))
        self._gone = asyncio.ensure_future(self._leaving())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.cancel()
        self.client.interrupt()
        try:
            await asyncio.shield(self._host.in_worker(self._close))
        except EndedError:                    # the server ends, and its workers with it
            self._close()

    def _close(self) -> None:
        if self._result is not None:
            self._result.close()
        self.client.close()

    async def _leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def holds(self, result: Result) -> Result:
        """A result that is read by `do` and ends with this work."""
        self._result = result
        return result

    async def do(self, call: Callable[..., T], *arguments: Any) -> T:
        """On a worker thread. GoneError when the client goes away meanwhile."""
        job = self.begin(call, *arguments)
        await self.finished(job)
        return job.result()

    def begin(self, call: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        return asyncio.ensure_future(self._host.in_worker(call, *arguments))

    async def finished(self, job: asyncio.Future[Any], timeout_s: float | None = None) -> bool:
        """False: not within the time, and the job goes on."""
        try:
            await asyncio.wait({job, self._gone}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._end(job)
            raise
        if self._gone.done():
            await self._end(job)
            raise GoneError
        return job.done()

    async def _end(self, job: asyncio.Future[Any]) -> None:
        while not job.done():
            self.client.interrupt()
            await asyncio.wait({job}, timeout=_AGAIN_S)
        with contextlib.suppress(Exception):  # whatever it says, nobody hears it
            job.exception()

    async def send(self, message: Message) -> None:
        """GoneError when it cannot be sent."""
        if self._gone.done():
            raise GoneError
        try:
            async with asyncio.timeout(STALLED_S):
                await self._send(message)
        except TimeoutError:
            raise GoneError from None


__all__ = ["STALLED_S", "GoneError", "Work"]
