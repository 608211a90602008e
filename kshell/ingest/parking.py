"""Partitions that stand before a record which cannot be decoded yet: its schema cannot be had, or the table does not answer.

Invariant: a parked partition's `decoded` is the offset of that record. What was fetched beyond it is not kept: the reader leaves the
partition and comes back to `decoded` for each new try, so waiting costs no memory however long it lasts. Whoever moves the position
(a seek, a rewind, a drop) ends the waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from kshell.buffer.buffer import Buffer
from kshell.buffer.values import TP
from kshell.ingest.shared import Shared

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


@dataclass(slots=True)
class _Parked:
    position: int
    text: str                                 # as last_error shows it
    pause_s: float
    retry_at: float | None                    # None: the reader was sent back and nothing has come yet, or it is held for good


class Parking:
    """The decoding thread parks and retries, the fetching thread asks whom to leave."""

    def __init__(self, source: str, buffer: Buffer, shared: Shared, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._buffer, self._shared, self._clock = source, buffer, shared, clock
        self._lock = threading.Lock()
        self._parked: dict[TP, _Parked] = {}
        self._leaving: set[TP] = set()        # the reader still fetches them

    def park(self, tp: TP, position: int, reason: str) -> None:
        """With `appending` held: the partition stands at `position`, and the record there waits."""
        before = self._parked.get(tp)
        again = before is not None and before.position == position
        pause = min(LONGEST_PAUSE_S, before.pause_s * 2) if before is not None and again else FIRST_PAUSE_S
        parked = _Parked(position, f"{tp[0]}[{tp[1]}]@{position} waits: {reason}", pause, self._clock() + pause)
        with self._lock:
            self._parked[tp] = parked
            self._leaving.add(tp)
        self._shared.last_error = parked.text
        if not again:
            self._shared.counters["waits"] += 1
            self._shared.tell(f"{self._source}: {parked.text}; it is tried again, other partitions go on")

    def hold(self, tp: TP, position: int) -> None:
        """With `appending` held: the partition stands at `position` until somebody moves it."""
        with self._lock:
            self._parked[tp] = _Parked(position, "", FIRST_PAUSE_S, None)
            self._leaving.add(tp)

    def holds(self, tp: TP) -> bool:
        return tp in self._parked

    def tick(self) -> None:
        """Forget those that moved; send the reader back for those whose time has come."""
        if not self._parked:
            return
        decoded = self._buffer.decoded()
        for tp, parked in list(self._parked.items()):
            if decoded.get(tp) != parked.position:
                self._forget(tp)
            elif parked.retry_at is not None and self._clock() >= parked.retry_at:
                self._retry(tp, parked)

    def _retry(self, tp: TP, parked: _Parked) -> None:
        with self._buffer.appending:          # whoever moves the position meanwhile has sent the reader there
            if self._buffer.decoded().get(tp) != parked.position:
                return
            parked.retry_at = None
            self.sent(tp)
            self._buffer.seek({tp: parked.position})

    def _forget(self, tp: TP) -> None:
        with self._lock:
            parked = self._parked.pop(tp)
        if self._shared.last_error == parked.text:
            self._shared.last_error = None

    # ---- for the fetching thread

    def leaving(self) -> list[TP]:
        """Partitions to fetch no further, each once."""
        with self._lock:
            leaving, self._leaving = self._leaving, set()
        return sorted(leaving)

    def sent(self, tp: TP) -> None:
        """The reader goes to a position of the partition: it is not to leave it any more."""
        with self._lock:
            self._leaving.discard(tp)
