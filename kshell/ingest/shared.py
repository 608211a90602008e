"""What the threads of one source share, and how a failure in any of them reaches whoever waits.

Invariant: every field is written by the one thread its comment names, or under the lock; the first failure wins and stays."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection

from kshell.buffer.shelf import said
from kshell.buffer.values import TP, BadRow
from kshell.errors import Error, InternalError
from kshell.ingest.rates import Rate
from kshell.ingest.values import Gap, Notice, Trouble

ERROR_ROWS = 10_000
ERROR_BYTES = 16_000_000
GAPS = 100                                    # of a partition


class Shared:
    def __init__(self, notice: Notice) -> None:
        self.stopping = threading.Event()
        self.changed = threading.Condition()  # notified when positions, the failure or the end change
        self.failure: Error | None = None
        self.done = False                     # decode thread: a bounded source has reached its end
        self.paused = False                   # by the user
        self.reconnecting = False             # fetch thread
        self.polled = False                   # fetch thread: at least one poll came back
        self.fetched: dict[TP, int] = {}      # fetch thread
        self.leaders: dict[TP, int] = {}      # fetch thread: the latest leader epoch seen
        self.log_starts: dict[TP, int] = {}   # watch thread, replaced whole
        self.log_ends: dict[TP, int] = {}     # watch thread, replaced whole
        self.rows_total = 0                   # decode thread
        self.error_rows = 0                   # decode thread
        self.last_error: str | None = None
        self.rate = Rate()
        self.counters: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._held_s = 0.0
        self._held_since: float | None = None # None: nothing is held up
        self._gaps: dict[TP, deque[Gap]] = {}
        self._troubles: dict[TP, Trouble] = {}
        self._errors: deque[BadRow] = deque(maxlen=ERROR_ROWS)
        self._error_bytes = 0
        self._notice = notice
        self._noticed: set[str] = set()

    def fail(self, error: BaseException, where: str) -> None:
        """The source ends here. Only an error of ours is shown as it is."""
        failure = error if isinstance(error, Error) else InternalError(f"{where} failed: {type(error).__name__}: {said(error)}")
        with self.changed:
            if self.failure is None:
                self.failure, self.last_error = failure, failure.message
            self.changed.notify_all()
        self.stopping.set()

    @property
    def holding(self) -> bool:
        """Backpressure: a full buffer holds up reading."""
        return self._held_since is not None

    def hold(self, holding: bool) -> None:
        """Fetch thread."""
        with self._lock:
            since, self._held_since = self._held_since, (self._held_since or time.monotonic()) if holding else None
            if since is not None and not holding:
                self._held_s += time.monotonic() - since

    def held_s(self) -> float:
        """How long all backpressure has lasted so far."""
        with self._lock:
            return self._held_s + (time.monotonic() - self._held_since if self._held_since is not None else 0.0)

    def moved(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool], timeout_s: float | None) -> bool:
        """Until the condition holds. The failure is raised; False: the time is up, or the source has stopped."""
        with self.changed:
            self.changed.wait_for(lambda: condition() or self.stopping.is_set() or self.failure is not None, timeout_s)
            reached = condition()
            if not reached and self.failure is not None:
                raise self.failure
            return reached

    def note(self, text: str) -> None:
        """A notice for the user, each text once."""
        with self._lock:
            if text in self._noticed:
                return
            self._noticed.add(text)
        self._notice(text)

    def tell(self, text: str) -> None:
        """A notice about something that may happen again."""
        self._notice(text)

    def add_gap(self, gap: Gap) -> None:
        with self._lock:
            self._gaps.setdefault(gap.tp, deque(maxlen=GAPS)).append(gap)

    def gaps(self, tp: TP) -> tuple[Gap, ...]:
        with self._lock:
            return tuple(self._gaps.get(tp, ()))

    def add_errors(self, rows: list[BadRow]) -> None:
        with self._lock:
            for row in rows:
                if len(self._errors) == ERROR_ROWS:
                    self._error_bytes -= self._errors.popleft().bytes
                self._errors.append(row)
                self._error_bytes += row.bytes
            while self._error_bytes > ERROR_BYTES and len(self._errors) > 1:
                self._error_bytes -= self._errors.popleft().bytes

    def errors(self) -> list[BadRow]:
        with self._lock:
            return list(self._errors)

    def forget_errors(self, positions: Collection[tuple[str, int, int]]) -> None:
        with self._lock:
            self._errors = deque((b for b in self._errors if (b.topic, b.partition, b.offset) not in positions), ERROR_ROWS)
            self._error_bytes = sum(b.bytes for b in self._errors)

    def set_trouble(self, trouble: Trouble) -> None:
        with self._lock:
            self._troubles[trouble.tp] = trouble

    def clear_trouble(self, tp: TP) -> bool:
        """False: there was none."""
        with self._lock:
            return self._troubles.pop(tp, None) is not None

    def troubles(self) -> dict[TP, Trouble]:
        with self._lock:
            return dict(self._troubles)
