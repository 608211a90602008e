"""Wire: one TCP or UNIX connection in the loop. Bytes in become frames, bytes out wait for the client to take them.

Invariant: at most one frame more than MAX_FRAME_BYTES is held of what the client sends ahead, the socket holds the rest; `lost` is set as
soon as the client is gone, also while a statement of his is running; nothing that was sent before TLS is read as if it had come inside."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import cast

from kshell.serve.pgwire.codec import MAX_FRAME_BYTES, Frame, Inbox, ProtocolError

_PAUSE_BYTES = 64 * 1024                          # of messages sent ahead of the one being answered
_WRITE_HIGH_BYTES = 256 * 1024                    # of answers that the client has not taken


class Wire(asyncio.Protocol):
    """Made by the loop's server; `connected` is called once, with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connected: Callable[[Wire], None]) -> None:
        self._loop, self._connected = loop, connected
        self._inbox = Inbox()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = False
        self._wanted = False                      # a frame is waited for that is not complete: the socket is read whatever its size
        self._stopped = False
        self._when_lost: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()
        self.encrypted = False

    # ---- called by the loop ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITE_HIGH_BYTES)
        _keep_alive(self._transport.get_extra_info("socket"))
        if not self.encrypted:
            self._connected(self)

    def data_received(self, data: bytes) -> None:
        self._inbox.feed(data)
        self._arrived.set()
        if not self._wanted and not self._paused and len(self._inbox) > _PAUSE_BYTES:
            self._paused = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self._gone()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _gone(self) -> None:
        if not self.lost.is_set() and self._when_lost is not None:
            self.lost.set()
            self._when_lost()
        self.lost.set()
        self._arrived.set()
        self._writable.set()

    def when_lost(self, call: Callable[[], None]) -> None:
        """`call` once, in the loop, as soon as the client is gone."""
        self._when_lost = call

    # ---- reading -----------------------------------------------------------------------------------------------------

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None, "a connection that was made has a transport"
        return self._transport

    async def startup(self) -> bytes | None:
        """The body of a first message; None: the client went away."""
        while (body := self._inbox.startup()) is None:
            if not await self._more():
                return None
        return body

    async def frame(self, most: int = MAX_FRAME_BYTES) -> Frame | None:
        """The next message; None: the client went away."""
        while (frame := self._inbox.frame(most)) is None:
            if not await self._more():
                return None
        return frame

    def peek(self) -> bytes | None:
        """The kind of the message after this one, if the client has sent it already."""
        return self._inbox.next_kind()

    async def _more(self) -> bool:
        self._arrived.clear()
        self._wanted = True
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        try:
            if not (self.lost.is_set() or self._stopped):
                await self._arrived.wait()
        finally:
            self._wanted = False
        return not (self.lost.is_set() or self._stopped)

    def stop_reading(self) -> None:
        """Whoever waits for a message gets None, as from a client that went away."""
        self._stopped = True
        self._arrived.set()

    # ---- writing -----------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if data and not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self, within_s: float | None = None) -> None:
        """Return when the client has taken enough of what was written. One that takes nothing within the time is dropped."""
        try:
            await asyncio.wait_for(self._writable.wait(), within_s)
        except TimeoutError:
            self.abort()

    async def start_tls(self, context: ssl.SSLContext, within_s: float) -> None:
        if len(self._inbox):
            raise ProtocolError("received unencrypted data after the request for SSL")
        upgraded = await self._loop.start_tls(self.transport, self, context, server_side=True, ssl_handshake_timeout=within_s)
        self.encrypted = True
        self.connection_made(cast("asyncio.BaseTransport", upgraded))

    def close(self) -> None:
        """End after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._gone()

    @property
    def local(self) -> bool:
        """Through a UNIX socket, which only the user of the process can open."""
        return not isinstance(self.transport.get_extra_info("peername"), tuple)

    @property
    def address(self) -> str:
        """Of the client, without its port: failed logins are counted by it."""
        return "local" if self.local else str(self.transport.get_extra_info("peername")[0])


def _keep_alive(own: socket.socket) -> None:
    """A client whose machine is gone without a word is noticed within two minutes."""
    if own.family == socket.AF_UNIX:
        return
    own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if (option := getattr(socket, name, None)) is not None:
            own.setsockopt(socket.IPPROTO_TCP, option, value)
