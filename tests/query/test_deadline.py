"""Deadlines of many statements are kept by one thread, each at its time, and none after its statement has ended."""

from __future__ import annotations

import threading

import pytest

from kshell.query import deadline
from kshell.query.deadline import Deadline
from tests.support.waiting import wait_until


def test_each_fires_at_its_time_and_repeats_until_it_ends() -> None:
    fired: list[float] = []
    late, soon = Deadline(0.3, fired.append), Deadline(0.05, fired.append)
    try:
        wait_until(lambda: len(fired) >= 4, every_s=0.001)
        assert fired[0] == 0.05
        wait_until(lambda: 0.3 in fired)
    finally:
        late.end()
        soon.end()
    seen = len(fired)
    assert not threading.Event().wait(0.3)
    assert len(fired) == seen, "after the end of its statement a deadline is silent"


def test_one_that_comes_while_the_thread_waits_for_a_later_one_is_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "_LINGER_S", 5.0)
    fired = threading.Event()
    long = Deadline(60.0, lambda seconds: None)
    short = Deadline(0.05, lambda seconds: fired.set())
    assert fired.wait(4.0), "the thread would look again after five seconds"
    long.end()
    short.end()


def test_one_whose_statement_is_gone_with_its_cursor_stops_no_other() -> None:
    def gone(seconds: float) -> None:
        raise RuntimeError("Connection already closed")

    fired = threading.Event()
    first, second = Deadline(0.01, gone), Deadline(0.1, lambda seconds: fired.set())
    assert fired.wait(30.0)
    first.end()
    second.end()


def test_the_thread_ends_when_there_is_nothing_to_watch_and_comes_back() -> None:
    for _ in range(2):
        fired = threading.Event()
        one = Deadline(0.01, lambda seconds, fired=fired: fired.set())  # type: ignore[misc]
        assert fired.wait(30.0)
        one.end()
        wait_until(lambda: not any(t.name == "kshell-deadline" for t in threading.enumerate()))
