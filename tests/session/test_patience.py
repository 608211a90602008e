"""A catalog that accepts and never answers holds no statement longer than the user wants."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kshell.errors import CancelledError, Error, UnreachableError
from kshell.iceberg import patience
from kshell.session import Session
from tests.support import wait_until


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    opened = Session(data_dir=tmp_path)
    yield opened
    opened.close()


def attach(port: int) -> str:
    return f"ATTACH 'http://127.0.0.1:{port}' AS z (TYPE iceberg, CATALOG rest)"


def test_kshell_timeout_bounds_a_call_to_a_catalog(session: Session, silent: int) -> None:
    session.sql("SET kshell_timeout = '300ms'")
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=rf"no answer from http://127\.0\.0\.1:{silent} in 0\.3 s"):
        session.sql(attach(silent))
    assert time.monotonic() - began < 10, "and not the minute that a commit may wait"


def test_an_interrupt_ends_a_statement_that_waits_for_a_catalog(session: Session, silent: int) -> None:
    ended: list[BaseException] = []

    def work() -> None:
        try:
            session.sql(attach(silent))
        except Error as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: any(t.name == "kshell-catalog-call" for t in threading.enumerate()))
    pressed = time.monotonic()
    session.interrupt()
    thread.join(10)
    assert time.monotonic() - pressed < 5
    assert isinstance(ended[0], CancelledError)
    assert session.sql("SELECT 42").fetchall() == [(42,)]


def test_a_thread_that_commits_is_not_ended_by_what_a_user_presses() -> None:
    seen: list[object] = []
    with patience.patient(lambda: None, 1.0):
        assert patience.current() is not None
        thread = threading.Thread(target=lambda: seen.append(patience.current()))
        thread.start()
        thread.join()
    assert seen == [None]
    assert patience.current() is None
