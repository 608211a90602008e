"""A format without SQL: each record begins with the number of its schema, and the test decides which schemas can be had.

Schema 1 has `id`, schema 2 has `id` and `note`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from kshell.columns import Column, metadata_columns
from kshell.decode import BadRecord, Decoder, Prepared

ID, NOTE = Column("id", "BIGINT"), Column("note", "VARCHAR")
_ARROW = {"id": pa.int64(), "note": pa.string()}


class Registry:
    def __init__(self, known: set[int]) -> None:
        self.known = known
        self.asked = 0


class Framed:
    sql = False
    key_type = "BLOB"
    description = "row by row"

    def __init__(self, registry: Registry, columns: Sequence[Column] = (ID,)) -> None:
        self.registry = registry
        self.columns, self.metadata = tuple(columns), metadata_columns()
        self._counted: Counter[str] = Counter()

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        self.registry.asked += 1
        numbers = [value[0] for value in batch["value"].to_pylist()]
        waiting = {i: "the registry does not answer" for i, n in enumerate(numbers) if n not in self.registry.known}
        wanted = (NOTE,) if 2 in numbers and NOTE not in self.columns else ()
        return Prepared(wanted, waiting)

    def judge(self, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
        values = batch["value"].to_pylist()
        bad = [BadRecord(i, "FRAME", "the record is empty") for i, value in enumerate(values) if value[1:] == b""]
        kept = [i for i in range(len(values)) if i not in {b.index for b in bad}]
        rows = [json.loads(values[i][1:]) for i in kept]
        names = {c.name for c in self.columns}
        self._counted["fields_without_column"] += sum(key not in names for row in rows for key in row)
        own = {c.name: pa.array([row.get(c.name) for row in rows], _ARROW[c.name]) for c in self.columns}
        return pa.table(own | {c.name: batch[c.name].take(pa.array(kept, pa.int64())) for c in self.metadata}), bad

    def stray(self, batch: str) -> str | None:
        return None

    def take_counters(self) -> Counter[str]:
        counted, self._counted = self._counted, Counter()
        return counted

    def rows(self, batch: str) -> str:
        raise AssertionError("a format without SQL is judged")

    select = suspects = rows


def framed(schema: int, **fields: Any) -> bytes:
    return bytes([schema]) + json.dumps(fields).encode()


def grown(decoder: Decoder, proposal: tuple[Column, ...]) -> Decoder:
    """What a table that takes every column answers."""
    assert isinstance(decoder, Framed)
    return Framed(decoder.registry, (*decoder.columns, *proposal))
