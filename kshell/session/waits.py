"""Statements that wait: FLUSH, WAIT. They are about the table and the log, not about who commits.

Invariant: Ctrl-C and TIMEOUT end the waiting, never what is waited for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.buffer import TP
from kshell.errors import DeadlineError
from kshell.session.context import Context
from kshell.session.sink import SinkEntry
from kshell.session.sources import Source

if TYPE_CHECKING:
    from kshell.flush.flusher import Flusher, Request, Work


@dataclass(frozen=True, slots=True)
class Flushed:
    sink: str
    rows: int
    snapshot_id: int | None                   # None: there was nothing to commit


def flush(context: Context, entries: Sequence[SinkEntry], timeout_s: float) -> list[Flushed]:
    """Everything that was decoded when the statement began is committed, by whomever."""
    asked: list[tuple[SinkEntry, Flusher, Request]] = []
    for entry in entries:
        flusher = entry.running()
        asked.append((entry, flusher, flusher.request()))
    context.cancel.wait_until(lambda: all(r.done.is_set() for _, _, r in asked), timeout_s=timeout_s,
                              late=lambda: _flush_late([e for e, _, r in asked if not r.done.is_set()], timeout_s))
    for _, _, request in asked:
        if request.error is not None:
            raise request.error
    return [Flushed(entry.name, request.rows, request.snapshot_id) for entry, _, request in asked]


def _flush_late(entries: Sequence[SinkEntry], timeout_s: float) -> DeadlineError:
    entry = entries[0]
    left = "; ".join(line for e in entries for line in not_committed(e))
    status = entry.running().status()
    why = f" ({status.last_error})" if status.last_error else ""
    return DeadlineError(f"sink {entry.name} has not committed everything after {_figure(timeout_s)} s{why}: "
                         f"{left or 'a commit is on its way'}",
                         hint="the commit goes on; SHOW SINKS shows its state")


def on_the_thread(context: Context, flusher: Flusher, work: Work, timeout_s: float, late: Callable[[], DeadlineError]) -> None:
    """Work on a sink's tables, done between two commits. Who waits no longer leaves it at its next step."""
    from kshell.flush.flusher import Errand

    over = False
    errand = Errand(work, lambda: over)
    flusher.send(errand)
    try:
        context.cancel.wait_until(errand.done.is_set, timeout_s=timeout_s, late=late)
    finally:
        over = True
        flusher.take_back(errand)
    if errand.error is not None:
        raise errand.error


def caught_up(context: Context, source: Source, timeout_s: float) -> int:
    """Everything that is in the log when the statement begins is decoded. The rows in the buffer."""
    source.ingest.raise_if_failed()
    ends = source.cluster.log_ends(list(source.ingest.status().partitions), committed=source.options["ISOLATION"] == "read_committed")
    stop = source.stop or {}
    goal = {tp: min(end, stop[tp]) if tp in stop else end for tp, end in ends.items()}
    context.cancel.wait_until(lambda: _reached(source, goal), timeout_s=timeout_s, late=lambda: _late(source, goal, timeout_s))
    return source.buffer.rows


def rows_seen(context: Context, source: Source, sink: SinkEntry | None, rows: int, timeout_s: float) -> int:
    """The source has had that many rows: decoded since it was created, or landed in its sink's table by an earlier process."""
    def seen() -> int:
        source.ingest.raise_if_failed()
        return max(source.ingest.status().rows_total, _held(sink))

    def late() -> DeadlineError:
        return DeadlineError(f"source {source.name} has {seen()} of {rows} rows after {_figure(timeout_s)} s",
                             hint=f"SHOW SOURCES shows its state and its lag; TIMEOUT '{_figure(timeout_s * 2)}s' waits longer")
    context.cancel.wait_until(lambda: seen() >= rows, timeout_s=timeout_s, late=late)
    return seen()


def _held(sink: SinkEntry | None) -> int:
    """Rows of the sink's table, as its commits recorded them, and those that wait for a commit."""
    if sink is None or sink.flusher is None:
        return 0
    state = sink.flusher.target.head.state
    return (sum(state.rows().values()) if state is not None else 0) + sink.flusher.status().pending_rows


def _reached(source: Source, goal: Mapping[TP, int]) -> bool:
    source.ingest.raise_if_failed()
    visible = source.buffer.visible()
    return all(visible.get(tp, 0) >= end for tp, end in goal.items())


def _late(source: Source, goal: Mapping[TP, int], timeout_s: float) -> DeadlineError:
    visible = source.buffer.visible()
    left = sum(max(0, end - visible.get(tp, 0)) for tp, end in goal.items())
    state = source.ingest.status().state
    return DeadlineError(f"source {source.name} is not caught up after {_figure(timeout_s)} s: {left} offsets to go, state {state}",
                         hint=f"SHOW SOURCES shows its state and its lag; TIMEOUT '{_figure(timeout_s * 2)}s' waits longer")


def _figure(seconds: float) -> str:
    """What was asked for, also where a part of the time had gone before the waiting began."""
    return f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def not_committed(entry: SinkEntry) -> list[str]:
    """`clicks[0] 1180-1200`: offsets that are decoded and not in the table."""
    head = entry.flusher.target.head if entry.flusher else (entry.created.head if entry.created else None)
    cut = head.cut() if head is not None else {}
    lines = []
    for (topic, partition), decoded in sorted(entry.source.buffer.decoded().items()):
        committed = cut.get((topic, partition), 0)
        if decoded > committed:
            lines.append(f"{topic}[{partition}] {committed}-{decoded - 1}")
    return lines
