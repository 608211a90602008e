"""A box with types in the header. Longer than maxrows: head and tail. Wider than the screen: cells are cut, then columns left out.

Invariant: every line of a box has the same display width; memory is bounded by PAGE_ROWS rows (a longer result that may not be
cut is a box for every PAGE_ROWS rows)."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._base import human, printable
from kshell.output._large import in_words
from kshell.output._width import cut, pad, width

ALIASES: dict[str, dict[str, object]] = {"duckbox": {}, "box": {"types": False}}
PAGE_ROWS = 10_000
CELL_WIDTH = 2_000                                # a single value never takes more of a box, cut or not
_NARROWEST = 6
Row = tuple[str, ...]


class Writer(Base):
    null = "NULL"

    def begin(self) -> None:
        most = self.settings.maxrows
        self._head: list[Row] = []
        self._tail: deque[Row] = deque(maxlen=None if most is None else max(1, most - (most + 1) // 2))
        self._room = PAGE_ROWS if most is None else (most + 1) // 2
        self._rows = 0
        self._boxes = 0

    def batch(self, batch: pa.RecordBatch) -> None:
        if self.settings.plan:
            self._plan(batch)
            return
        for row in zip(*self._texts(batch), strict=True):
            self._rows += 1
            if len(self._head) < self._room:
                self._head.append(row)
            elif self.settings.maxrows is None:
                self._box(self._head, [])
                self._head = [row]
            else:
                self._tail.append(row)

    def _texts(self, batch: pa.RecordBatch) -> list[list[str]]:
        texts = human(batch, self.columns, self.nullvalue)
        if self.settings.large == "all":
            texts = [[in_words(t) or t for t in found] if c.shape.numeric else found for c, found in zip(self.columns, texts, strict=True)]
        return texts

    def end(self) -> None:
        if self.settings.plan:
            return
        left_out = self._rows - len(self._head) - len(self._tail)
        if self.settings.large == "footer" and self._rows == 1 and not self._boxes:
            self._head += self._below(self._head[0])
        if self._head or not self._boxes:
            head, tail = (self._head, list(self._tail)) if left_out else ([*self._head, *self._tail], [])
            self._box(head, tail)
        if left_out:
            self.put(f"{self._rows} rows, {self._rows - left_out} shown (.last all)\n")

    def _below(self, row: Row) -> list[Row]:
        """The line under a single row: its large numbers in words."""
        found = [in_words(text) if c.shape.numeric else None for c, text in zip(self.columns, row, strict=True)]
        return [tuple(f"({text})" if text else "" for text in found)] if any(found) else []

    def _plan(self, batch: pa.RecordBatch) -> None:
        """EXPLAIN: the drawing itself, line by line."""
        for text in batch.columns[-1].to_pylist():
            self.put("".join(printable(line) + "\n" for line in str(text).rstrip("\n").split("\n")))

    def _box(self, head: Sequence[Row], tail: Sequence[Row]) -> None:
        self._boxes += 1
        heads = [tuple(printable(c.name) for c in self.columns)] if self.settings.header else []
        if heads and self.settings.types:
            heads.append(tuple(printable(c.type.lower()) for c in self.columns))
        gap = [("·",) * len(self.columns)] * 3 if tail else []
        right = [c.shape.numeric for c in self.columns]
        self.put(draw(heads, [*head, *gap, *tail], right, self.settings.width))


def draw(heads: Sequence[Row], rows: Sequence[Row], right: Sequence[bool], screen: int | None) -> str:
    """The lines of one box."""
    widths = [min(CELL_WIDTH, max((width(row[i]) for row in (*heads, *rows)), default=1)) for i in range(len(right))]
    shown, widths = _fit(widths, screen)
    lines = [_rule("┌┬┐", widths)]
    lines += [_line([_centre(_pick(row, i), w) for i, w in zip(shown, widths, strict=True)]) for row in heads]
    if heads and rows:
        lines.append(_rule("├┼┤", widths))
    for row in rows:
        cells = [pad(cut(_pick(row, i), w), w, right=i is not None and right[i]) for i, w in zip(shown, widths, strict=True)]
        lines.append(_line(cells))
    lines.append(_rule("└┴┘", widths))
    return "\n".join(lines) + "\n"


def _fit(widths: list[int], screen: int | None) -> tuple[list[int | None], list[int]]:
    """Which columns are shown and how wide; None stands for the ones left out in the middle."""
    shown: list[int | None] = list(range(len(widths)))
    if screen is None:
        return shown, widths
    while _total([min(w, _NARROWEST) for w in widths]) > screen and len(shown) > 2:
        middle = len(shown) // 2
        if None in shown:
            middle = shown.index(None)
            middle += 1 if middle < len(shown) - middle else -1
            del shown[middle], widths[middle]
        else:
            shown[middle], widths[middle] = None, 1
    return shown, _shrunk(widths, screen)


def _shrunk(widths: list[int], screen: int) -> list[int]:
    """The widest columns give way first, none below _NARROWEST; what a common limit leaves free goes to the columns on the right."""
    room = screen - _total([0] * len(widths))
    if sum(widths) <= room:
        return list(widths)
    limits = range(_NARROWEST, max(*widths, _NARROWEST) + 1)
    limit = limits[max(0, bisect_right(limits, room, key=lambda most: sum(min(w, most) for w in widths)) - 1)]
    shrunk = [min(w, limit) for w in widths]
    for at in [i for i, w in enumerate(widths) if w > limit][::-1][:max(0, room - sum(shrunk))]:
        shrunk[at] += 1
    return shrunk


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 3 * len(widths) + 1


def _pick(row: Row, index: int | None) -> str:
    return "…" if index is None else row[index]


def _centre(text: str, to: int) -> str:
    text = cut(text, to)
    left = (to - width(text)) // 2
    return pad(" " * left + text, to)


def _rule(corners: str, widths: Sequence[int]) -> str:
    return corners[0] + corners[1].join("─" * (w + 2) for w in widths) + corners[2]


def _line(cells: Sequence[str]) -> str:
    return "│ " + " │ ".join(cells) + " │"
