"""What the shell asks of a session, as a structural type: tests stand in for the real one.

Invariant: `status()`, `names()` and `interrupt()` never wait for a lock, a query or a broker; they are called while somebody types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from kshell.config import Config
from kshell.lang.statements import Statement
from kshell.query.result import Result
from kshell.session.status import Names, SinkStatus, SourceStatus, Status

__all__ = ["Names", "Result", "Session", "SinkStatus", "SourceStatus", "Status"]


class Session(Protocol):
    read_only: bool                            # True: only statements that read are carried out

    @property
    def config(self) -> Config: ...            # what it was opened with
    def switch(self, config: Config) -> None: ...
    def doctor(self, *, write: bool = False) -> Any: ...       # `.checks()`: one after the other, each with `.line()`, `.state`, `.name`

    def execute(self, statement: Statement) -> Result: ...
    def sql(self, text: str) -> Result: ...
    def interrupt(self) -> None: ...
    def status(self) -> Status: ...
    def about(self, text: str) -> Status: ...  # the part of it that a statement reads
    def names(self) -> Names: ...
    def pending(self) -> Sequence[Any]: ...    # one value for each sink with rows that are not committed: `.name`, `.rows`
    def close(self, flush: bool = True, timeout_s: float = 10.0) -> Sequence[str]: ...
