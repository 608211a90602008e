"""Connection: one client from its first byte to its last.

Invariant: whatever ends it, the client's session ends with it, and a client that can still hear is told why."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from kshell.errors import Error
from kshell.serve.pgwire import login, messages
from kshell.serve.pgwire.backend import Backend
from kshell.serve.pgwire.channel import Channel, Gone
from kshell.serve.pgwire.codec import Cancel, ProtocolError, Startup
from kshell.serve.pgwire.dialogue import Dialogue
from kshell.serve.pgwire.sqlstate import ADMIN_SHUTDOWN, SHUTDOWN, fields_of, plain
from kshell.serve.pgwire.wire import Wire

if TYPE_CHECKING:
    from kshell.serve.client import Client
    from kshell.serve.pgwire.server import Server

GOODBYE_S = 1.0                                   # for a client to take the last words


class Connection:
    """`client` None: no session yet. `logged_in`: it has said its password."""

    def __init__(self, server: Server, wire: Wire) -> None:
        self._server, self._wire = server, wire
        self._dialogue: Dialogue | None = None
        self.client: Client | None = None
        self.logged_in = False

    async def run(self) -> None:
        """Until the client or the server ends it."""
        try:
            await self._run()
        except ProtocolError as broken:
            await self._fatal(plain(broken.sqlstate, broken.message, severity="FATAL"))
        except Error as refused:
            await self._fatal(fields_of(refused, severity="FATAL"))
        except (Gone, OSError, ssl.SSLError):     # a login that took too long is an OSError too
            self._wire.abort()
        except Exception as defect:  # noqa: BLE001  a defect of ours ends one connection, and not the server
            if self._server.host.closing:         # no worker takes anything any more
                await self._fatal(plain(ADMIN_SHUTDOWN, SHUTDOWN, severity="FATAL"))
            else:
                await self._fatal(plain("XX000", f"{type(defect).__name__}: {defect}", severity="FATAL"))
        finally:
            self._wire.close()

    async def _fatal(self, fields: dict[str, str]) -> None:
        self._wire.write(messages.error(fields))
        await self._wire.drain(GOODBYE_S)

    async def _run(self) -> None:
        async with asyncio.timeout(login.LOGIN_S):
            startup = await self._logged_in()
        if startup is None:
            return
        self.logged_in = True
        host = self._server.host
        self.client = client = await host.in_worker(host.admit, startup.parameters["user"], self._wire.address)
        try:
            channel = Channel(self._wire, host, client)
            backend = await host.in_worker(Backend.begun, client, login.asked(startup))
            self._dialogue = Dialogue(channel, backend)
            self._wire.write(messages.AUTHENTICATION_OK + backend.told() + messages.backend_key(client.id, client.secret_key))
            await self._dialogue.run()
        finally:
            if not host.closing:                  # else the host closes them all
                await host.in_worker(client.close)

    async def _logged_in(self) -> Startup | None:
        access = self._server.host.access
        first = await login.begin(self._wire, access)
        match first:
            case Cancel(process, key):
                self._server.cancel(process, key)
                return None
            case None:
                return None
        self._wire.write(login.negotiated(first))
        await login.authenticate(self._wire, access, self._server.verifier, first.parameters.get("user", ""))
        login.check_database(first, access)
        return first

    def cancel(self) -> None:
        if self._dialogue is not None:
            self._dialogue.cancel()

    def stop(self) -> None:
        """In the loop. A client that is not logged in yet is dropped."""
        if self._dialogue is None:
            self._wire.abort()
        else:
            self._dialogue.stop()
