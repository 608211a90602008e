"""Deadline: ends a statement when its time is up. One thread looks at the clock for all of them.

Invariant: after `end()` it fires no more; it repeats itself, because DuckDB forgets an interrupt that falls between two calls; the thread
ends when no statement with a deadline has run for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf

_REPEAT_S = 0.1
_MOST_REPEATS = 100
_LINGER_S = 0.5                                   # statements follow one another: a thread for each costs more than a short one runs


class Deadline:
    """`expire` gets the seconds that were given. It is called in the watching thread, and must not wait."""

    def __init__(self, seconds: float, expire: Callable[[float], None]) -> None:
        self._seconds, self._expire, self._repeats = seconds, expire, _MOST_REPEATS
        _WATCH.add(self, time.monotonic() + seconds)

    def fire(self) -> bool:
        """Whether it fires again. One whose statement has gone without a word, with its cursor, ends without one too."""
        self._repeats -= 1
        try:
            self._expire(self._seconds)
        except Exception:  # noqa: BLE001  the thread watches for others
            return False
        return self._repeats > 0

    def end(self) -> None:
        _WATCH.remove(self)


class _Watch:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[Deadline, float] = {}     # by the monotonic clock
        self._wakes = inf                         # when the thread looks again by itself
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline, at: float) -> None:
        with self._changed:
            self._due[deadline] = at
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kshell-deadline", daemon=True)
                self._thread.start()
            elif at < self._wakes:
                self._changed.notify()

    def remove(self, deadline: Deadline) -> None:
        with self._changed:
            self._due.pop(deadline, None)

    def _run(self) -> None:
        with self._changed:
            while self._due or not self._wait(_LINGER_S):
                self._fire(time.monotonic())
                self._wait(min(self._due.values(), default=0.0) - time.monotonic())
            self._thread = None

    def _wait(self, seconds: float) -> bool:
        """Whether it was for nothing: nobody has come, and nothing is due."""
        seconds = min(max(0.0, seconds), _LINGER_S)
        self._wakes = time.monotonic() + seconds
        self._changed.wait(seconds)
        return not self._due

    def _fire(self, now: float) -> None:
        for deadline in [one for one, at in self._due.items() if at <= now]:
            if deadline.fire():
                self._due[deadline] = now + _REPEAT_S
            else:
                del self._due[deadline]


_WATCH = _Watch()
