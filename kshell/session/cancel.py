"""Waiting that Ctrl-C, a TIMEOUT and the end of the session can end.

Invariant: no wait of a statement is longer than a tenth of a second without a look at these three."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from kshell.errors import CancelledError, DeadlineError

_SLICE_S = 0.05
_FIRST_S = 0.002                              # a commit takes 30 ms: whoever waits for one looks more often at first


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
        end, pause = time.monotonic() + timeout_s, _FIRST_S
        while not done():
            self.check()
            left = end - time.monotonic()
            if left <= 0:
                raise late()
            self._event.wait(min(pause, left))
            pause = min(_SLICE_S, 2 * pause)
