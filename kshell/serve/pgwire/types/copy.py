"""CopyEncoder: record batches as CopyData messages of COPY ... TO STDOUT, in PostgreSQL's text, csv and binary forms.

Invariant: one message holds one row, which is what drivers that read row by row expect; in binary the signature stands before the first
row, or before the end, in one message with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.output._shape import OutColumn
from kshell.serve.pgwire.types.cells import cell_lengths, content, fixed, framed, from_list, joined
from kshell.serve.pgwire.types.rows import RowEncoder, parts

_ESCAPES = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)


@dataclass(frozen=True)
class CopyForm:
    """What stands in COPY's WITH (...); None: the form's own default."""

    format: Literal["text", "csv", "binary"] = "text"
    delimiter: str | None = None
    null: str | None = None
    header: bool = False
    quote: str = '"'
    escape: str | None = None
    force_quote: frozenset[str] | Literal["*"] = frozenset()

    @property
    def separator(self) -> str:
        return self.delimiter or ("," if self.format == "csv" else "\t")

    @property
    def nothing(self) -> str:
        return self.null if self.null is not None else "" if self.format == "csv" else r"\N"


class CopyEncoder:
    """Bytes to send: `head()`, then `encode()` of each batch, then `tail()`."""

    def __init__(self, columns: Sequence[OutColumn], form: CopyForm | None = None, zone: str = "UTC") -> None:
        self.form = form or CopyForm()
        self._names = [column.name for column in columns]
        self._rows = RowEncoder(columns, [int(self.form.format == "binary")], zone)
        self._signature = _SIGNATURE if self.form.format == "binary" else b""         # as long as it is to be sent

    def head(self) -> bytes:
        if self.form.format == "binary" or not self.form.header:
            return b""
        return _messages(self._line([from_list([name]) for name in self._names], forced=False))

    def tail(self) -> bytes:
        return _message(self._signature + b"\xff\xff") if self.form.format == "binary" else b""

    def encode(self, batch: pa.RecordBatch) -> bytes:
        return b"".join(self._part(part) for part in parts(batch))

    def _part(self, batch: pa.RecordBatch) -> bytes:
        cells = self._rows.cells(batch)
        if self.form.format != "binary":
            return _messages(self._line(cells, forced=True))
        if not batch.num_rows:
            return b""
        before = from_list([self._signature, *[b""] * (batch.num_rows - 1)])
        self._signature = b""
        count = fixed(np.full(batch.num_rows, len(cells), ">i2"))
        return _messages([before, count, *(part for column in cells for part in framed(column))])

    def _line(self, cells: Iterable[pa.Array], *, forced: bool) -> list[Any]:
        """The values of a line, separated and ended."""
        parts: list[Any] = []
        for name, column in zip(self._names, cells, strict=True):
            text = column.cast(pa.string())
            shown = self._csv(text, forced=forced and self._forces(name)) if self.form.format == "csv" else self._text(text)
            parts += [shown.fill_null(self.form.nothing).cast(pa.binary()), self.form.separator.encode()]
        return [*parts[:-1], b"\n"]

    def _forces(self, name: str) -> bool:
        return self.form.force_quote == "*" or name in self.form.force_quote

    def _text(self, text: pa.Array) -> pa.Array:
        text = pc.replace_substring(text, "\\", "\\\\")
        for character, letter in {**_ESCAPES, self.form.separator: _ESCAPES.get(self.form.separator, self.form.separator)}.items():
            text = pc.replace_substring(text, character, "\\" + letter)
        return text

    def _csv(self, text: pa.Array, *, forced: bool) -> pa.Array:
        form = self.form
        special = pc.equal(text, form.nothing)
        for character in (form.separator, form.quote, "\n", "\r"):
            special = pc.or_(special, pc.match_substring(text, character))
        if len(self._names) == 1:
            special = pc.or_(special, pc.equal(text, r"\."))             # alone on its line it would end the data
        escape = form.escape or form.quote
        inner = text if escape == form.quote else pc.replace_substring(text, escape, escape * 2)
        quoted = pc.binary_join_element_wise(form.quote, pc.replace_substring(inner, form.quote, escape + form.quote), form.quote, "")
        return quoted if forced else pc.if_else(special, quoted, text)


def _message(body: bytes) -> bytes:
    return b"d" + (len(body) + 4).to_bytes(4, "big") + body


def _messages(parts: list[Any]) -> bytes:
    """A message for each row of the parts."""
    bodies = joined(parts)
    head = np.empty(len(bodies), np.dtype([("kind", "S1"), ("length", ">i4")]))
    head["kind"], head["length"] = b"d", cell_lengths(bodies) + 4
    return content(joined([fixed(head), bodies]))
