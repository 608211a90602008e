"""A table of rows that keep arriving: the header once, each row as soon as it is there.

Invariant: a row is on the screen before the next is asked for. Widths are settled by the first batch; later values are cut to them, but
the last column has the rest of the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from kshell.output import OutColumn, Settings, Stream, printable
from kshell.output._base import human
from kshell.output._width import cut, pad, width

WIDEST = 48
_INSTANT = 24                                     # no narrower screen cuts a time of the usual length


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
        screen = self._settings.width or 5 * WIDEST
        most = max(_INSTANT, min(WIDEST, screen * 3 // 10))
        wanted = [max(width(names[n]), *(width(row[n]) for row in rows)) for n in range(len(names))]
        self._widths = [max(4, min(most, w)) for w in wanted[:-1]]
        self._widths.append(max(4, min(wanted[-1], screen - sum(self._widths) - 2 * len(self._widths))))
        if self._settings.header:
            self._line(names)
            self._line(["─" * w for w in self._widths])

    def _line(self, cells: Sequence[str]) -> None:
        *first, last = zip(cells, self._widths, self._columns, strict=True)
        shown = [pad(cut(cell, w), w, right=c.shape.numeric) for cell, w, c in first]
        line = "  ".join([*shown, pad(last[0], last[1], right=last[2].shape.numeric)]).rstrip()
        self._stream.write((cut(line, self._settings.width) if self._settings.width else line).encode("utf-8", "backslashreplace") + b"\n")
        self._stream.flush()
