"""An HTML table; every value and name is escaped."""

from __future__ import annotations

from html import escape

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._base import human, printable

EXTENSION = ".html"


class Writer(Base):
    def begin(self) -> None:
        head = "".join(f"<th>{escape(printable(c.name))}</th>" for c in self.columns) if self.settings.header else ""
        self.put(f"<table>\n{f'<thead><tr>{head}</tr></thead>{chr(10)}' if head else ''}<tbody>\n")

    def batch(self, batch: pa.RecordBatch) -> None:
        cells = human(batch, self.columns, self.nullvalue)
        self.put("".join(f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>\n" for row in zip(*cells, strict=True)))

    def end(self) -> None:
        self.put("</tbody>\n</table>\n")
