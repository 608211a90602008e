"""The PostgreSQL wire protocol, so that dashboards and drivers read what this process holds.

    Wire: bytes <-> frames          codec, messages: frames <-> values
    Connection: login, then Dialogue: one message after another, by simple and extended
    Backend: one session, on worker threads; Sending: its answers as messages

Does: protocol. Does not: judge or run a statement; that is the client's session. Invariant: nothing blocks the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.serve.pgwire.server import Server

if TYPE_CHECKING:
    from kshell.serve.host import Host


async def start(host: Host) -> Server:
    """In the loop. ConflictError when the address is taken."""
    server = Server(host)
    await server.listen()
    return server


__all__ = ["Server", "start"]
