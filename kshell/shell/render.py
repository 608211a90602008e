"""A result on its way to the screen, a file or the pager.

Invariant: rows go to the output and nothing else does; the words about them go to the context's notes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell import output
from kshell.columns import is_metadata
from kshell.output import OutColumn
from kshell.query.result import Result
from kshell.shell.keep import Kept
from kshell.shell.live import LiveTable
from kshell.shell.pager import PagedStream, PagerEndedError, sideways

if TYPE_CHECKING:
    from kshell.shell.context import Context

_TABLES = ("table", "duckbox", "box")


@dataclass(slots=True)
class Shown:
    """What was written: rows, columns folded away, and whether the output has said the number of rows itself."""

    rows: int = 0
    folded: int = 0
    counted: bool = False
    ended: float = 0.0                        # monotonic, when the last row was there: the time spent in a pager is the reader's


def modes() -> list[str]:
    return output.names()


def result(context: Context, found: Result, *, live: bool = False, fits: bool = False) -> Shown:
    """Write a result to where rows go, and keep it for `.last`. `live`: rows arrive for as long as nobody stops. `fits`: a box is as wide
    as the screen at most, whatever the pager could do."""
    kept = Kept(found.columns, found.plan)
    with closing(found):
        batches: Iterable[pa.RecordBatch] = found.batches() if live else kept.passing(found.batches())
        shown = rows(context, found.columns, batches, plan=found.plan, live=live, fits=fits)
    if not live:
        context.last = kept
    return shown


def rows(context: Context, columns: Sequence[OutColumn], batches: Iterable[pa.RecordBatch], *, plan: bool = False, live: bool = False,
         mode: str | None = None, everything: bool = False, fits: bool = False) -> Shown:
    """`mode` and `everything` are those of `.last`, `live` and `fits` those of `result`."""
    destination = context.destination
    if destination is not None:
        destination.take()
    chosen = destination.mode if destination is not None and mode is None else output.find(mode or context.mode())
    screen = destination is None and context.terminal
    table = chosen.name in _TABLES and screen
    shown = Shown(folded=sum(is_metadata(c.name) for c in columns) if table and not context.settings.meta else 0)
    columns, batches = _without_metadata(columns, batches) if shown.folded else (columns, batches)
    batches = _counting(context, batches, shown)
    paged = screen and not live
    if paged:
        first, batches = _peeked(batches)
        paged = first is not None             # nothing to page through
    settings = _settings(context, screen=screen, plan=plan, everything=everything, paged=paged and not fits)
    with stream(context, paged=paged) as out:
        if live and table:
            LiveTable(out, columns, settings).write(batches)
        else:
            output.write(columns, batches, chosen, out, settings)
    shown.counted = table and not live and settings.maxrows is not None and shown.rows > settings.maxrows and not plan
    if destination is not None and destination.once:
        context.redirect("", once=False)
    return shown


def _peeked(batches: Iterable[pa.RecordBatch]) -> tuple[pa.RecordBatch | None, Iterable[pa.RecordBatch]]:
    """The first batch, and all of them."""
    rest = iter(batches)
    first = next(rest, None)
    return first, rest if first is None else chain([first], rest)


def _settings(context: Context, *, screen: bool, plan: bool, everything: bool, paged: bool) -> output.Settings:
    own = context.settings
    cut = screen and not everything and own.maxrows > 0
    pager = context.pager() if paged else None
    # sideways is the pager's work: it gets the whole width
    width = own.maxwidth or (None if pager and sideways(pager) else shutil.get_terminal_size().columns)
    return output.Settings(header=own.headers, nullvalue=own.nullvalue, terminal=screen, width=width if screen else None,
                           maxrows=own.maxrows if cut else None, large=own.large_numbers, plan=plan)


Rows = tuple[Sequence[OutColumn], Iterable[pa.RecordBatch]]


def _without_metadata(columns: Sequence[OutColumn], batches: Iterable[pa.RecordBatch]) -> Rows:
    kept = [n for n, c in enumerate(columns) if not is_metadata(c.name)]
    return [columns[n] for n in kept], (batch.select(kept) for batch in batches)


def _counting(context: Context, batches: Iterable[pa.RecordBatch], shown: Shown) -> Iterator[pa.RecordBatch]:
    """Counts rows, ends at the limit, and tells the context before the first row is written."""
    limit = context.settings.limit
    for batch in batches:
        if limit is not None and shown.rows + batch.num_rows > limit:
            batch = batch.slice(0, limit - shown.rows)
            shown.rows += batch.num_rows
            context.before_rows()
            yield batch
            context.note(f"{limit} rows shown, more exist")
            break
        shown.rows += batch.num_rows
        context.before_rows()
        yield batch
    shown.ended = time.monotonic()
    context.before_rows()


@contextmanager
def stream(context: Context, *, paged: bool) -> Iterator[output.Stream]:
    """The destination, the pager if results may go there, else standard output."""
    pager = context.pager() if paged else None
    if context.destination is not None:
        yield context.destination.stream
    elif pager is None:
        yield context.out
    else:
        paged_stream = PagedStream(context.out, pager, context.terminal_lent)
        try:
            with suppress(PagerEndedError):
                yield paged_stream
        finally:
            paged_stream.finish()
