"""The process-wide limit on live rows, shared by every buffer (`SET kshell_buffer_bytes`).

Invariant: whoever is over the limit gives way by its own rule: a ring evicts, a buffer with a sink stops being fed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakMethod


class Budget:
    """Counts the bytes of all registered holders. Holders are asked, not told, so nothing can drift."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._holders: list[WeakMethod[Callable[[], int]]] = []

    def register(self, held_bytes: Callable[[], int]) -> None:
        """`held_bytes` is a bound method; its object may vanish at any time."""
        with self._lock:
            self._holders.append(WeakMethod(held_bytes))

    def used_bytes(self) -> int:
        with self._lock:
            self._holders = [h for h in self._holders if h() is not None]
            holders = [method for h in self._holders if (method := h()) is not None]
        return sum(held() for held in holders)

    def over(self, share: float = 1.0) -> bool:
        return self.used_bytes() > self.limit_bytes * share
