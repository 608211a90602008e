"""Arrow IPC: a file where the stream is one (-o x.arrow), else Arrow's stream format, batch by batch."""

from __future__ import annotations

import pyarrow as pa

from kshell.output._base import Writer as Base
from kshell.output._files import Adapter, Sink, is_file, refuse_terminal

EXTENSION = ".arrow"
ONE_RESULT = True
BINARY = True


class Writer(Base):
    def begin(self) -> None:
        refuse_terminal("arrow", self.settings)
        self._adapter = Adapter(self.columns, ())
        self._writer = None

    def batch(self, batch: pa.RecordBatch) -> None:
        adapted = self._adapter.batch(batch)
        self._open(adapted.schema).write_batch(adapted)
        self.stream.flush()

    def end(self) -> None:
        self._open(self._adapter.schema()).close()
        self.stream.flush()

    def _open(self, schema: pa.Schema) -> pa.RecordBatchFileWriter:
        if self._writer is None:
            make = pa.ipc.new_file if is_file(self.stream) else pa.ipc.new_stream
            self._writer = make(pa.PythonFile(Sink(self.stream), mode="w"), schema)
        return self._writer
