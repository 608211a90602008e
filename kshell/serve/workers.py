"""Threads for what blocks, as many as are busy at once up to a limit, kept for the next job.

Unlike those of ThreadPoolExecutor they are daemons: the interpreter does not wait for them at its exit, where the statement of a client
would hold a process that nobody has closed for as long as it runs.

Invariant: a job runs once or its future is cancelled; no more than `most` run at once, the others wait in the order they came."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_Job = tuple[Future[Any], Callable[[], Any]]


class EndedError(RuntimeError):
    """These workers take no job any more."""


class Workers(Executor):
    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._threads = self._idle = 0
        self._over = False
        self._numbers = itertools.count()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """EndedError after `shutdown`."""
        future: Future[T] = Future()
        with self._changed:
            if self._over:
                raise EndedError("these workers have ended")
            self._jobs.append((future, lambda: fn(*args, **kwargs)))
            if self._idle >= len(self._jobs):
                self._changed.notify()
            elif self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name}-{next(self._numbers)}", daemon=True).start()
        return future

    def _work(self) -> None:
        while (job := self._next()) is not None:
            future, call = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as raised:  # noqa: BLE001  whatever it is, it belongs to who waits
                future.set_exception(raised)
            else:
                future.set_result(result)
            del job, future, call                 # an idle thread holds on to nothing of its last job

    def _next(self) -> _Job | None:
        with self._changed:
            self._idle += 1
            try:
                self._changed.wait_for(lambda: self._jobs or self._over)
                return self._jobs.popleft() if self._jobs else None
            finally:
                self._idle -= 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """No more jobs. Those that run end by themselves; nobody waits for them, whatever `wait` says."""
        with self._changed:
            self._over = True
            left = list(self._jobs) if cancel_futures else []
            if cancel_futures:
                self._jobs.clear()
            self._changed.notify_all()
        for future, _ in left:
            future.cancel()


__all__ = ["EndedError", "Workers"]
