"""Waiting that Ctrl-C, a TIMEOUT and the end of the session can end.

Invariant: no wait of a statement is longer than a tenth of a second without a look at these three."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from kshell.errors import CancelledError, DeadlineError

_SLICE_S = 0.05


class Canceller:
    """One running statement. `cancel()` may be called from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def begin(self) -> None:
        self._event.clear()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        if self._event.is_set():
            raise CancelledError("interrupted")

    def wait_until(self, done: Callable[[], bool], *, timeout_s: float, late: Callable[[], DeadlineError]) -> None:
        """Return when `done()`; raise CancelledError on Ctrl-C and `late()` after `timeout_s` seconds."""
        end = time.monotonic() + timeout_s
        while not done():
            self.check()
            left = end - time.monotonic()
            if left <= 0:
                raise late()
            self._event.wait(min(_SLICE_S, left))
