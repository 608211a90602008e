"""Values between tabs, one row a line; a tab, line break or backslash inside a value is written \\t, \\n, \\r, \\\\."""

from __future__ import annotations

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._base import machine, rows_of

EXTENSION = ".tsv"
ONE_RESULT = True
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Writer(Base):
    def begin(self) -> None:
        if self.settings.header:
            self.put(self._line([c.name for c in self.columns]))

    def batch(self, batch: pa.RecordBatch) -> None:
        self.put("".join(self._line(row) for row in rows_of(machine(batch, self.columns))))

    def _line(self, cells: list[str] | tuple[str | None, ...]) -> str:
        return "\t".join(self.nullvalue if c is None else self.safe(c.translate(_ESCAPES)) for c in cells) + "\n"
