"""The queue between the fetching and the decoding thread.

Invariant: it holds at most `limit_bytes`, one item more where a single item is larger; whoever waits is woken by `close`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from kshell.buffer.values import TP

SHARE = 16                                    # each stage before the buffer holds at most a sixteenth of what the buffer may
LEAST_QUEUE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Lost:
    """Offsets [lo, hi) that Kafka no longer has, or never will."""

    lo: int
    hi: int
    reason: str


@dataclass(slots=True)
class Fetched:
    """One poll. `spans`: where the reader stood and where it stands, rows or not."""

    batch: pa.RecordBatch | None
    spans: Mapping[TP, tuple[int, int]]
    bytes: int = 0
    more: bool = False                        # the poll was full: the next one follows at once
    lost: Mapping[TP, Lost] = field(default_factory=dict)   # then the item carries nothing else

    @property
    def rows(self) -> int:
        return 0 if self.batch is None else int(self.batch.num_rows)

    def follows(self, before: Mapping[TP, tuple[int, int]]) -> bool:
        """True when it joins the spans gathered so far."""
        return not self.lost and all(tp not in before or before[tp][1] == lo for tp, (lo, _) in self.spans.items())


class Handoff:
    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self._items: deque[Fetched] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._crowded = False                 # somebody waits for room

    def put(self, item: Fetched) -> bool:
        """Wait for room. False: closed, the item is not taken."""
        with self._changed:
            while not (self._closed or not self._items or self.bytes + item.bytes <= self.limit_bytes):
                self._crowded = True
                self._changed.notify_all()
                self._changed.wait()
            self._crowded = False
            if self._closed:
                return False
            self._items.append(item)
            self.bytes += item.bytes
            self._changed.notify_all()
            return True

    def take(self, most_rows: int, most_bytes: int, timeout_s: float) -> list[Fetched]:
        """Neighbours that join each other, at least one unless the time is up or the queue is closed. While full polls follow each
        other it waits until they are `most`, because one large append costs less than several."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._enough(most_rows, most_bytes), timeout_s)
            taken: list[Fetched] = []
            rows = bytes_ = 0
            spans: dict[TP, tuple[int, int]] = {}
            while self._items and not self._closed:
                item = self._items[0]
                full = rows + item.rows > most_rows or bytes_ + item.bytes > most_bytes
                if taken and (full or taken[0].lost or not item.follows(spans)):
                    break
                taken.append(self._items.popleft())
                rows, bytes_ = rows + item.rows, bytes_ + item.bytes
                spans = joined(spans, item.spans)
            return taken

    def _enough(self, most_rows: int, most_bytes: int) -> bool:
        if not self._items or not self._items[-1].more or self._crowded:
            return bool(self._items)
        return sum(i.rows for i in self._items) >= most_rows or sum(i.bytes for i in self._items) >= most_bytes

    def done(self, items: list[Fetched]) -> None:
        """The items are in the buffer, and their bytes count there."""
        with self._changed:
            self.bytes -= sum(item.bytes for item in items)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._items.clear()
            self.bytes = 0
            self._changed.notify_all()


def joined(before: Mapping[TP, tuple[int, int]], after: Mapping[TP, tuple[int, int]]) -> dict[TP, tuple[int, int]]:
    return {**before, **{tp: (before[tp][0] if tp in before else lo, hi) for tp, (lo, hi) in after.items()}}
