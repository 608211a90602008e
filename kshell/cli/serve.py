"""`kshell serve`: the servers that a command line names, started once its script has run.

Invariant: an address that may not be served is told, with exit code 2, before the script runs; nothing listens before it has run."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from kshell.cli.flags import RefusedUsage
from kshell.errors import Error, RefusedError, UsageError
from kshell.output import printable

if TYPE_CHECKING:
    from kshell.cli.flags import Flags
    from kshell.options import Parsed
    from kshell.session import Session

_ADDRESS = re.compile(r"(?:(?P<host>\[[^\]]+\]|[^\[\]:]+):)?(?P<port>\d{1,5})")
_OUT = "give --tls-cert FILE, --tls-key FILE and --token-file FILE, or --insecure, which SHOW SERVERS shows"
_OUT_OF_QUACK = "let a TLS proxy listen there and ask localhost, or --insecure serves it in the clear"


def wanted(flags: Flags) -> list[tuple[str, Parsed]]:
    """(kind, arguments) of the servers that the flags name. UsageError for what may not be."""
    found = [(kind, _arguments(kind, address, flags)) for kind, address in flags.servers]
    if flags.command == "serve":
        from kshell.serve import access

        for kind, given in found:
            try:
                access.check(kind, given)
            except RefusedError as refused:
                raise RefusedUsage(refused.message, hint=_OUT_OF_QUACK if kind == "quack" else _OUT) from None
            except Error as wrong:
                raise UsageError(wrong.message, hint=wrong.hint) from None
    return found


def start(session: Session, flags: Flags, servers: list[tuple[str, Parsed]]) -> None:
    """Those of the flags, or pgwire where neither they nor the script name any."""
    if not servers and not session.servers.rows():
        servers = [("pgwire", _arguments("pgwire", "", flags))]
    for kind, given in servers:
        session.serve(kind, given)


class HangUp:
    """SIGHUP: where a server has a certificate it is read again; else the signal does what it did before."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._came = threading.Event()
        self._before: Any = signal.SIG_DFL

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._before = signal.signal(signal.SIGHUP, self._arrived)
        try:
            yield
        finally:
            signal.signal(signal.SIGHUP, self._before)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if any(row["tls"] for row in self._session.servers.rows()):
            self._came.set()
        elif callable(self._before):
            self._before(number, frame)
        elif self._before == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def read_certificates(self) -> None:
        """Where the signal has come. What does not fit is told, and the servers go on with what they have."""
        if self._came.is_set():
            self._came.clear()
            for line in self._session.servers.read_certificates():
                print(f"warning: {printable(line)}", file=sys.stderr, flush=True)


def _arguments(kind: str, address: str, flags: Flags) -> Parsed:
    """The arguments of kshell_serve that stand for an address and the flags beside it."""
    from kshell.lang import declared
    from kshell.options import RawOption, Span, canonical

    values: dict[str, Any] = _place(kind, address)
    if kind != "quack":
        values |= {"tls_cert": flags.tls_cert, "tls_key": flags.tls_key}
    values |= {"token_file": flags.token_file, "insecure": flags.insecure or None}
    nowhere = Span(0, 0)
    raw = [RawOption(canonical(name), name, value, nowhere, nowhere) for name, value in values.items() if value is not None]
    try:
        return declared.SERVERS[kind].parse(tuple(raw))
    except Error as wrong:
        raise UsageError(f"--{kind} {address}: {wrong.message}", hint=wrong.hint) from None


def _place(kind: str, address: str) -> dict[str, Any]:
    """HOST:PORT, PORT, HOST, or the path of a UNIX socket."""
    if "/" in address:
        return {"socket": address.removeprefix("unix:")}
    if not address:
        return {}
    if found := _ADDRESS.fullmatch(address):
        return {"host": found["host"].strip("[]") if found["host"] else None, "port": int(found["port"])}
    if ":" in address.strip("[]") and not address.startswith("["):
        raise UsageError(f"--{kind} takes HOST:PORT, a port or the path of a socket, not {address}", hint=f"--{kind} 127.0.0.1:5433")
    return {"host": address.strip("[]")}
