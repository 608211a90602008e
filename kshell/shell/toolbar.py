"""The line below the prompt: what the sources and sinks are doing, from a prepared snapshot.

Invariant: text only, made from values at hand; no lock, no SQL, and it fits the width it is given: a narrow screen loses the least
important first, never a state that needs somebody nor the errors."""

from __future__ import annotations

import time
from collections.abc import Callable

from kshell.session.status import SinkStatus, Status
from kshell.shell.figures import age, count, plural, size

SEPARATOR = " · "
REDRAWS_PER_SECOND = 2
_WELL = frozenset({"running", "ok", "done", "committing", "idle"})


def line(status: Status, width: int) -> str:
    """`lag 1.2k · 8.4k rows/s · buffer 312k rows 96 MB, oldest 41 s · orders_lake ok 12 s ago · 0 errors`. Without a source nothing,
    or the brokers that are not connected."""
    awaited = [f"{c.name} {c.state}" for c in status.awaited]
    if not status.sources:
        return SEPARATOR.join(awaited)[:width]
    errors = plural(sum(s.error_rows for s in status.sources), "error")
    lag, rate = _reading(status)
    rows, held, oldest = _buffer(status)
    troubled = [*awaited, *(f"{s.name} {s.state}" for s in status.sources if s.state not in _WELL)]
    sinks = [_sink(s) for s in status.sinks]
    for parts in ([lag, rate, f"buffer {rows} {held}{oldest}", *sinks], [lag, rate, f"buffer {rows}", *sinks],
                  [lag, f"buffer {rows}", *sinks], [lag, *sinks], [lag]):
        text = SEPARATOR.join([*troubled, *parts, errors])
        if len(text) <= width:
            return text
    return text[:width]


def _reading(status: Status) -> tuple[str, str]:
    lags = [s.lag_messages for s in status.sources if s.lag_messages is not None]
    return f"lag {count(sum(lags))}" if lags else "lag unknown", f"{count(sum(s.rows_per_second for s in status.sources))} rows/s"


def _buffer(status: Status) -> tuple[str, str, str]:
    waits = [s.oldest_unflushed_s for s in status.sources if s.oldest_unflushed_s is not None]
    rows = f"{count(sum(s.buffer_rows for s in status.sources))} rows"
    return rows, size(sum(s.buffer_bytes for s in status.sources)), f", oldest {age(max(waits))}" if waits else ""


def _sink(sink: SinkStatus) -> str:
    state = "ok" if sink.state in _WELL else sink.state
    if sink.last_commit_age_s is None:
        return f"{sink.name} {state}, no commit yet"
    return f"{sink.name} {state} {age(sink.last_commit_age_s)} ago"


class Toolbar:
    """Asks for a snapshot at most twice a second, however often the screen is drawn."""

    def __init__(self, status: Callable[[], Status], clock: Callable[[], float] = time.monotonic) -> None:
        self._status, self._clock = status, clock
        self._text, self._at, self._width = "", float("-inf"), 0

    def text(self, width: int) -> str:
        if self._clock() - self._at >= 1 / REDRAWS_PER_SECOND or width != self._width:
            self._text, self._at, self._width = line(self._status(), width), self._clock(), width
        return self._text
