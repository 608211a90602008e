"""A table of rows that keep arriving: the header once, each row as soon as it is there.

Invariant: a row is on the screen before the next is asked for. Widths are settled by the first batch; later values are cut to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from kshell.output import OutColumn, Settings, Stream, printable
from kshell.output._base import human
from kshell.output._width import cut, pad, width

WIDEST = 48


class LiveTable:
    def __init__(self, stream: Stream, columns: Sequence[OutColumn], settings: Settings) -> None:
        self._stream, self._columns, self._settings = stream, columns, settings
        self._widths: list[int] = []

    def write(self, batches: Iterable[pa.RecordBatch]) -> None:
        for batch in batches:
            rows = list(zip(*human(batch, self._columns, self._settings.nullvalue or "NULL"), strict=True))
            if not self._widths and rows:
                self._settle(rows)
            for row in rows:
                self._line(row)

    def _settle(self, rows: list[tuple[str, ...]]) -> None:
        names = [printable(c.name) for c in self._columns]
        self._widths = [min(WIDEST, max(width(names[n]), *(width(row[n]) for row in rows), 4)) for n in range(len(names))]
        if self._settings.header:
            self._line(names)
            self._line(["─" * w for w in self._widths])

    def _line(self, cells: Sequence[str]) -> None:
        shown = [pad(cut(cell, w), w, right=c.shape.numeric) for cell, w, c in zip(cells, self._widths, self._columns, strict=True)]
        line = "  ".join(shown).rstrip()
        self._stream.write((cut(line, self._settings.width) if self._settings.width else line).encode("utf-8", "backslashreplace") + b"\n")
        self._stream.flush()
