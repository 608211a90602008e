"""The line below a result: how much, how long, from where and how fresh.

Invariant: the split and the freshness are of the sources that the statement reads, and of no other; what is not known is left out."""

from __future__ import annotations

from kshell.session.status import Status
from kshell.shell.figures import age, count, elapsed, plural

SEPARATOR = " · "


def line(rows: int | None, seconds: float, read: Status, *, folded: int = 0) -> str:
    """`12 rows in 0.034 s · live 1.2k + lake 4.0M · data up to 0.8 s ago · snapshot 4102`. `rows` None: said elsewhere already;
    `read`: what the statement reads."""
    parts = [f"{plural(rows, 'row')} in {elapsed(seconds)}" if rows is not None else elapsed(seconds)]
    if read.sources:
        parts += _tiers(read)
    if folded:
        parts.append(f"{plural(folded, 'metadata column')} folded")
    return SEPARATOR.join(parts)


def _tiers(status: Status) -> list[str]:
    split = f"live {count(status.live_rows)}"
    parts = [split if status.lake_rows is None else f"{split} + lake {count(status.lake_rows)}"]
    if status.newest_event_age_s is not None:
        parts.append(f"data up to {age(max(0.0, status.newest_event_age_s))} ago")
    snapshots = {s.snapshot_id for s in status.sinks if s.snapshot_id is not None}
    if len(snapshots) == 1:
        parts.append(f"snapshot {snapshots.pop()}")
    return parts
