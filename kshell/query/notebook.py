"""A result as a notebook shows it: an HTML table of its first rows.

Invariant: every value and name is escaped, by the html output mode; a cut is said below the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from io import BytesIO

import pyarrow as pa

from kshell import output
from kshell.output import OutColumn, printable


def html(columns: Sequence[OutColumn], batches: Iterable[pa.RecordBatch], most: int, *, note: str | None = None) -> str:
    if note is not None:
        return f"<p>{escape(printable(note))}</p>\n"
    held = BytesIO()
    found = list(batches)
    output.write(columns, _first(found, most), output.find("html"), held, output.Settings(nullvalue="NULL"))
    more = sum(batch.num_rows for batch in found) > most
    return held.getvalue().decode("utf-8") + (f"<p>first {most} rows</p>\n" if more else "")


def _first(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if most <= 0:
            return
        yield batch.slice(0, most)
        most -= batch.num_rows
