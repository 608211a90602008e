"""Ctrl-C while a statement runs: the first press cancels, the second asks, the third leaves."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from kshell.errors import CancelledError
from kshell.shell.foreground import Foreground, Leave
from tests.support.waiting import wait_until


class Statement:
    """Runs until `end`; counts what it is asked."""

    def __init__(self, *, obeys: bool) -> None:
        self.obeys, self.started, self.end = obeys, threading.Event(), threading.Event()
        self.interrupts = 0

    def work(self) -> str:
        self.started.set()
        self.end.wait(20)
        if self.interrupts:
            raise CancelledError("interrupted")
        return "done"

    def interrupt(self) -> None:
        self.interrupts += 1
        if self.obeys:
            self.end.set()


def press_after(condition: Callable[[], object], times: int = 1) -> threading.Thread:
    """Press Ctrl-C once the condition holds, from another thread as a terminal would."""
    def press() -> None:
        wait_until(condition)
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def test_the_value_comes_back() -> None:
    assert Foreground(lambda: None, lambda _: False).run(lambda: 42) == 42


def test_an_error_comes_back_as_it_was() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Foreground(lambda: None, lambda _: False).run(fail)


def test_the_first_press_cancels_the_statement() -> None:
    statement = Statement(obeys=True)
    thread = press_after(statement.started.is_set)
    with pytest.raises(CancelledError):
        Foreground(statement.interrupt, lambda _: False).run(statement.work)
    thread.join()


def test_an_interrupt_that_was_missed_is_repeated() -> None:
    statement = Statement(obeys=False)
    thread = press_after(statement.started.is_set)
    threading.Thread(target=lambda: (wait_until(lambda: statement.interrupts > 2), statement.end.set())).start()
    with pytest.raises(CancelledError):
        Foreground(statement.interrupt, lambda _: False).run(statement.work)
    thread.join()


def test_the_second_press_asks_and_no_stays() -> None:
    statement, questions = Statement(obeys=False), list[str]()

    def ask(question: str) -> bool:
        questions.append(question)
        statement.end.set()
        return False

    first = press_after(statement.started.is_set)
    second = press_after(lambda: statement.interrupts)
    with pytest.raises(CancelledError):
        Foreground(statement.interrupt, ask).run(statement.work)
    first.join()
    second.join()
    assert questions == ["leave kshell? (y/N) "]


def test_yes_leaves_with_130() -> None:
    statement = Statement(obeys=False)
    first, second = press_after(statement.started.is_set), press_after(lambda: statement.interrupts)
    with pytest.raises(Leave) as left:
        Foreground(statement.interrupt, lambda _: True).run(statement.work)
    statement.end.set()
    first.join()
    second.join()
    assert left.value.code == 130


def test_a_third_press_in_the_question_leaves_with_130() -> None:
    statement = Statement(obeys=False)

    def ask(question: str) -> bool:
        raise KeyboardInterrupt               # what the prompt of the question makes of Ctrl-C

    first, second = press_after(statement.started.is_set), press_after(lambda: statement.interrupts)
    with pytest.raises(Leave) as left:
        Foreground(statement.interrupt, ask).run(statement.work)
    statement.end.set()
    first.join()
    second.join()
    assert left.value.code == 130


def test_a_pager_keeps_its_own_ctrl_c() -> None:
    statement = Statement(obeys=True)
    foreground = Foreground(statement.interrupt, lambda _: False)

    def work() -> str:
        with foreground.terminal_lent():
            os.kill(os.getpid(), signal.SIGINT)
            statement.end.wait(0.3)
        return "whole"

    assert foreground.run(work) == "whole"
    assert statement.interrupts == 0


def test_afterwards_ctrl_c_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    Foreground(lambda: None, lambda _: False).run(lambda: None)
    assert signal.getsignal(signal.SIGINT) is before
