"""One value a line, `name = value`, an empty line between rows: for wide rows."""

from __future__ import annotations

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._base import human, printable
from kshell.output._width import pad, width

ALIASES: dict[str, dict[str, object]] = {"line": {}}


class Writer(Base):
    null = "NULL"

    def begin(self) -> None:
        names = [printable(c.name) for c in self.columns]
        widest = max(map(width, names), default=0)
        self._names = [pad(name, widest, right=True) for name in names]
        self._between = ""

    def batch(self, batch: pa.RecordBatch) -> None:
        parts = []
        for row in zip(*human(batch, self.columns, self.nullvalue), strict=True):
            parts.append(self._between + "".join(f"{name} = {value}\n" for name, value in zip(self._names, row, strict=True)))
            self._between = "\n"
        self.put("".join(parts))
