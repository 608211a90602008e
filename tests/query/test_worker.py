"""The main thread waits, the work is elsewhere: signals and the clock end it."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from kshell.errors import CancelledError, DeadlineError
from kshell.query import worker as worker_module
from kshell.query.worker import Worker


class Job:
    """Runs until it is interrupted; forgets the first interrupts, as DuckDB may."""

    def __init__(self, forgets: int = 0) -> None:
        self.forgets = forgets
        self.running, self._stop = threading.Event(), threading.Event()

    def interrupt(self) -> None:
        self.forgets -= 1
        if self.forgets < 0:
            self._stop.set()

    def work(self) -> None:
        self.running.set()
        assert self._stop.wait(20)
        raise CancelledError("interrupted")


def press_when(event: threading.Event, number: int) -> None:
    def press() -> None:
        event.wait(10)
        os.kill(os.getpid(), number)
    threading.Thread(target=press, daemon=True).start()


def test_the_work_is_on_another_thread_and_gives_its_value() -> None:
    worker = Worker(lambda: None, second=lambda: None)
    assert worker.run(threading.current_thread) is not threading.main_thread()


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        Worker(lambda: None, second=lambda: None).run(lambda: 1 / 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("forgets", [0, 3])
def test_a_signal_interrupts_until_the_work_has_ended(number: signal.Signals, forgets: int) -> None:
    job = Job(forgets)
    worker = Worker(job.interrupt, second=lambda: None)
    press_when(job.running, number)
    with worker.listening(signal.SIGINT, signal.SIGTERM), pytest.raises(CancelledError):
        worker.run(job.work)
    assert worker.stopped_by == number
    with pytest.raises(CancelledError):
        worker.run(lambda: 1)


def test_the_second_signal_leaves_at_once() -> None:
    left: list[int] = []
    worker = Worker(lambda: None, second=lambda: left.append(1))
    with worker.listening(signal.SIGINT):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert left == [1]


def test_handlers_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Worker(lambda: None, second=lambda: None).listening(signal.SIGINT):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_the_budget_of_a_run_ends_the_work_as_a_timeout() -> None:
    job = Job()
    worker = Worker(job.interrupt, second=lambda: None, deadline_s=0.2)
    began = time.monotonic()
    with pytest.raises(DeadlineError, match=r"0\.2s"):
        worker.run(job.work)
    assert time.monotonic() - began < 3
    with pytest.raises(DeadlineError):
        worker.run(lambda: 1)


def test_work_that_cannot_be_interrupted_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "GRACE_S", 0.2)
    stuck = threading.Event()
    worker = Worker(lambda: None, second=lambda: None, deadline_s=0.1)
    with pytest.raises(DeadlineError):
        worker.run(lambda: stuck.wait(20))
    stuck.set()


def test_staying_alive_ends_with_a_signal() -> None:
    worker = Worker(lambda: None, second=lambda: None)
    with worker.listening(signal.SIGTERM):
        signal.raise_signal(signal.SIGTERM)
        assert worker.wait_for_signal() == signal.SIGTERM
