"""The beginning of a connection: TLS, protocol version, who it is.

1. SSLRequest, GSSENCRequest: one byte answers  2. CancelRequest: done  3. StartupMessage  4. the password, by SCRAM  5. the database's name

Invariant: nothing of the process is told, or done, before step 4 has succeeded; a whole login takes at most LOGIN_S."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from kshell.serve.pgwire import codec, messages
from kshell.serve.pgwire.codec import MAX_LOGIN_BYTES, Cancel, Encryption, ProtocolError, Startup
from kshell.serve.pgwire.scram import MECHANISM, Verifier
from kshell.serve.pgwire.sqlstate import INVALID_CATALOG_NAME, INVALID_PASSWORD, StateError
from kshell.serve.pgwire.wire import Wire

if TYPE_CHECKING:
    from kshell.serve.access import Access

LOGIN_S = 30.0
DELAY_S = 1.0                                     # before each attempt of an address from which too many have failed
_INVALID_AUTHORIZATION = "28000"
_DATABASES = ("memory", "kshell")
_OPTION = re.compile(r"(?:-c\s*|--)([\w.-]+)=((?:\\.|\S)*)")
_EXTENSION = "_pq_."                              # names of protocol options begin so


async def begin(wire: Wire, access: Access) -> Startup | Cancel | None:
    """The first message that is not about encryption; None: the client went away."""
    while True:
        body = await wire.startup()
        if body is None:
            return None
        match codec.first(body):
            case Encryption(kind):
                await _answer_encryption(wire, access, kind)
            case first:
                return first


async def _answer_encryption(wire: Wire, access: Access, kind: str) -> None:
    if kind == "gss" or access.tls is None or wire.encrypted or wire.local:
        wire.write(b"N")
        return
    wire.write(b"S")
    await wire.start_tls(access.tls, LOGIN_S)


def negotiated(startup: Startup) -> bytes:
    """What the client is told about its version of the protocol and options that are not known here."""
    if startup.major != 3:
        raise ProtocolError(f"unsupported frontend protocol {startup.major}.{startup.minor}: server supports 3.0 to 3.0", sqlstate="0A000")
    options = [name for name in startup.parameters if name.startswith(_EXTENSION)]
    return messages.negotiate_version(0, options) if startup.minor or options else b""


async def authenticate(wire: Wire, access: Access, verifier: Verifier, user: str) -> None:
    """Raises StateError for whoever is not the user of this server."""
    if not user:
        raise StateError(_INVALID_AUTHORIZATION, "no PostgreSQL user name specified in startup packet")
    if access.tls is not None and not (wire.encrypted or wire.local or access.insecure):
        raise StateError(_INVALID_AUTHORIZATION, "this server wants TLS", hint="sslmode=require")
    if access.may_try(wire.address) > 0:          # the password opens all the same, so that others on a machine cannot lock it out
        await asyncio.sleep(DELAY_S)
    if not await _proven(wire, access, verifier, known=user == access.user):
        access.failed(wire.address)
        raise StateError(INVALID_PASSWORD, f'password authentication failed for user "{user}"',
                         hint="SHOW SERVERS in kshell names the user and the file that holds the password")


async def _proven(wire: Wire, access: Access, verifier: Verifier, *, known: bool) -> bool:
    """A client that answers with its password instead of SCRAM is heard inside TLS only."""
    wire.write(messages.sasl_mechanisms([MECHANISM]))
    body = await _response(wire)
    if wire.encrypted and body.find(b"\0") == len(body) - 1:
        return access.accepts(codec.password(body)) and known
    mechanism, data = codec.sasl_initial(body)
    if mechanism != MECHANISM:
        raise ProtocolError(f"the client selected {mechanism[:40]!r}, which was not offered")
    exchange = verifier.exchange(known=known)
    first = exchange.first(data)
    if first is None:
        return False
    wire.write(messages.sasl_continue(first))
    final = exchange.final(await _response(wire))
    if final is None:
        return False
    wire.write(messages.sasl_final(final))
    return True


async def _response(wire: Wire) -> bytes:
    frame = await wire.frame(MAX_LOGIN_BYTES)
    if frame is None:
        raise ConnectionAbortedError
    if frame.kind != b"p":
        raise ProtocolError("expected a password response")
    return frame.body


def asked(startup: Startup) -> dict[str, str]:
    """The settings that a client begins with: its own parameters, and `-c name=value` in `options`."""
    found = _OPTION.findall(startup.parameters.get("options", ""))
    return {name.replace("-", "_"): re.sub(r"\\(.)", r"\1", value) for name, value in found} | startup.parameters


def check_database(startup: Startup, access: Access) -> None:
    """libpq takes the user's name where none is given."""
    name = startup.parameters.get("database") or _DATABASES[0]
    if name not in (*_DATABASES, access.user):
        raise StateError(INVALID_CATALOG_NAME, f'database "{name}" does not exist', hint="the database is called memory, or kshell")
