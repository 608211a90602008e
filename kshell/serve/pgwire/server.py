"""Server: listens, makes a connection of each client, ends them all.

Invariant: `stop` returns with every connection ended and every socket closed."""

from __future__ import annotations

import asyncio
import hmac
import socket
from typing import TYPE_CHECKING

from kshell.options import reveal
from kshell.serve import addresses
from kshell.serve.pgwire import messages
from kshell.serve.pgwire.compat import install
from kshell.serve.pgwire.connection import Connection
from kshell.serve.pgwire.scram import Verifier
from kshell.serve.pgwire.sqlstate import plain
from kshell.serve.pgwire.wire import Wire

if TYPE_CHECKING:
    from kshell.serve.host import Host

SPARE_CONNECTIONS = 32                            # beside one for each session: clients that log in, requests to cancel


class Server:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.address = host.access.address
        self.verifier = Verifier(reveal(host.access.password))
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._listening: list[asyncio.Server] = []

    async def listen(self) -> None:
        await self.host.in_worker(install, self.host.session.engine)
        for one in self.host.access.listen():
            create = self.host.loop.create_unix_server if one.family == socket.AF_UNIX else self.host.loop.create_server
            self._listening.append(await create(self._wire, sock=one))
            if one.family != socket.AF_UNIX:
                self.address = self.address.replace(addresses.shown(self.host.access.host, 0), addresses.shown(*one.getsockname()[:2]))

    def _wire(self) -> Wire:
        return Wire(self.host.loop, self._connected)

    def _connected(self, wire: Wire) -> None:
        if len(self._connections) >= self.host.limits.max_sessions + SPARE_CONNECTIONS and not self._made_room():
            wire.write(messages.error(plain("53300", "too many connections", severity="FATAL")))
            wire.close()
            return
        connection = Connection(self, wire)
        task = self.host.loop.create_task(connection.run())
        self._connections[connection] = task
        task.add_done_callback(lambda _: self._connections.pop(connection, None))

    def _made_room(self) -> bool:
        """Whoever has not logged in yet and came first gives way: connections that say nothing keep nobody out."""
        silent = next((connection for connection in self._connections if not connection.logged_in), None)
        if silent is not None:
            self._connections.pop(silent).cancel()
            silent.stop()
        return silent is not None

    def cancel(self, process: int, key: bytes) -> None:
        """Of whom, only the key tells; whether there was such a statement is not answered."""
        for connection in self._connections:
            client = connection.client
            if client is not None and client.id == process and hmac.compare_digest(client.secret_key.to_bytes(4, "big"), key):
                connection.cancel()

    async def stop(self, timeout_s: float) -> None:
        self.host.closing = True
        for listening in self._listening:
            listening.close()
        for connection in list(self._connections):
            connection.stop()
        tasks = list(self._connections.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
