"""Deadline: a thread that ends a statement when its time is up.

Invariant: after `end()` it fires no more; it repeats itself, because DuckDB forgets an interrupt that falls between two calls."""

from __future__ import annotations

import threading
from collections.abc import Callable

_REPEAT_S = 0.1
_MOST_REPEATS = 100


class Deadline:
    def __init__(self, seconds: float, expire: Callable[[float], None]) -> None:
        self._seconds = seconds
        self._expire = expire
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="kshell-deadline", daemon=True).start()

    def _run(self) -> None:
        wait_s = self._seconds
        for _ in range(_MOST_REPEATS):
            if self._ended.wait(wait_s):
                return
            self._expire(self._seconds)
            wait_s = _REPEAT_S

    def end(self) -> None:
        self._ended.set()
