"""How long whoever waits for a catalog is willing to wait: a statement of a user looks at Ctrl-C and its time while it waits.

Invariant: patience belongs to the thread that has it; a thread that commits has none, so nothing a user presses ends its request. A call
that is not waited for any longer goes on by itself until its own time-out: what it was asked for may still happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from kshell.errors import UnreachableError

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
_STEP_S = 0.05


class Patience:
    """`check` raises when the statement was cancelled; `timeout_s` bounds one call."""

    def __init__(self, check: Callable[[], None], timeout_s: float) -> None:
        self._check, self._timeout_s = check, timeout_s

    def wait(self, call: Callable[[], T], what: str) -> T:
        from concurrent.futures import wait

        future = _in_thread(call)
        ends = time.monotonic() + self._timeout_s
        while not future.done():
            wait([future], timeout=_STEP_S)
            self._check()
            if time.monotonic() > ends and not future.done():
                raise UnreachableError(f"no answer from {what} in {self._timeout_s:g} s",
                                       hint="is the catalog up? SET kshell_timeout = '60s' waits longer")
        return future.result()


_current: ContextVar[Patience | None] = ContextVar("kshell_patience", default=None)


def current() -> Patience | None:
    return _current.get()


@contextmanager
def patient(check: Callable[[], None], timeout_s: float) -> Iterator[None]:
    """Around a statement, on the thread that carries it out."""
    before = _current.set(Patience(check, timeout_s))
    try:
        yield
    finally:
        _current.reset(before)


def _in_thread(call: Callable[[], T]) -> Future[T]:
    from concurrent.futures import Future

    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as failure:  # noqa: BLE001  whatever it is, it belongs to who waits
            future.set_exception(failure)

    threading.Thread(target=run, name="kshell-catalog-call", daemon=True).start()
    return future
