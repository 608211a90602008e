"""Rows and verdicts of a batch as they come, and as one table in the order of the batch. For every format with schemas.

Invariant: a record is one row or one verdict; a bad key makes a bad record of a good value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from typing import Any

import pyarrow as pa

from kshell.columns import Column
from kshell.decode.framing import Framed, too_large
from kshell.decode.metadata import Metadata
from kshell.decode.paths import spell
from kshell.decode.verdict import BadRecord, Verdict, bad


class Output:
    """`arrow`: the types of the payload columns."""

    def __init__(self, arrow: Sequence[pa.DataType]) -> None:
        self.rows = 0
        self.faults: list[BadRecord] = []
        self._arrow = arrow
        self._parts: list[tuple[Sequence[int], list[pa.Array], list[str | None] | None]] = []

    def good(self, rows: Sequence[int], columns: list[pa.Array], rests: list[str | None] | None) -> None:
        self.rows += len(rows)
        self._parts.append((rows, columns, rests))

    def bad(self, row: int, verdict: Verdict, schema_id: int | None) -> None:
        self.faults.append(bad(row, verdict, schema_id))

    def all_bad(self, rows: Sequence[int], verdict: Verdict, schema_id: int | None) -> None:
        for row in rows:
            self.bad(row, verdict, schema_id)

    def without_value(self, batch: pa.RecordBatch, found: Framed, columns: Sequence[Column]) -> None:
        """The records that no schema is asked about: those too large, and tombstones, which are rows of NULL."""
        for row in found.large:
            self.bad(row, too_large(len(batch["value"][row].as_py())), None)
        required = next((c for c in columns if c.not_null), None)
        if required is not None:
            self.all_bad(found.nulls, null(required, spell(required.source_path)), None)
        elif found.nulls:
            self.good(found.nulls, [pa.nulls(len(found.nulls), arrow) for arrow in self._arrow], None)

    def each(self, rows: Sequence[int], values: pa.Array, read: Callable[[bytes], tuple[Sequence[Any], str | None]],
             schema_id: int | None) -> None:
        """One record after the other. `read` gives the columns' values and the rest, or a verdict."""
        kept: list[int] = []
        good: list[tuple[Sequence[Any], str | None]] = []
        for row, value in zip(rows, values.to_pylist(), strict=True):
            try:
                good.append(read(value))
                kept.append(row)
            except Verdict as verdict:
                self.bad(row, verdict, schema_id)
        if kept:
            columns = [pa.array([own[i] for own, _ in good], arrow) for i, arrow in enumerate(self._arrow)]
            self.good(kept, columns, [rest for _, rest in good])

    def table(self, batch: pa.RecordBatch, meta: Metadata, columns: Sequence[Column]) -> tuple[pa.Table, list[BadRecord]]:
        rows, payload, rests = self._sorted(batch.num_rows)
        keys: list[Any] | None = None
        if not meta.as_they_are(batch):
            found = meta.keys(batch)
            keys, kept = [], []
            for place, row in enumerate(rows):
                try:
                    keys.append(meta.key(found[row]))
                    kept.append(place)
                except Verdict as verdict:
                    self.bad(row, verdict, None)
            if len(kept) < len(rows):
                taken = pa.array(kept, pa.int64())
                rows, payload = [rows[i] for i in kept], [array.take(taken) for array in payload]
                rests = [rests[i] for i in kept] if rests is not None else None
        arrays = [*payload, *meta.arrays(batch, rows, keys, rests)]
        table = pa.table(arrays, names=[c.name for c in (*columns, *meta.columns)])
        return table, sorted(self.faults, key=lambda record: record.index)

    def _sorted(self, of: int) -> tuple[Sequence[int], list[pa.Array], list[str | None] | None]:
        """Of so many rows."""
        columns = [_joined([columns[i] for _, columns, _ in self._parts], arrow) for i, arrow in enumerate(self._arrow)]
        rests = None
        if any(own for _, _, own in self._parts):
            rests = [rest for part, _, own in self._parts for rest in (own or [None] * len(part))]
        in_order = all(before[-1] < after[0] for (before, _, _), (after, _, _) in pairwise(self._parts))   # as they are within a part
        rows: Sequence[int] = range(of) if in_order and self.rows == of else list(chain.from_iterable(part for part, _, _ in self._parts))
        if in_order:
            return rows, columns, rests
        order = sorted(range(len(rows)), key=rows.__getitem__)
        taken = pa.array(order, pa.int64())
        return [rows[i] for i in order], [column.take(taken) for column in columns], [rests[i] for i in order] if rests else None


def _joined(arrays: list[pa.Array], arrow: pa.DataType) -> pa.Array:
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays) if arrays else pa.nulls(0, arrow)


def null(column: Column, where: str) -> Verdict:
    return Verdict("TYPE_MISFIT", f"{where}: NULL in column {column.name}, which is NOT NULL")
