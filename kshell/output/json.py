"""One JSON array of objects, an object a line."""

from __future__ import annotations

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._objects import names, objects

EXTENSION = ".json"
ONE_RESULT = True


class Writer(Base):
    def begin(self) -> None:
        self._members = names(self.columns)
        self._between = "["

    def batch(self, batch: pa.RecordBatch) -> None:
        rows = objects(batch, self.columns, self._members, wide_as_text=self.settings.wide_as_text)
        self.put(self._between + ",\n".join(map(self.safe, rows)))
        self._between = ",\n"

    def end(self) -> None:
        self.put("[]\n" if self._between == "[" else "]\n")
