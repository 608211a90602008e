"""The last result, kept for `.last`: as it was, up to a bound.

Invariant: at most KEEP_BYTES of batches are held; a larger result is not kept in part, because half a result looks like a whole one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from kshell.errors import RefusedError
from kshell.output import OutColumn

KEEP_BYTES = 64_000_000


@dataclass(slots=True)
class Kept:
    columns: Sequence[OutColumn]
    plan: bool = False
    batches: list[pa.RecordBatch] = field(default_factory=list)
    whole: bool = False
    rows: int = 0
    _bytes: int = 0

    def passing(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Hands the batches on and keeps them on the way."""
        fits = True
        for batch in batches:
            self.rows += batch.num_rows
            self._bytes += batch.nbytes
            fits = fits and self._bytes <= KEEP_BYTES
            if fits:
                self.batches.append(batch)
            elif self.batches:
                self.batches = []
            yield batch
        self.whole = fits

    def again(self) -> list[pa.RecordBatch]:
        if not self.whole:
            raise RefusedError("the last result was too large to keep, or did not come to its end", hint="run the query again")
        return self.batches
