"""Formats that make one column of the whole value.

Invariant: a null value is a row of NULL, an empty one is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from kshell.columns import PARTITION, Column, literal, quote
from kshell.decode.metadata import DOUBT, Metadata
from kshell.decode.types import of
from kshell.decode.values import Schemas, SqlForm
from kshell.decode.verdict import RECORD_BYTES, VALUE_BYTES, BadRecord, Verdict, each
from kshell.errors import BadValueError


class SingleColumn(SqlForm):
    """`sql` is the column's value over the batch, `exact` the same over a value that is not null."""

    def __init__(self, own: tuple[Column, ...], key_format: str, columns: Sequence[Column], include: Iterable[str],
                 schemas: Schemas, *, sql: str, exact: Callable[[bytes], object]) -> None:
        if len(columns) > 1 or any(c.type != own[0].type or c.path or c.json_text for c in columns):
            raise BadValueError(f"this format has the one column {own[0].name} {own[0].type}",
                                hint="leave the column list out, or use FORMAT json")
        self.columns = tuple(columns) or own
        self._meta = Metadata(key_format, include, schemas)
        self.metadata, self.key_type, self.sql = self._meta.columns, self._meta.key_type, self._meta.sql
        self._value, self._exact, self._type = sql, exact, of(own[0])
        self._required = self.columns[0].not_null

    def rows(self, batch: str) -> str:
        return self._sql(batch, False, f"CASE WHEN {self._suspect()} THEN error({literal(DOUBT)}) ELSE r.{PARTITION} END AS {PARTITION}")

    def select(self, batch: str) -> str:
        return self._sql(batch, True, f"{self._suspect()} AS _suspect")

    def suspects(self, batch: str) -> str:
        return f"SELECT r._index FROM ({self._from(batch, True)}) r WHERE {self._suspect()}"

    def _sql(self, batch: str, careful: bool, marked: str) -> str:
        values = [f"r._v AS {quote(self.columns[0].name)}"]
        for sql, name in self._meta.values("NULL::VARCHAR"):
            values.append(marked if name == PARTITION and not careful else f"{sql} AS {name}")
        return f"SELECT {', '.join(values + ([marked] if careful else []))} FROM ({self._from(batch, careful)}) r"

    def _from(self, batch: str, careful: bool) -> str:
        value = f"try({self._value})" if careful else self._value
        return f"SELECT *, {', '.join([f'{value} AS _v', *self._meta.prepare(careful)])} FROM {batch}"

    def _suspect(self) -> str:
        null = "false" if self._required else "r.value IS NULL"
        fits = f"(r._v IS NOT NULL AND octet_length(r.value) <= {VALUE_BYTES})"
        return f"NOT coalesce({' AND '.join([f'({null} OR {fits})', *self._meta.sure()])}, false)"

    def judge(self, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
        records = zip(batch["value"].to_pylist(), self._meta.keys(batch), strict=True)
        good, kept, faults = each(records, self._record)
        arrays = [pa.array([value for value, _ in good], self._type.arrow()),
                  *self._meta.arrays(batch, kept, [key for _, key in good], [None] * len(good))]
        return pa.table(arrays, names=[c.name for c in (*self.columns, *self.metadata)]), faults

    def _record(self, record: tuple[bytes | None, Any]) -> tuple[object, Any]:
        data, key = record
        if data is None and self._required:
            raise Verdict("TYPE_MISFIT", f"NULL in column {self.columns[0].name}, which is NOT NULL")
        if data is not None and len(data) > RECORD_BYTES:
            raise Verdict("RECORD_TOO_LARGE", f"{len(data):,} bytes, the limit is {RECORD_BYTES:,}")
        if data is not None and len(data) > VALUE_BYTES:
            raise Verdict("VALUE_TOO_LARGE", f"{len(data):,} bytes, the limit of a value is {VALUE_BYTES:,}")
        return None if data is None else self._exact(data), self._meta.key(key)
