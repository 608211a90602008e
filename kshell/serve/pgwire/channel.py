"""Channel: what the answers to one client go through. Bytes out are collected and wait for the client; what blocks runs on a worker.

Invariant: an interrupt ends the statement that is running when it comes, and never one that begins later; a client that is gone, or takes
nothing for as long as a statement may run, ends it too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from kshell.errors import LimitError
from kshell.serve.pgwire.sqlstate import ADMIN_SHUTDOWN, SHUTDOWN, StateError
from kshell.serve.pgwire.wire import Wire

if TYPE_CHECKING:
    from kshell.serve.client import Client
    from kshell.serve.host import Host

T = TypeVar("T")
OUT_BYTES = 64 * 1024                             # that are collected before they are sent without being asked for
LARGE_CHARACTERS = 4096                           # of a text that is read on a worker, so that no other client waits for it
_REPEAT_S = 0.05                                  # DuckDB forgets an interrupt that falls between two of its calls


class Gone(Exception):
    """The client has closed its connection, or does not take what it asked for."""


class Channel:
    def __init__(self, wire: Wire, host: Host, client: Client) -> None:
        self.wire, self._host, self._client = wire, host, client
        self._out = bytearray()
        self._running: object | None = None       # the statement that may be interrupted
        self._interrupting: asyncio.Task[None] | None = None
        wire.when_lost(self.interrupt)

    # ---- bytes out ---------------------------------------------------------------------------------------------------

    async def put(self, data: bytes) -> None:
        self._out += data
        if len(self._out) >= OUT_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Send what is collected; return when the client has taken enough of it."""
        self.wire.write(bytes(self._out))
        self._out.clear()
        await self.wire.drain(self._host.limits.statement_timeout_s)
        self.check()

    def check(self) -> None:
        if self.wire.lost.is_set():
            raise Gone

    # ---- work --------------------------------------------------------------------------------------------------------

    async def work(self, call: Callable[..., T], *arguments: object) -> T:
        """What blocks. Within `statement` it can be interrupted."""
        self.check_ending()
        done = await self._host.in_worker(call, *arguments)
        self.check()
        return done

    def check_ending(self) -> None:
        """Raises StateError when the server ends: nothing begins any more, and what was interrupted was so because of it."""
        if self._host.closing:
            raise StateError(ADMIN_SHUTDOWN, SHUTDOWN)

    async def read(self, text: str, call: Callable[[str], T]) -> T:
        """What takes as long as the text is. LimitError for one that nobody runs."""
        most = self._host.limits.max_statement_bytes
        if len(text.encode("utf-8", "surrogatepass")) > most:
            raise LimitError(f"the statement is larger than {most} bytes", hint="send the values as parameters")
        return call(text) if len(text) < LARGE_CHARACTERS else await self.work(call, text)

    @contextmanager
    def statement(self) -> Iterator[None]:
        """One statement, from its start to its last row."""
        mark = self._running = object()
        self.check()
        try:
            yield
        finally:
            if self._running is mark:
                self._running = None

    def interrupt(self) -> None:
        """End the statement that is running, if there is one. Called in the loop."""
        running = self._running
        if running is not None and (self._interrupting is None or self._interrupting.done()):
            self._interrupting = asyncio.ensure_future(self._repeat(running))

    async def _repeat(self, running: object) -> None:
        while self._running is running:
            self._client.interrupt()
            await asyncio.sleep(_REPEAT_S)
