"""SCRAM-SHA-256 of one login (RFC 5802, RFC 7677), by scramp. No I/O.

Invariant: the password of the server never leaves the process, and a wrong proof, a wrong order and a broken message are one and the same
refusal. A login as another user runs the same exchange with a password that nobody knows, so that names cannot be told apart by it."""

from __future__ import annotations

import re
import secrets

import scramp

MECHANISM = "SCRAM-SHA-256"
_EMPTY_NAME = re.compile(r"(?P<header>[^,]*,[^,]*,)n=,")
_ANY_NAME = "user"


class Verifier:
    """What is kept of a password: salt, iterations and two keys, derived once when the server starts."""

    def __init__(self, password: str) -> None:
        self._mechanism = scramp.ScramMechanism(MECHANISM)
        self._known = self._mechanism.make_auth_info(password)
        self._unknown = self._mechanism.make_auth_info(secrets.token_urlsafe(32))

    def exchange(self, *, known: bool) -> Exchange:
        """`known`: the user exists."""
        kept = self._known if known else self._unknown
        return Exchange(self._mechanism.make_server(lambda _: kept))


class Exchange:
    """`first`, then `final`. Each gives the server's data, or None: the login has failed."""

    def __init__(self, server: scramp.core.ScramServer) -> None:
        self._server = server

    def first(self, data: bytes) -> str | None:
        try:
            self._set_first(data.decode())
            return str(self._server.get_server_first())
        except (scramp.ScramException, ValueError, LookupError):
            return None

    def _set_first(self, message: str) -> None:
        """PostgreSQL's clients leave the name empty, since the startup message has it, and scramp takes no empty name: it reads another
        one. The proof is over the message as it was sent."""
        found = _EMPTY_NAME.match(message)
        if found is None:
            self._server.set_client_first(message)
            return
        header, bare = message[:found.end("header")], message[found.end("header"):]
        self._server.set_client_first(f"{header}n={_ANY_NAME}{bare[len('n='):]}")
        self._server.client_first_bare = bare

    def final(self, data: bytes) -> str | None:
        try:
            self._server.set_client_final(data.decode())
            return str(self._server.get_server_final())
        except (scramp.ScramException, ValueError, LookupError):
            return None
