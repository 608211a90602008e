"""A GitHub table: a bar or a line break inside a value does not end its cell, and no value opens a tag."""

from __future__ import annotations

import re

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._base import human, printable

EXTENSION = ".md"
_BREAKS = re.compile("\r\n|\n|\r")
_BEFORE_BAR = re.compile(r"\\(?=\||$)")          # a backslash that would take the escape away from a bar


class Writer(Base):
    def begin(self) -> None:
        self.put(_line([_cell(c.name) for c in self.columns]))
        self.put(_line(["---:" if c.shape.numeric else "---" for c in self.columns]))

    def batch(self, batch: pa.RecordBatch) -> None:
        cells = human(batch, self.columns, self.nullvalue, _cell)
        self.put("".join(_line(row) for row in zip(*cells, strict=True)))


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cell(text: str) -> str:
    return "<br>".join(_inline(part) for part in _BREAKS.split(text))


def _inline(text: str) -> str:
    quiet = _BEFORE_BAR.sub("&#92;", text.replace("&", "&amp;").replace("<", "&lt;"))
    return printable(quiet).replace("|", "\\|")
