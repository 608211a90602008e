"""When a sink commits: whichever of interval, rows and bytes is reached first.

Invariant: two processes started together do not commit together: the first interval has a random phase, each one a jitter of a tenth."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    interval_s: float
    rows: int | None = None                   # None: no limit
    bytes: int | None = None

    def due(self, *, pending_rows: int, pending_bytes: int, crowded: bool, waited_s: float, patience_s: float) -> bool:
        """`patience_s` comes from `first()` or `next()`. `crowded`: the source would soon have to pause, and this sink can help it."""
        if pending_rows == 0 and pending_bytes == 0:
            return False
        return (waited_s >= patience_s
                or (self.rows is not None and pending_rows >= self.rows)
                or (self.bytes is not None and pending_bytes >= self.bytes)
                or crowded)

    def first(self) -> float:
        return random.uniform(0.5, 1.0) * self.interval_s

    def next(self) -> float:
        return random.uniform(0.9, 1.1) * self.interval_s


IDLE_PROGRESS_S = 300.0                       # positions that moved over control records only are committed at most this often
