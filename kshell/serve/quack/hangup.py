"""End a session of the extension from our side: it offers no call for that, so we send what its client would send.

Invariant: it is sent to our own server, which may be ending; whatever becomes of it is no error."""

from __future__ import annotations

import contextlib
import http.client

_TIMEOUT_S = 2.0
# Fields by number (2 bytes), each followed by its value; FF FF ends an object. 1: the kind of message, 11 is DISCONNECT; 2: the session,
# with its length; 3: the number of the client's query, here none.
_HEAD = b"\x01\x00\x0b\x02\x00"
_TAIL = b"\x03\x00" + b"\xff" * 9 + b"\x01" + b"\xff\xff" + b"\xff\xff"


def message(session: str) -> bytes:
    name = session.encode()
    return _HEAD + bytes([len(name)]) + name + _TAIL


def hang_up(host: str, port: int, session: str) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("POST", "/quack", message(session), {"Content-Type": "application/octet-stream"})
        connection.getresponse().read()
