"""Pace: whether whoever takes rows falls behind those that arrive.

Rows are counted in rounds: one round is what had arrived when the round before had been shown. Rounds shrink for a consumer that is
faster than the topic, whatever it has to catch up with. Invariant: rows are given up only after two large rounds of which the second
is not smaller."""

from __future__ import annotations

MOST_BEHIND_ROWS = 10_000
KEPT_ROWS = 1_000                             # the newest, shown after rows were given up


class Pace:
    def __init__(self) -> None:
        self._last = 0

    def falls_behind(self, waiting: int) -> bool:
        """A round has been shown, and so many rows have arrived meanwhile."""
        before, self._last = self._last, waiting
        behind = waiting >= before >= MOST_BEHIND_ROWS
        if behind:
            self._last = 0
        return behind
