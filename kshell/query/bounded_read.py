"""A bounded read: every message between the bounds, once, in batches, then the end.

Invariant: ends when each partition has reached its bound or the end of its log; a partition that control records or compaction leave
without a message up to the bound ends too. No progress for `timeout_s` is an error, never a short answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kshell.errors import DeadlineError, Error, RefusedError, UnreachableError

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster
    from kshell.kafka.reader import Poll, ReaderFault

TP = tuple[str, int]
POLL_RECORDS = 50_000
POLL_S = 0.1


class BoundedRead:
    """`check` raises when the statement has been cancelled. `done` and `total` count offsets, for a progress bar."""

    def __init__(self, cluster: Cluster, ranges: Mapping[TP, tuple[int, int]], *, timeout_s: float, most: int | None,
                 check: Callable[[], None]) -> None:
        self._cluster, self._ranges, self._timeout_s, self._most, self._check = cluster, dict(ranges), timeout_s, most, check
        self._at = {tp: start for tp, (start, _) in ranges.items()}
        self._left = set(self._ranges)
        self._taken = 0
        self.trimmed: dict[TP, tuple[int, int]] = {}          # offsets that retention removed while they were waited for

    @property
    def total(self) -> int:
        return sum(end - start for start, end in self._ranges.values())

    @property
    def done(self) -> int:
        return sum(min(self._at[tp], end) - start for tp, (start, end) in self._ranges.items())

    @property
    def fraction(self) -> float | None:
        """0 to 1, from any thread; None for a read of nothing."""
        total = self.total
        most = total if self._most is None else min(total, self._most)
        return min(1.0, self.done / most) if most else None

    def finished(self, tp: TP) -> bool:
        return tp not in self._left

    def messages(self) -> Iterator[list[Any]]:
        """Lists of messages, each partition in offset order."""
        if not self._left or self._most == 0:
            return
        reader = self._cluster.reader()
        try:
            reader.assign({tp: self._at[tp] for tp in self._left})
            moved_at = time.monotonic()
            while self._left and (self._most is None or self._taken < self._most):
                self._check()
                poll = reader.poll(POLL_RECORDS, POLL_S)
                before = self.done
                kept = self._kept(poll)
                self._advance(poll, reader)
                if kept:
                    yield kept
                if self.done > before or kept or poll.ends:
                    moved_at = time.monotonic()
                elif time.monotonic() - moved_at > self._timeout_s:
                    raise self._stuck()
        finally:
            reader.close()

    def _kept(self, poll: Poll) -> list[Any]:
        """The messages below the bounds."""
        messages: list[Any] = poll.messages
        kept = [m for m in messages if (tp := (m.topic(), m.partition())) in self._left and m.offset() < self._ranges[tp][1]]
        if self._most is not None:
            kept = kept[:self._most - self._taken]
        self._taken += len(kept)
        return kept

    def _advance(self, poll: Poll, reader: Any) -> None:
        for fault in poll.errors:
            self._judge(fault)
        for tp, position in poll.positions.items():
            self._at[tp] = max(self._at[tp], position)
        for tp in poll.out_of_range:
            self._go_on(tp, reader)
        over = {tp for tp in self._left if self._at[tp] >= self._ranges[tp][1] or tp in poll.ends}
        if over:
            self._left -= over
            reader.remove(over)

    def _go_on(self, tp: TP, reader: Any) -> None:
        """Retention was faster: go on where the log starts."""
        start = self._cluster.log_starts([tp])[tp]
        if start <= self._at[tp]:                 # the log was cut at its end
            self._left.discard(tp)
            reader.remove([tp])
            return
        self.trimmed[tp] = (self._at[tp], start)
        self._at[tp] = start
        reader.seek(tp, start)

    def _judge(self, fault: ReaderFault) -> None:
        if "AUTHORIZATION" in fault.code:
            raise RefusedError(f"reading is not allowed: {fault.message}", hint="the user of this connection needs Read on the topic")
        if fault.fatal:
            raise UnreachableError(f"reading stopped: {fault.message}")

    def _stuck(self) -> Error:
        waiting = ", ".join(f"{topic}[{p}] at {self._at[topic, p]} of {self._ranges[topic, p][1]}" for topic, p in sorted(self._left)[:5])
        return DeadlineError(f"no message for {self._timeout_s:g} s: {waiting}", hint="timeout := '2m' waits longer")
