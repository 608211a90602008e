"""A session for the shell's tests: DuckDB by the real engine and runner, numbers and names as the test sets them.

Invariant: what is not DuckDB's is recorded in `executed` and answered with a note, so a test sees what reached the session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from kshell import config, lang
from kshell.engine import Engine
from kshell.lang import declared
from kshell.lang.statements import CreateSource, DuckStatement, Statement
from kshell.query.result import Result
from kshell.query.runner import Runner
from kshell.session.doctor import Check
from kshell.session.status import Names, Status


@dataclass
class FakeSession:
    engine: Engine = field(default_factory=Engine)
    state: Status = field(default_factory=Status)
    known: Names = field(default_factory=Names)
    waiting: list[Any] = field(default_factory=list)
    executed: list[Statement] = field(default_factory=list)
    closed: list[bool] = field(default_factory=list)          # the `flush` of each close
    interrupts: int = 0
    read_only: bool = False
    config: config.Config = field(default_factory=lambda: config.load())
    checks: list[Check] = field(default_factory=list)         # what a doctor finds

    def __post_init__(self) -> None:
        self.runner = Runner(self.engine)

    def execute(self, statement: Statement) -> Result:
        self.executed.append(statement)
        if isinstance(statement, DuckStatement):
            return self.runner.run(statement.text)
        if isinstance(statement, CreateSource):
            declared.SOURCE.changes(statement.options, altering=False)
        return Result.of_note(f"did {type(statement).__name__}")

    def sql(self, text: str) -> Result:
        return self.execute(lang.parse(text))

    def interrupt(self) -> None:
        self.interrupts += 1
        self.runner.interrupt()

    def status(self) -> Status:
        return self.state

    def about(self, text: str) -> Status:
        return self.state.about({word.strip(';"').lower() for word in text.split()})

    def names(self) -> Names:
        return self.known

    def pending(self) -> Sequence[Any]:
        return self.waiting

    def switch(self, wished: config.Config) -> None:
        self.config = wished

    def doctor(self, *, write: bool = False) -> Any:
        return SimpleNamespace(checks=lambda: iter(self.checks))

    def close(self, flush: bool = True, timeout_s: float = 10.0) -> Sequence[str]:
        self.closed.append(flush)
        return []


def waiting_rows(name: str, rows: int) -> Any:
    return SimpleNamespace(name=name, rows=rows)
