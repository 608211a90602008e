"""Worker: a statement works on a thread of its own while the main thread waits for it, for Ctrl-C and for the clock.

DuckDB notices Ctrl-C on the main thread late or never; `interrupt` from another thread ends a query in milliseconds.

Invariant: a statement never sees KeyboardInterrupt; an interrupt is repeated until the statement has ended, because DuckDB forgets one
that falls between two calls."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from kshell.errors import CancelledError, DeadlineError, Error

T = TypeVar("T")
REPEAT_S = 0.1
GRACE_S = 5.0                                     # for work to notice that it has been interrupted; then it is left behind


class Worker:
    """`interrupt` ends what runs. `second` is called by a second signal. Signals: the ones listened to between `start` and `stop`."""

    def __init__(self, interrupt: Callable[[], None], *, second: Callable[[], None], deadline_s: float | None = None) -> None:
        self._interrupt = interrupt
        self._second = second
        self._budget_s = deadline_s
        self._ends = None if deadline_s is None else time.monotonic() + deadline_s
        self.stopped_by: int | None = None        # the first signal that came

    def interrupts(self, interrupt: Callable[[], None]) -> None:
        """What ends a running job, once there is something to end."""
        self._interrupt = interrupt

    @contextmanager
    def listening(self, *signals: int) -> Iterator[None]:
        """Signals are noted instead of raised; off the main thread there are none to listen to."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._arrived) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self.stopped_by is None:
            self.stopped_by = number
        else:
            self._second()

    def run(self, job: Callable[[], T]) -> T:
        """The value of `job`, or what it raised; CancelledError after a signal, DeadlineError after the deadline."""
        self.check()
        outcome = _Outcome(job)
        threading.Thread(target=outcome.work, name="kshell-statement", daemon=True).start()
        told_at: float | None = None
        while not outcome.done.wait(self._wait_s()):
            if self.stopped_by is not None or self._is_late():
                told_at = told_at or time.monotonic()
                self._interrupt()
                if time.monotonic() - told_at > GRACE_S:
                    self.check()                  # raises: it hangs in something that cannot be interrupted, such as a full pipe
        if isinstance(outcome.error, Error):
            self._replace_reason(outcome.error)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value  # type: ignore[no-any-return]

    def check(self) -> None:
        """Raise if nothing more may run."""
        if self.stopped_by is not None:
            raise CancelledError("interrupted")
        if self._is_late():
            raise self._late()

    def wait_for_signal(self, failure: Callable[[], Error | None] = lambda: None) -> int:
        """Nothing to run any more, only to keep alive: until a signal, the deadline, or the failure of what is kept, which is raised."""
        pause = threading.Event()
        while self.stopped_by is None:
            self.check()
            if (failed := failure()) is not None:
                raise failed
            pause.wait(REPEAT_S)
        return self.stopped_by

    def _replace_reason(self, error: Error) -> None:
        """An interrupt says `interrupted`; only here it is known that the clock asked for it."""
        if isinstance(error, CancelledError) and self.stopped_by is None and self._is_late():
            raise self._late() from None

    def _wait_s(self) -> float:
        return REPEAT_S if self._ends is None else min(REPEAT_S, max(0.001, self._ends - time.monotonic()))

    def _is_late(self) -> bool:
        return self._ends is not None and time.monotonic() >= self._ends

    def _late(self) -> DeadlineError:
        return DeadlineError(f"the time of this run is up: --timeout {self._budget_s:g}s", hint="give --timeout more, or leave it out")


class _Outcome:
    def __init__(self, job: Callable[[], Any]) -> None:
        self._job = job
        self.done = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None

    def work(self) -> None:
        try:
            self.value = self._job()
        except BaseException as raised:  # noqa: BLE001  it is raised again on the main thread
            self.error = raised
        finally:
            self.done.set()
