"""Leaving: what is not in Iceberg yet is flushed or left in Kafka, as the user says.

Invariant: nothing is lost either way; progress is in the table. What was not committed is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kshell.shell.api import Session
from kshell.shell.figures import grouped

FLUSH_S = 10.0


def wants_flush(session: Session, ask: Callable[[str], str]) -> bool:
    """Asks only when rows are waiting. Enter means yes."""
    waiting = sum(int(p.rows) for p in session.pending())
    if not waiting:
        return True
    answer = ask(f"{grouped(waiting)} rows not yet in Iceberg: flush them (Y) or leave them in Kafka (n)? ")
    return not answer.strip().lower().startswith("n")


def close(session: Session, *, flush: bool, say: Callable[[str], None]) -> Sequence[str]:
    left = session.close(flush, FLUSH_S)
    for line in left:
        say(line if line.startswith(("note:", "warning:", "error:")) else f"note: {line}")
    return left
