"""Notes of ingest and flush threads, shown above the line being typed and never inside a table.

Invariant: at most KEEP notes wait; more are counted.
What records and brokers say in them is printable. `put` may be called from any thread and never blocks on the terminal."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from kshell.output import printable

KEEP = 100


class Notes:
    """`write` prints one line; `wake` (set by the prompt while it is open) asks the prompt to make room and call `drain`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._lock = threading.Lock()
        self._held = False
        self.wake: Callable[[], None] | None = None
        self.aside: Callable[[], AbstractContextManager[None]] = nullcontext      # around lines: what else the screen shows steps aside

    def put(self, text: str) -> None:
        """A line with its prefix: `note: ...` or `warning: ...`."""
        with self._lock:
            if len(self._waiting) >= KEEP:
                self._dropped += 1
            else:
                self._waiting.append(printable(text))
            held, wake = self._held, self.wake
        if wake is not None:
            wake()
        elif not held:
            self.drain()

    def drain(self) -> None:
        """Print what waits."""
        with self._lock:
            lines, dropped = list(self._waiting), self._dropped
            self._waiting.clear()
            self._dropped = 0
        with self.aside():
            for line in lines:
                self._write(line)
            if dropped:
                self._write(f"note: {dropped} more messages")

    def hold(self) -> None:
        """Nothing is printed until `release`: rows are being written, or a pager has the screen."""
        with self._lock:
            self._held = True

    def release(self) -> None:
        """Print what came meanwhile."""
        with self._lock:
            self._held = False
        self.drain()
