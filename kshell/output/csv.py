"""CSV by RFC 4180: a header, lines end in \\n, NULL is empty and '' is quoted, nested values are JSON, BLOB is base64."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._base import machine

EXTENSION = ".csv"
ONE_RESULT = True
_QUOTED = re.compile('[",\r\n]')


class Writer(Base):
    def begin(self) -> None:
        if self.settings.header:
            self.put(",".join(self._cells([c.name for c in self.columns])) + "\n")

    def batch(self, batch: pa.RecordBatch) -> None:
        cells = [self._cells(texts) for texts in machine(batch, self.columns)]
        self.put("".join([",".join(row) + "\n" for row in zip(*cells, strict=True)]))

    def _cells(self, texts: Sequence[str | None]) -> list[str]:
        """A column at a time: one look tells that none of its cells needs quotes, which is so for most columns."""
        given = [t for t in texts if t is not None]
        if not self.settings.terminal and "" not in given and self.nullvalue not in given and not _QUOTED.search("\0".join(given)):
            return given if len(given) == len(texts) else [self.nullvalue if t is None else t for t in texts]
        return [self.nullvalue if t is None else self._cell(t) for t in texts]

    def _cell(self, text: str) -> str:
        text = self.safe(text)
        if not text or text == self.nullvalue or _QUOTED.search(text):
            return '"' + text.replace('"', '""') + '"'
        return text
