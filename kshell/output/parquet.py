"""A Parquet file, written batch by batch. INTERVAL and BIT become text, UNION becomes JSON, HUGEINT a decimal of 38 digits."""

from __future__ import annotations

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._files import Adapter, Sink, refuse_terminal

EXTENSION = ".parquet"
ONE_RESULT = True
BINARY = True


class Writer(Base):
    def begin(self) -> None:
        refuse_terminal("parquet", self.settings)
        self._adapter = Adapter(self.columns, ("interval", "union"))
        self._writer = None

    def batch(self, batch: pa.RecordBatch) -> None:
        adapted = self._adapter.batch(batch)
        self._open(adapted.schema).write_batch(adapted)

    def end(self) -> None:
        self._open(self._adapter.schema()).close()
        self.stream.flush()

    def _open(self, schema: pa.Schema) -> pa.Table:
        if self._writer is None:
            from pyarrow.parquet import ParquetWriter
            self._writer = ParquetWriter(pa.PythonFile(Sink(self.stream), mode="w"), schema, compression="zstd")
        return self._writer
