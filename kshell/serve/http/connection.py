"""A connection of the HTTP server: uvicorn's, with bounds on what can be held open.

Invariant: there are at most MOST_CONNECTIONS, and one on which nothing is asked gives way to a new one; whoever has begun no request within
HEAD_S, or takes longer to send its head, is closed."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 256
HEAD_S = 10.0
HEAD_BYTES = 64 * 1024                        # of the request line and the headers
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\nretry-after: 1\r\n\r\n"


class Connection(H11Protocol):
    _late: asyncio.TimerHandle | None = None
    _refused = False
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if len(self.connections) >= MOST_CONNECTIONS and not self._made_room():
            self._refused = True
            transport.write(_FULL)
            transport.close()
            return
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._wait_for_head()

    def _made_room(self) -> bool:
        """Of those whose request is answered, or has not come, the one that waits longest is closed: silence keeps nobody out."""
        idle = [one for one in self.connections if isinstance(one, Connection) and (one.cycle is None or one.cycle.response_complete)]
        if not idle:
            return False
        longest = min(idle, key=lambda one: one._idle_since)
        self.connections.discard(longest)
        longest.transport.close()
        return True

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._idle_since = self.loop.time()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._no_longer()
        if not self._refused:
            super().connection_lost(exc)

    def _look(self) -> None:
        """A head that has begun is waited for; between two requests uvicorn waits."""
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if begun and not self.transport.is_closing():
            self._wait_for_head()
        else:
            self._no_longer()

    def _wait_for_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_S, self._too_late)

    def _no_longer(self) -> None:
        timer, self._late = self._late, None
        if timer is not None:
            timer.cancel()

    def _too_late(self) -> None:
        self.transport.close()


__all__ = ["HEAD_BYTES", "HEAD_S", "MOST_CONNECTIONS", "Connection"]
