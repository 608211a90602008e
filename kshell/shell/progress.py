"""What a statement of more than a second is doing: one line on the terminal, taken away before anything else is written.

Invariant: after `stop()` not a byte of it is left on the screen, whatever thread called it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from kshell.shell.figures import elapsed

AFTER_S, EVERY_S = 1.0, 0.25
_CLEAR = "\r\x1b[K"
_BAR = 24


class Progress:
    """`fraction` gives 0..1, or None where nobody knows."""

    def __init__(self, stream: TextIO, fraction: Callable[[], float | None], enabled: Callable[[], bool] = lambda: True) -> None:
        self._stream, self._fraction, self._enabled = stream, fraction, enabled
        self._lock = threading.Lock()
        self._running, self._shown, self._last = False, False, 0.0

    def start(self) -> None:
        with self._lock:
            self._running, self._shown, self._last = self._enabled(), False, 0.0

    def tick(self, seconds: float) -> None:
        with self._lock:
            if not self._running or seconds < AFTER_S or seconds - self._last < EVERY_S:
                return
            self._last, self._shown = seconds, True
            self._stream.write(f"{_CLEAR}{line(self._fraction(), seconds)}")
            self._stream.flush()

    def stop(self) -> None:
        with self._lock:
            self._running = False
            if self._shown:
                self._shown = False
                self._stream.write(_CLEAR)
                self._stream.flush()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The screen is somebody else's for a moment; the line comes back with the next tick."""
        with self._lock:
            if self._shown:
                self._shown, self._last = False, 0.0
                self._stream.write(_CLEAR)
                self._stream.flush()
            yield


def line(fraction: float | None, seconds: float) -> str:
    if fraction is None or not 0 <= fraction <= 1:
        return f"{elapsed(seconds)}  Ctrl-C cancels"
    full = round(fraction * _BAR)
    return f"{'█' * full}{'░' * (_BAR - full)} {fraction:4.0%}  {elapsed(seconds)}"
