"""Records that are one line of CSV: fields by their position, each read as JSON reads a text.

RFC 4180 with commas: a field in quotes may hold commas, line breaks and doubled quotes; an empty field without quotes is NULL. One line
break may end the record. There is no header: a record has no line before it.

Invariant: a record has as many fields as the source has columns, or it is bad; where columns name positions (`FROM '$.column3'`), at
least as many as they name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from kshell.columns import Column
from kshell.decode.json_exact import converter
from kshell.decode.metadata import Metadata
from kshell.decode.output import Output, null
from kshell.decode.paths import spell
from kshell.decode.types import of
from kshell.decode.values import Inference, Prepared, Schemas
from kshell.decode.verdict import RECORD_BYTES, VALUE_BYTES, BadRecord, Verdict, text_of
from kshell.errors import BadValueError, InternalError, RefusedError

MOST_FIELDS = 1_000
_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n][^,\r\n]*)?)(,|(?:\r?\n)?\Z)')
_POSITION = re.compile(r"column(0|[1-9][0-9]{0,3})")
_BOM = b"\xef\xbb\xbf"


def decoder(key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> CsvDecoder:
    return CsvDecoder(key_format, columns, include, schemas)


def infer_sample(values: Iterable[bytes | None]) -> Inference:
    """column0, column1, ... of VARCHAR, as many as the longest record has: text is never looked at for numbers or dates."""
    most = 0
    for value in values:
        try:
            most = max(most, len(fields(value)) if value else 0)
        except Verdict:
            continue                          # a bad record decides nothing
    return Inference(tuple(Column(f"column{i}", "VARCHAR") for i in range(min(most, MOST_FIELDS))))


def fields(data: bytes) -> list[str | None]:
    """The fields of one record."""
    if len(data) > RECORD_BYTES:
        raise Verdict("RECORD_TOO_LARGE", f"{len(data):,} bytes, the limit is {RECORD_BYTES:,}")
    text = text_of(data.removeprefix(_BOM), "value")
    found: list[str | None] = []
    at = 0
    while True:
        match = _FIELD.match(text, at)
        if match is None:
            raise Verdict("CSV_SYNTAX", f"field {len(found)}: a quote that does not end, text after a quote, or a second line")
        quoted, plain, end = match.groups()
        found.append(plain if quoted is None else quoted.replace('""', '"'))
        at = match.end()
        if end != ",":
            return found
        if len(found) > MOST_FIELDS:
            raise Verdict("CSV_FIELDS", f"more than {MOST_FIELDS:,} fields")


class CsvDecoder:
    sql = False
    description = "exact: each record in Python"

    def __init__(self, key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> None:
        self.columns = tuple(columns)
        self._meta = Metadata(key_format, include, schemas)
        self.metadata, self.key_type = self._meta.columns, self._meta.key_type
        types = [of(c) for c in columns]
        for column, type_ in zip(columns, types, strict=True):
            if type_.fields or type_.json:
                raise RefusedError(f"Column {column.name}: a field of CSV is one text, not {type_.declared()}.",
                                   hint=f"declare it ({column.name} VARCHAR), and convert it in the query")
        self._arrow = [t.arrow() for t in types]
        self._places = [_position(c, i) for i, c in enumerate(columns)]
        self._named = self._places != list(range(len(columns)))
        self._converters = [converter(t, spell((c.name,))) for t, c in zip(types, columns, strict=True)]

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        return Prepared(waiting=self._meta.waiting(batch))

    def stray(self, batch: str) -> str | None:
        return None

    def take_counters(self) -> Counter[str]:
        return Counter()

    def judge(self, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
        output = Output(self._arrow)
        rows: list[int] = []
        good: list[list[Any]] = []
        for row, data in enumerate(batch["value"].to_pylist()):
            try:
                good.append(self._record(data))
                rows.append(row)
            except Verdict as verdict:
                output.bad(row, verdict, None)
        if rows:
            output.good(rows, [pa.array([values[i] for values in good], arrow) for i, arrow in enumerate(self._arrow)], None)
        return output.table(batch, self._meta, self.columns)

    def _record(self, data: bytes | None) -> list[Any]:
        found = [None] * (max(self._places, default=0) + 1) if data is None else self._fields(data)
        values = []
        for column, place, convert in zip(self.columns, self._places, self._converters, strict=True):
            text = found[place]
            if text is not None and 4 * len(text) > VALUE_BYTES and len(text.encode()) > VALUE_BYTES:
                raise Verdict("VALUE_TOO_LARGE", f"{spell((column.name,))}: the limit of a value is {VALUE_BYTES:,} bytes")
            value = convert(text)
            if value is None and column.not_null:
                raise null(column, spell((column.name,)))
            values.append(value)
        return values

    def _fields(self, data: bytes) -> list[str | None]:
        found = fields(data)
        wanted = max(self._places, default=-1) + 1
        if len(found) < wanted or (len(found) > wanted and not self._named):
            raise Verdict("CSV_FIELDS", f"{len(found):,} field{'s' if len(found) != 1 else ''} where {wanted:,} are wanted")
        return found

    def rows(self, batch: str) -> str:
        raise InternalError("CSV has no form in SQL")

    select = suspects = rows


def _position(column: Column, order: int) -> int:
    """By the name of a position, `column3`, or by the order of the columns."""
    match = _POSITION.fullmatch(column.source_path[0]) if len(column.source_path) == 1 else None
    if match is None and not column.path:
        return order
    if match is None:
        raise BadValueError(f"Column {column.name}: {spell(column.path)} is no field of CSV",
                            hint="fields are '$.column0', '$.column1', ...; without FROM columns take them in order")
    return int(match[1])
