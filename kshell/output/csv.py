"""CSV by RFC 4180: a header, lines end in \\n, NULL is empty and '' is quoted, nested values are JSON, BLOB is base64."""

from __future__ import annotations

import re

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._base import machine, rows_of

EXTENSION = ".csv"
ONE_RESULT = True
_QUOTED = re.compile('[",\r\n]')


class Writer(Base):
    def begin(self) -> None:
        if self.settings.header:
            self.put(self._line([c.name for c in self.columns]))

    def batch(self, batch: pa.RecordBatch) -> None:
        self.put("".join(self._line(row) for row in rows_of(machine(batch, self.columns))))

    def _line(self, cells: list[str] | tuple[str | None, ...]) -> str:
        return ",".join([self._cell(cell) for cell in cells]) + "\n"

    def _cell(self, text: str | None) -> str:
        if text is None:
            return self.nullvalue
        text = self.safe(text)
        if not text or text == self.nullvalue or _QUOTED.search(text):
            return '"' + text.replace('"', '""') + '"'
        return text
