"""Rows per second over the last ten seconds.

Invariant: at most one entry for each tenth of a second is kept."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 10.0
_STEP_S = 0.1


class Rate:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._counts: deque[tuple[float, int]] = deque()

    def add(self, rows: int) -> None:
        now = self._clock()
        with self._lock:
            if self._counts and now - self._counts[-1][0] < _STEP_S:
                at, before = self._counts.pop()
                self._counts.append((at, before + rows))
            else:
                self._counts.append((now, rows))
            self._forget(now)

    def per_second(self) -> float:
        now = self._clock()
        with self._lock:
            self._forget(now)
            window = min(WINDOW_S, max(now - self._began, 1.0))
            return sum(rows for _, rows in self._counts) / window

    def _forget(self, now: float) -> None:
        while self._counts and now - self._counts[0][0] > WINDOW_S:
            self._counts.popleft()
