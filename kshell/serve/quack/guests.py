"""Guests: the sessions of the extension's clients, each with a session of ours beside it.

Invariant: a session that the extension does not have any more costs nothing here after a second or two; a result that a client leaves open
longer than `statement_timeout` ends with its session, because it pins what ingestion has dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb

from kshell.engine import Engine
from kshell.errors import Error, LimitError, ReadOnlyError, RefusedError
from kshell.lang.statements import Describe, DuckStatement, Show, ShowCreate, Statement
from kshell.lang.tokens import tokens
from kshell.serve.client import Client, without_literals
from kshell.serve.host import QUEUE_S, Host
from kshell.serve.quack import answers
from kshell.serve.quack.hangup import hang_up

ADDRESS = "localhost"                             # the extension does not tell where a client is
_LOOK_S = 1.0
_TURN_S = 0.05
_IDLE_S = 60.0                                    # after which a session gives way where there are too many
_COMES_S = 10.0                                   # from the login until the extension lists a session
_MOST_DELAY_S = 5.0                               # of a wrong token; the connection is held that long
_OPEN = ("SELECT connection_id, state = 'active', epoch(query_started_at) FROM quack_active_connections() WHERE server_id = ?")


@dataclass(slots=True)
class Guest:
    client: Client
    used: float = field(default_factory=time.monotonic)
    known: bool = False                           # to the extension, which lists it soon after the login
    lock: threading.Lock = field(default_factory=threading.Lock)


class Guests:
    def __init__(self, host: Host, engine: Engine, uri: str) -> None:
        self._host, self._uri = host, uri
        self._cursor = engine.cursor()
        self._lock = threading.Lock()             # of the cursor
        self._by_session: dict[str, Guest] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kshell-quack", daemon=True)

    def watch(self) -> None:
        self._thread.start()

    def end(self, timeout_s: float) -> None:
        self._ending.set()
        self._thread.join(timeout_s)
        for session in list(self._by_session):
            self._left(session)
        with self._lock:
            self._cursor.close()

    # ---- asked by the door -------------------------------------------------------------------------------------------

    def login(self, session: str, token: str) -> bool:
        access = self._host.access
        if not access.accepts(token):
            access.failed(ADDRESS)
            self._host.audit(f"quack {ADDRESS}: wrong token")
            self._delay(min(access.may_try(ADDRESS), _MOST_DELAY_S))
            return False
        self._by_session[session] = Guest(self._admit(access.user))
        return True

    def _admit(self, user: str) -> Client:
        """Nobody tells of a client that was killed: one that has asked nothing for a while makes room."""
        try:
            return self._host.admit(user, ADDRESS)
        except LimitError:
            idle = self._idle()
            if idle is None:
                raise
            self._hang_up(idle, "makes room")
            self._left(idle)
            return self._host.admit(user, ADDRESS)

    def _idle(self) -> str | None:
        """The session that was used longest ago, if that is long ago."""
        open_ = {session for session, active, _ in self._open() if active}
        by_use = sorted((guest.used, session) for session, guest in list(self._by_session.items()) if session not in open_)
        return by_use[0][1] if by_use and time.monotonic() - by_use[0][0] >= _IDLE_S else None

    def _hang_up(self, session: str, why: str) -> None:
        self._host.audit(f"quack {session}: the session ends: {why}")
        hang_up(self._host.access.host, self._host.access.port, session)

    def _delay(self, seconds: float) -> None:
        self._ending.wait(seconds)

    def judge(self, session: str, text: str) -> str:
        """What runs in the extension instead of the text. It reads only, or it is not run."""
        asked = answers.catalog(text)
        if asked is not None:
            return asked
        guest = self._by_session.get(session)
        if guest is None:
            raise RefusedError("this session has ended", hint="DETACH and ATTACH again")
        guest.used, guest.known = time.monotonic(), True
        most = self._host.limits.max_statement_bytes
        if len(text.encode("utf-8", "surrogatepass")) > most:
            raise LimitError(f"the statement is larger than {most} bytes", hint="put the values into a table of your own and join")
        with guest.lock, self._told(guest.client, text):
            return self._judged(session, guest.client, text)

    def _judged(self, session: str, client: Client, text: str) -> str:
        statement = client.remote.allowed(text)
        if isinstance(statement, (Show, ShowCreate, Describe)):
            return answers.rows(client.remote.run(text, timeout_s=self._host.limits.statement_timeout_s))
        _refuse_beyond(statement, text)
        self._turn(session)
        return statement.text

    @contextmanager
    def _told(self, client: Client, text: str) -> Iterator[None]:
        """A statement is counted and audited when it has passed: how it ends is not known here."""
        outcome = "passed"
        try:
            yield
        except Error as error:
            outcome = error.code
            raise
        finally:
            with self._host.lock:
                self._host.counts.done += outcome == "passed"
                self._host.counts.failed += outcome != "passed"
            self._host.audit(f"quack {client.id} {client.user}@{client.address}: {outcome}: {without_literals(text)}")

    def _turn(self, session: str) -> None:
        """Wait until less than `max_running` of the others have a statement open."""
        until, most = time.monotonic() + QUEUE_S, self._host.limits.max_running
        while self._others(session, most) >= most:
            if time.monotonic() > until or self._ending.wait(_TURN_S):
                with self._host.lock:
                    self._host.counts.refused += 1
                raise LimitError(f"{most} statements are running already", hint="try again in a moment, or raise max_running")

    def _others(self, session: str, most: int) -> int:
        """How many have a statement open. To ask takes longer than all the rest, so nobody does while there are no more than `most`."""
        return sum(active for other, active, _ in self._open() if other != session) if len(self._by_session) > most else 0

    # ---- watched -----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ending.wait(_LOOK_S):
            self._look()

    def _look(self) -> None:
        there = {session: (active, started) for session, active, started in self._open()}
        for session, guest in list(self._by_session.items()):
            guest.known = guest.known or session in there
            if session not in there and (guest.known or time.monotonic() - guest.used > _COMES_S):
                self._left(session)
        self._host.counts.running = sum(active for active, _ in there.values())
        limit = self._host.limits.statement_timeout_s
        for session, (active, started) in there.items():
            if active and started is not None and started < time.time() - limit:
                self._hang_up(session, f"a result was open for {limit:g} s")

    def _open(self) -> list[tuple[str, bool, float | None]]:
        with self._lock:
            try:
                return self._cursor.execute(_OPEN, [self._uri]).fetchall()
            except duckdb.Error:                  # the engine closes
                return []

    def _left(self, session: str) -> None:
        guest = self._by_session.pop(session, None)
        if guest is not None:
            guest.client.close()


def _refuse_beyond(statement: Statement, text: str) -> None:
    """What another protocol may run and this one not."""
    if not isinstance(statement, DuckStatement):
        raise RefusedError("rows as they arrive do not come over Quack",
                           hint="COPY (TAIL orders) TO STDOUT over pgwire, or GET /tail/orders over HTTP")
    words = [token.upper for token in tokens(text)]
    if words[0] == "EXPLAIN" and "ANALYZE" in words:
        raise ReadOnlyError("EXPLAIN ANALYZE is not run over Quack", hint="EXPLAIN, or EXPLAIN ANALYZE over pgwire")
