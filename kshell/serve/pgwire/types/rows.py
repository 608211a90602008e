"""RowEncoder: record batches as DataRow messages.

Invariant: one batch gives the messages of all its rows, in order, as one piece of bytes; a batch of any size is cut so that Arrow's 32-bit
offsets hold its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from kshell.output._shape import OutColumn, Shape
from kshell.serve.pgwire.types import binary, text
from kshell.serve.pgwire.types.cells import cell_lengths, content, fixed, framed, joined
from kshell.serve.pgwire.types.oids import PgType, pg_type

PART_BYTES = 64_000_000                       # hex makes twice of it; arrays of short items more
Encode = Callable[[pa.Array, Shape, PgType, str], pa.Array]


def parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in pieces of at most PART_BYTES, or of one row."""
    if batch.nbytes <= PART_BYTES or batch.num_rows < 2:
        yield batch
        return
    middle = batch.num_rows // 2
    yield from parts(batch.slice(0, middle))
    yield from parts(batch.slice(middle))


class RowEncoder:
    """`formats` as in Bind: none at all means text, one counts for all columns, else one for each; 0 is text, 1 is binary."""

    def __init__(self, columns: Sequence[OutColumn], formats: Sequence[int], zone: str = "UTC") -> None:
        given = list(formats) if len(formats) > 1 else [formats[0] if formats else 0] * len(columns)
        self._columns = [(column.shape, pg_type(column.type), binary.cells if format_ else text.cells)
                         for column, format_ in zip(columns, given, strict=True)]
        self._zone = zone

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """The DataRow messages of the batch."""
        return b"".join(self._messages(part) for part in parts(batch))

    def cells(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The values of each column as bytes."""
        return [encode(array, shape, type_, self._zone) for array, (shape, type_, encode) in zip(batch.columns, self._columns, strict=True)]

    def _messages(self, batch: pa.RecordBatch) -> bytes:
        cells = self.cells(batch)
        length = np.full(batch.num_rows, 6, np.int64)         # of the length itself and of the number of columns
        for column in cells:
            length += 4 + np.maximum(cell_lengths(column), 0)
        head = np.empty(batch.num_rows, np.dtype([("kind", "S1"), ("length", ">i4"), ("columns", ">i2")]))
        head["kind"], head["length"], head["columns"] = b"D", length, len(cells)
        return content(joined([fixed(head), *(part for column in cells for part in framed(column))]))
