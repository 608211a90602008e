"""The body of a request, up to a limit.

Invariant: no more than MOST_BYTES of it are in memory, and who sends slowly is not waited for longer than SLOWEST_S."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from kshell.errors import BadValueError, DeadlineError, LimitError
from kshell.serve.http.answers import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_BYTES = 1 << 20
SLOWEST_S = 10.0
_FAREWELL_S, _FAREWELL_BYTES = 2.0, 16 << 20      # that is read and thrown away, so that a client that still sends gets to see the answer


async def read(request: Request) -> bytes:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, BadValueError("the body is encoded", hint="send it as it is, without Content-Encoding"))
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MOST_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(SLOWEST_S):
            return await _collected(request)
    except TimeoutError:
        raise Refusal(408, DeadlineError(f"the body did not come within {SLOWEST_S:g} s"), {"connection": "close"}) from None


async def _collected(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise _too_large()
        parts.append(part)
    return b"".join(parts)


def _too_large() -> Refusal:
    return Refusal(413, LimitError(f"the body is larger than {MOST_BYTES} bytes", hint="send values as params, or read them from a table"),
                   {"connection": "close"})


async def leave(request: Request) -> None:
    """Read on for a moment: a connection that is closed while the client still sends is reset, and the answer is lost with it."""
    read_bytes = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            while read_bytes < _FAREWELL_BYTES:
                message = await request.receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
                read_bytes += len(message.get("body", b""))


__all__ = ["MOST_BYTES", "SLOWEST_S", "leave", "read"]
