"""Which schema each record of a batch names, and the writers made of those schemas. For every format with schemas.

Invariant: an outage of the registry is never a verdict; a schema that cannot be used is one for each record that names it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from kshell.columns import HEADERS, KEY
from kshell.decode.unusable import Unusable
from kshell.decode.verdict import RECORD_BYTES, Verdict
from kshell.schemas.frame import PREFIX_BYTES, Frame, framed
from kshell.schemas.values import Schema, SchemaSource, SchemaTooLarge, SchemaUnavailable, SchemaUnknown

MOST_WRITERS = 1_000
_COLUMNS = {"value": "value", "key": KEY}
_WHOLE = Frame(None, None, 0)                 # the record names no schema
Writer = TypeVar("Writer")


@dataclass(slots=True)
class Framed:
    """The rows of a batch by the frame of their key or value, each list in the order of the batch."""

    named: Mapping[Frame, Sequence[int]] = field(default_factory=dict)
    nulls: list[int] = field(default_factory=list)
    large: list[int] = field(default_factory=list)                # over the limit of a record


class Frames:
    """Of the values that are decoded: the batch that `prepare` was asked about is the one that `judge` then decodes."""

    def __init__(self, source: SchemaSource) -> None:
        self._source = source
        self._last: tuple[weakref.ref[pa.RecordBatch], Framed] | None = None

    def of(self, batch: pa.RecordBatch) -> Framed:
        if self._last is None or self._last[0]() is not batch:
            self._last = weakref.ref(batch), frames(batch, "value", self._source)
        return self._last[1]


def frames(batch: pa.RecordBatch, part: Literal["value", "key"], source: SchemaSource) -> Framed:
    """A frame without id and GUID: the record names no schema, or the source knows of no frames."""
    data = batch[_COLUMNS[part]]
    if source.frames and _named_in_headers(batch, part):
        return _by_row(data, batch[HEADERS].to_pylist(), part)
    sizes = pc.binary_length(data)
    if len(data) and not data.null_count and pc.max(sizes).as_py() <= RECORD_BYTES:
        head = data[0].as_py()[:PREFIX_BYTES]
        first = framed(head, None, part) if source.frames else _WHOLE
        if not source.frames or (first != _WHOLE and pc.all(pc.starts_with(data, head)).as_py()):
            return Framed({first: range(len(data))})              # the usual case: all records of one writer
    heads = pc.binary_slice(data, 0, PREFIX_BYTES if source.frames else 0).dictionary_encode()
    known = [framed(head, None, part) if source.frames else _WHOLE for head in heads.dictionary.to_pylist()]
    found = _Sorting()
    for row, (index, size) in enumerate(zip(heads.indices.to_pylist(), sizes.fill_null(-1).to_pylist(), strict=True)):
        found.put(known[index] if index is not None else _WHOLE, row, size)
    return found.done()


def _named_in_headers(batch: pa.RecordBatch, part: Literal["value", "key"]) -> bool:
    """Whether a header of any record may name its schema: they are slow to look at one by one."""
    if HEADERS not in batch.schema.names:
        return False
    names = batch[HEADERS].flatten().field("key")
    return pc.any(pc.equal(names, f"__{part}_schema_id")).as_py() is True


def _by_row(data: pa.Array, headers: list[Any], part: Literal["value", "key"]) -> Framed:
    found = _Sorting()
    for row, (value, own) in enumerate(zip(data.to_pylist(), headers, strict=True)):
        pairs = [(h["key"], h["value"]) for h in own] if own else None
        frame = framed(value, pairs, part) if value is not None else _WHOLE
        found.put(frame, row, -1 if value is None else len(value))
    return found.done()


class _Sorting:
    """The rows of a batch, one after the other. A size below 0: NULL."""

    def __init__(self) -> None:
        self._named: dict[Frame, list[int]] = {}
        self._nulls: list[int] = []
        self._large: list[int] = []

    def put(self, frame: Frame, row: int, size: int) -> None:
        if size < 0:
            self._nulls.append(row)
        elif size > RECORD_BYTES:
            self._large.append(row)
        else:
            self._named.setdefault(frame, []).append(row)

    def done(self) -> Framed:
        return Framed(self._named, self._nulls, self._large)


def too_large(size: int) -> Verdict:
    return Verdict("RECORD_TOO_LARGE", f"{size:,} bytes, the limit is {RECORD_BYTES:,}")


class Writers(Generic[Writer]):
    """`make` gives a writer of a schema, or raises Unusable. `format` begins the codes: AVRO, PROTO."""

    def __init__(self, source: SchemaSource, format: str, make: Callable[[Schema], Writer]) -> None:
        self.source = source
        self._format, self._make = format, make
        self._known: dict[tuple[int | None, str | None], Writer | Unusable] = {}

    def of(self, frame: Frame) -> Writer:
        """The writer that a record names, or its Verdict. SchemaUnavailable: not to be had at the moment."""
        key = (frame.id, frame.guid)
        if key not in self._known:
            if len(self._known) >= MOST_WRITERS:
                self._known.clear()
            try:
                self._known[key] = self._make(self._schema(frame))
            except Unusable as unusable:
                self._known[key] = unusable
        found = self._known[key]
        if isinstance(found, Unusable):
            raise Verdict(found.code, found.message)
        return found

    def _schema(self, frame: Frame) -> Schema:
        what = f"schema {frame.id}" if frame.id is not None else f"schema {frame.guid}"
        try:
            if frame.id is not None:
                return self.source.by_id(frame.id)
            if frame.guid is not None:
                return self.source.by_guid(frame.guid)
        except SchemaUnknown:
            raise Verdict(f"{self._format}_SCHEMA_UNKNOWN", f"the registry has no {what}") from None
        except SchemaTooLarge:
            raise Unusable("SCHEMA_TOO_LARGE", f"{what} is larger than the limits, or has too many references") from None
        if self.source.unframed is None:
            raise Verdict(f"{self._format}_MAGIC", "it names no schema: neither byte 0 and the four bytes of an id in front, nor a header")
        return self.source.unframed

    def made(self) -> list[Writer]:
        """Those so far, in the order of their first records; for other threads too."""
        return [writer for writer in list(self._known.values()) if not isinstance(writer, Unusable)]

    def waiting(self, named: Iterable[tuple[Frame, Sequence[int]]]) -> dict[int, str]:
        """Row -> reason, for rows whose schema cannot be had at the moment."""
        rows: dict[int, str] = {}
        for frame, indices in named:
            try:
                self.of(frame)
            except Verdict:
                continue
            except SchemaUnavailable as outage:
                rows.update(dict.fromkeys(indices, outage.reason))
        return rows


def body_sql(column: str) -> str:
    """The bytes of JSON without their frame: no JSON text begins with byte 0."""
    return f"CASE WHEN {column}[1:1] = '\\x00'::BLOB THEN {column}[{PREFIX_BYTES + 1}:] ELSE {column} END"


def body(data: bytes) -> bytes:
    """The same in Python."""
    return data[PREFIX_BYTES:] if data[:1] == b"\0" else data


def bodies(values: pa.Array) -> pa.Array:
    """The same of an array."""
    framed = pc.equal(pc.binary_slice(values, 0, 1), b"\0")
    if not pc.any(framed).as_py():
        return values
    return pc.if_else(framed, pc.binary_slice(values, PREFIX_BYTES, None), values)
