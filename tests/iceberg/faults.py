"""A catalog that does, for its next requests, what a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kshell.iceberg.catalogs import Lake

Step = Callable[[Callable[[], Any]], Any]     # gets "do the commit", returns the answer or raises


class Script:
    """Each step stands for one `commit_table`; when they are used up, commits succeed. `sent` counts all requests."""

    def __init__(self, lake: Lake, *steps: Step) -> None:
        self.sent = 0
        self._steps = list(steps)
        self._commit = lake.catalog.commit_table
        lake.catalog.commit_table = self._answer  # type: ignore[method-assign]

    def _answer(self, table: Any, requirements: Any, updates: Any) -> Any:
        self.sent += 1
        step = self._steps.pop(0) if self._steps else _plain
        return step(lambda: self._commit(table, requirements, updates))


def _plain(commit: Callable[[], Any]) -> Any:
    return commit()


def before(error: Exception) -> Step:
    """The request is lost."""
    def step(_: Callable[[], Any]) -> Any:
        raise error
    return step


def after(error: Exception) -> Step:
    """The work is done and the answer is lost."""
    def step(commit: Callable[[], Any]) -> Any:
        commit()
        raise error
    return step


def first(action: Callable[[], object]) -> Step:
    """Somebody else acts between the load and the request."""
    def step(commit: Callable[[], Any]) -> Any:
        action()
        return commit()
    return step
