"""Failed logins, counted per address of the client.

Invariant: at most FAILURES_A_MINUTE of an address fail in a minute; whoever fails more often waits until the oldest is a minute old. The
memory for it is bounded, whatever addresses come."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

FAILURES_A_MINUTE = 5
MINUTE_S = 60.0
MOST_ADDRESSES = 10_000                           # the one that failed longest ago is forgotten first


class Attempts:
    """From any thread. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """How long this address has to wait before its next attempt; 0: not at all."""
        with self._lock:
            failed = self._failed.get(address)
            if failed is None or len(failed) < FAILURES_A_MINUTE:
                return 0.0
            return max(0.0, failed[0] + MINUTE_S - self._clock())

    def failed(self, address: str) -> None:
        with self._lock:
            self._failed.setdefault(address, deque(maxlen=FAILURES_A_MINUTE)).append(self._clock())
            self._failed.move_to_end(address)
            if len(self._failed) > MOST_ADDRESSES:
                self._failed.popitem(last=False)
