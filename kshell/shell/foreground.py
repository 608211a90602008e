"""One statement at a time in front of the user: it works on its own thread, the main thread waits, Ctrl-C cancels.

Invariant: SIGINT never reaches a statement as KeyboardInterrupt. First press: cancel. Second press within 2 s while it still
runs: ask whether to leave. Third: leave with 130."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Generic, TypeVar

T = TypeVar("T")
SECOND_PRESS_S = 2.0
_LOOK_S = 0.05


class Leave(Exception):
    """The user wants out, now."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Outcome(Generic[T]):
    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: list[T] = []
        self.error: BaseException | None = None


class Foreground:
    """`interrupt` cancels what runs; `ask` puts a yes-or-no question; `tick` is told the seconds gone while waiting."""

    def __init__(self, interrupt: Callable[[], None], ask: Callable[[str], bool], tick: Callable[[float], None] = lambda _: None) -> None:
        self._interrupt, self._ask, self._tick = interrupt, ask, tick
        self._presses: list[float] = []
        self._lent = threading.Event()        # a pager or an editor has the terminal: Ctrl-C is its own

    def run(self, work: Callable[[], T]) -> T:
        outcome: _Outcome[T] = _Outcome()
        self._presses = []
        thread = threading.Thread(target=_work, args=(work, outcome), name="kshell-statement", daemon=True)
        with self._listening():
            thread.start()
            self._wait(outcome)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value[0]

    @contextmanager
    def terminal_lent(self) -> Iterator[None]:
        """While another program has the terminal."""
        self._lent.set()
        try:
            yield
        finally:
            self._lent.clear()

    def _wait(self, outcome: _Outcome[T]) -> None:
        began, seen, cancelled = time.monotonic(), 0, False
        while not outcome.done.wait(_LOOK_S):
            if len(self._presses) > seen:
                cancelled = True
                if self._hasty():
                    self._leave_or_stay()
                seen = len(self._presses)
            if cancelled:
                self._interrupt()             # again and again: DuckDB forgets one that falls between two calls
            else:
                self._tick(time.monotonic() - began)

    def _hasty(self) -> bool:
        return len(self._presses) > 1 and self._presses[-1] - self._presses[-2] <= SECOND_PRESS_S

    def _leave_or_stay(self) -> None:
        try:
            if self._ask("leave kshell? (y/N) "):
                raise Leave(130)
        except KeyboardInterrupt:
            raise Leave(130) from None
        self._presses.clear()

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Count presses instead of raising. Off the main thread (tests, servers) there are no signals to listen to."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._pressed)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        if not self._lent.is_set():
            self._presses.append(time.monotonic())


def _work(work: Callable[[], T], outcome: _Outcome[T]) -> None:
    try:
        outcome.value.append(work())
    except BaseException as e:  # noqa: BLE001  raised again on the main thread
        outcome.error = e
    finally:
        outcome.done.set()
