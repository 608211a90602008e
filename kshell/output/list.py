"""Values between bars, one row a line, as DuckDB's and SQLite's shells do it."""

from __future__ import annotations

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._base import human, printable


class Writer(Base):
    def begin(self) -> None:
        if self.settings.header:
            self.put("|".join(printable(c.name) for c in self.columns) + "\n")

    def batch(self, batch: pa.RecordBatch) -> None:
        self.put("".join("|".join(row) + "\n" for row in zip(*human(batch, self.columns, self.nullvalue), strict=True)))
