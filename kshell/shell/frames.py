"""Results drawn in place, one over the other, for `.watch`: changed cells marked, one number with its recent course.

Invariant: a frame clears no more than the frame before it has written, so what stood above stays."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Sequence
from io import BytesIO

import pyarrow as pa

from kshell import output
from kshell.output import OutColumn, Stream
from kshell.shell.say import wrapped

_BARS = "▁▂▃▄▅▆▇█"
COURSE = 40                                   # values of the course of one number


class Screen:
    def __init__(self, out: Stream, *, diff: bool) -> None:
        self._out, self._diff = out, diff
        self._lines_before = 0
        self._cells_before: list[str] = []
        self._course: deque[float] = deque(maxlen=COURSE)

    def draw(self, columns: Sequence[OutColumn], table: pa.Table, footer: str) -> None:
        width, height = shutil.get_terminal_size()
        text = _box(columns, table, width, max(4, height - 8))
        lines = text.rstrip("\n").split("\n")
        self.lines(self._marked(lines) if self._diff else lines, footer + self._sparkline(table))

    def lines(self, lines: list[str], footer: str) -> None:
        """One frame: lines that fit the screen, and words below them."""
        shown = [*lines, *wrapped(footer, shutil.get_terminal_size().columns).split("\n")]
        up = f"\x1b[{self._lines_before}A" if self._lines_before else ""
        self._out.write((up + "".join(f"\r\x1b[K{line}\n" for line in shown) + "\x1b[J").encode("utf-8", "backslashreplace"))
        self._out.flush()
        self._lines_before = len(shown)

    def _marked(self, lines: list[str]) -> list[str]:
        """Lines that differ from those of the frame before, in inverse."""
        before, self._cells_before = self._cells_before, lines
        if not before:
            return lines
        return [_differences(line, before[n] if n < len(before) else "") for n, line in enumerate(lines)]

    def _sparkline(self, table: pa.Table) -> str:
        if table.num_rows != 1 or table.num_columns != 1:
            return ""
        value = table.column(0)[0].as_py()
        if not isinstance(value, int | float) or isinstance(value, bool):
            return ""
        self._course.append(float(value))
        return f"  {sparkline(self._course)}" if len(self._course) > 1 else ""


def _box(columns: Sequence[OutColumn], table: pa.Table, width: int, rows: int) -> str:
    held = BytesIO()
    output.write(columns, table.to_batches(), output.find("table"), held, output.Settings(terminal=True, width=width, maxrows=rows))
    return held.getvalue().decode("utf-8")


def _differences(line: str, before: str) -> str:
    """Cells (between the bars of a box) that changed, in inverse video."""
    cells, old = line.split("│"), before.split("│")
    if len(cells) < 3 or len(cells) != len(old):
        return line
    return "│".join(f"\x1b[7m{cell}\x1b[27m" if cell.strip() != was.strip() else cell for cell, was in zip(cells, old, strict=True))


def sparkline(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    if high == low:
        return _BARS[0] * len(values)
    return "".join(_BARS[round((v - low) / (high - low) * (len(_BARS) - 1))] for v in values)
