"""Quack, DuckDB's own protocol: the extension listens, and what its clients may do is asked of us.

1. `door` stands where the extension asks: may this client come in, may this statement run  2. `guests` are its sessions, as ours
3. `answers` are the statements that run instead of what kshell adds to SQL and of what ATTACH asks

Does: start, stop. Does not: see rows or the end of a statement; those are between the extension and its client.
Invariant: the door stands before the extension listens, and stays shut when it does not any more."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import duckdb_extension_quack  # noqa: F401  it, and numpy for functions in Python, belong to the extra
import numpy  # noqa: F401

from kshell.engine import QUACK_GATE, QUACK_LOGIN, Engine
from kshell.errors import BadValueError, RefusedError
from kshell.options import reveal
from kshell.serve.host import Host
from kshell.serve.quack.door import Door
from kshell.serve.quack.guests import Guests

_SHORTEST = 4                                     # characters of a token, by the extension's own rule
# DuckDB holds no reference to a function in Python beyond the connection that made it, and a request on its way may still call it
_DOORS: list[Callable[..., object]] = []


def start(host: Host) -> Listening:
    access = host.access
    token = reveal(access.password)
    if len(token) < _SHORTEST:
        raise BadValueError(f"a token has {_SHORTEST} characters or more", hint="leave token out, and a random one is made")
    engine = host.session.engine
    engine.need_quack()
    return Listening(engine, host, f"quack:{_shown(access.host)}:{access.port}", token)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class Listening:
    """A server that runs. `address` is what ATTACH takes."""

    def __init__(self, engine: Engine, host: Host, uri: str, token: str) -> None:
        self.address = uri
        self._cursor = engine.cursor()
        self._made: list[str] = []
        self._guests = Guests(host, engine, uri)
        self._door = Door(self._guests)
        try:
            self._make(QUACK_LOGIN, self._door.login, ["VARCHAR"] * 3, "BOOLEAN")
            self._make(QUACK_GATE, self._door.judge, ["VARCHAR"] * 2, "VARCHAR")
            self._cursor.execute("CALL quack_serve(?, token => ?, allow_other_hostname => ?)", [uri, token, host.access.insecure])
        except duckdb.Error:
            self._close()
            raise RefusedError(f"quack cannot listen on {uri}", hint="port := another one") from None
        self._guests.watch()

    def _make(self, name: str, function: Callable[..., object], takes: list[str], gives: str) -> None:
        """Called once a statement, when that runs: what has side effects is not computed ahead of it."""
        _DOORS.append(function)
        self._cursor.create_function(name, function, [duckdb.sqltype(t) for t in takes], duckdb.sqltype(gives), side_effects=True)
        self._made.append(name)

    def stop(self, timeout_s: float) -> None:
        """No new client, and no statement any more of those there are. What is running goes on to its end, and its client gets it."""
        self._door.shut()
        self._cursor.execute("CALL quack_stop(?)", [self.address])
        self._guests.end(timeout_s)
        self._close()

    def _close(self) -> None:
        self._door.shut()
        for name in self._made:
            self._cursor.remove_function(name)
        self._cursor.close()


__all__ = ["Listening", "start"]
