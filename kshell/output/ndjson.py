"""One JSON object a line, for jq and for results that never end."""

from __future__ import annotations

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._objects import names, objects

EXTENSION = ".ndjson"
ALIASES: dict[str, dict[str, object]] = {"jsonlines": {}}


class Writer(Base):
    def begin(self) -> None:
        self._members = names(self.columns)

    def batch(self, batch: pa.RecordBatch) -> None:
        rows = objects(batch, self.columns, self._members, wide_as_text=self.settings.wide_as_text)
        self.put("".join(self.safe(line) + "\n" for line in rows))
