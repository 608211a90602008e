"""Servers for other clients, as the session sees them: the statements that start and stop them, and their rows.

1. the arguments  2. what does not fit is told  3. a terminal is asked, the process locked  4. listening  5. its token is told, once

Invariant: who makes a session gives it its `servers`; without them it serves nobody. Arguments are judged before the process is locked,
and nothing listens before it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kshell.errors import BadValueError, RefusedError
from kshell.lang import declared
from kshell.lang.statements import Serve, StopServing
from kshell.options import Parsed, Secret, reveal
from kshell.query.result import Result
from kshell.session.context import Context
from kshell.session.metrics import Sample

COLUMNS = [("kind", "VARCHAR"), ("address", "VARCHAR"), ("user", "VARCHAR"), ("token_file", "VARCHAR"), ("tls", "BOOLEAN")]
LOCKED = ("files and hosts outside the locations of tables are out of reach of SQL from here on, until this process ends")
Lock = Callable[[Sequence[Path]], None]
QUESTION = "serve, and keep SQL of this process out of all files but those of tables, until it ends?"
_PASSWORDS = ("password", "token")


@dataclass(frozen=True, slots=True)
class Started:
    """`token`: made by this start, for whoever started it; None: they have it. `connect`: how a client reaches the server, one line."""

    kind: str
    address: str
    user: str | None
    token_file: str | None
    tls: bool
    token: Secret | None
    connect: str

    def row(self) -> tuple[Any, ...]:
        return self.kind, self.address, self.user, self.token_file, self.tls


class Servers(Protocol):
    def start(self, kind: str, given: Parsed, lock: Lock) -> Started:
        """`lock` is called when nothing stands in the way any more and nothing listens yet, with files that no client may reach."""

    def stop(self, kind: str) -> str:
        """The address that it had. NotFoundError where there is none of this kind."""

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Those that run, as the table kshell.servers lists them."""

    def samples(self) -> Iterable[Sample]:
        """What they count."""

    def read_certificates(self) -> Sequence[str]:
        """Read the PEM files again; what does not fit, as lines."""

    def close(self) -> None: ...


class Nobody:
    """The servers of a session that was given none."""

    def start(self, kind: str, given: Parsed, lock: Lock) -> Started:
        raise RefusedError("this session serves nobody", hint="kshell, kshell run, kshell serve and kshell.connect() can")

    def stop(self, kind: str) -> str:
        raise RefusedError("this session serves nobody")

    def rows(self) -> Sequence[Mapping[str, Any]]:
        return ()

    def samples(self) -> Iterable[Sample]:
        return ()

    def read_certificates(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        """There is nothing to end."""


class _Declined(Exception):
    """The user does not want the process to be locked."""


class Serving:
    """`lock_files` closes the files of the process, `files_locked` says whether they are closed."""

    def __init__(self, context: Context, lock_files: Callable[[Sequence[Path]], object], files_locked: Callable[[], bool]) -> None:
        self._context, self._lock_files, self._files_locked = context, lock_files, files_locked
        self.servers: Servers = Nobody()

    def serve(self, statement: Serve) -> Result:
        given = declared.SERVERS[statement.kind].parse(statement.options, self._context.resolve, zone=self._context.zone())
        try:
            return Result.of_rows(COLUMNS, [self.start(statement.kind, given).row()])
        except _Declined:
            return Result.of_note("nothing was done")

    def start(self, kind: str, given: Parsed) -> Started:
        self._check(given)
        self._ask_for_password(kind, given)
        started = self.servers.start(kind, given, self._lock)
        self._context.note(f"{kind} is served on {started.address}; {started.connect}")
        if started.token is not None:
            what = "password" if started.user else "token"
            self._context.announce(f"its {what}, told once and kept in {started.token_file}: {reveal(started.token)}")
        return started

    def _check(self, given: Parsed) -> None:
        if not given["read_only"]:
            place = given.spans["read_only"]
            raise RefusedError("clients only read: read_only := false is refused", hint="write here; they see it at once",
                               position=place.start, length=place.length)

    def _ask_for_password(self, kind: str, given: Parsed) -> None:
        """`password := true` asks at the terminal."""
        for name in _PASSWORDS:
            if given.get(name) is True:
                answer = self._context.ask(f"{name} of {kind} (Enter cancels): ")
                if not answer:
                    raise BadValueError(f"the {name} of {kind} is missing", hint=f"{name} := getenv('NAME'), or {name} := FILE '/path'")
                given[name] = Secret(answer)

    def _lock(self, keep_out: Sequence[Path]) -> None:
        before = self._files_locked()
        if not before and not self._context.confirm(QUESTION):
            raise _Declined
        self._lock_files(keep_out)
        if not before:
            self._context.note(LOCKED)

    def stop(self, statement: StopServing) -> Result:
        address = self.servers.stop(statement.kind)
        return Result.of_note(f"{statement.kind} is not served on {address} any more")
