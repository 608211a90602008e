"""HTTP: queries, metrics, health and rows as they arrive, for Prometheus, curl, browsers and whatever speaks JSON.

Does: start, listen, stop. Does not: print, install signal handlers, keep a log of requests; statements are in the server's audit log.
Invariant: a connection that sends nothing, or too slowly, is closed; there are never more than MOST_CONNECTIONS."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import uvicorn

from kshell.serve.http.app import app
from kshell.serve.http.connection import HEAD_BYTES, Connection

if TYPE_CHECKING:
    from kshell.serve.host import Host

_IDLE_S = 60                                  # that a connection may stay open between two requests
_GRACE_S = 1                                  # that an answer may take when the server ends
log = logging.getLogger("uvicorn")
log.addHandler(logging.NullHandler())         # without one, warnings would go to stderr
log.propagate = False


class Running:
    def __init__(self, host: Host) -> None:
        scheme = "https" if host.access.tls else "http"
        self.address = f"{scheme}://{host.access.address}" if host.access.host else host.access.address
        config = uvicorn.Config(app(host), http=Connection, ws="none", lifespan="off", interface="asgi3", log_config=None, access_log=False,
                                proxy_headers=False, server_header=False, h11_max_incomplete_event_size=HEAD_BYTES,
                                timeout_keep_alive=_IDLE_S, timeout_graceful_shutdown=_GRACE_S)
        config.load()
        config.ssl = host.access.tls
        self._server = uvicorn.Server(config)
        self._serving = asyncio.ensure_future(self._server.serve(host.access.listen()))

    async def listening(self) -> None:
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.005)

    async def stop(self, timeout_s: float) -> None:
        self._server.should_exit = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._serving), timeout_s)
        if not self._serving.done():
            self._server.force_exit = True
            self._serving.cancel()


async def start(host: Host) -> Running:
    running = Running(host)
    await running.listening()
    return running


__all__ = ["start"]
