"""GET /healthz: whether this process does its work; for whoever starts, watches and restarts it.

Invariant: it needs no token, so it tells little and costs little: the engine is asked once a second at most, however many ask."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from starlette.responses import Response

from kshell.errors import Error
from kshell.serve.http.answers import JSON

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from kshell.serve.host import Host

FRESH_S = 1.0                                 # that an answer of the engine is believed
PATIENCE_S = 5.0                              # that it may take


class Health:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._asking = asyncio.Lock()
        self._answered = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = await self._reason()
        told = {"status": "ok"} if reason is None else {"status": "failed", "reason": reason}
        await Response(json.dumps(told) + "\n", 200 if reason is None else 503, {"cache-control": "no-store"}, JSON)(scope, receive, send)

    async def _reason(self) -> str | None:
        """Why it does not; None: it does."""
        failure = self._host.session.failure()
        if failure is not None:
            return failure.message
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._ask()
        except Error as error:
            return error.message
        except TimeoutError:
            return f"the engine gives no answer within {PATIENCE_S:g} s"
        return None

    async def _ask(self) -> None:
        async with self._asking:
            if time.monotonic() - self._answered > FRESH_S:
                await self._host.in_worker(self._answer)
                self._answered = time.monotonic()

    def _answer(self) -> None:
        remote = self._host.session.remote()
        try:
            remote.run("SELECT 1", timeout_s=PATIENCE_S).fetchall()
        finally:
            remote.close()


__all__ = ["FRESH_S", "PATIENCE_S", "Health"]
