"""Avro records for the tests: written by fastavro, with schemas that a small source knows."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterable, Sequence
from typing import Any
from unittest.mock import patch

import fastavro
import pyarrow as pa

from kshell.columns import Column
from kshell.decode import BadRecord, Decoder, avro, infer_schema, make
from kshell.schemas.values import Schema, SchemaTooLarge, SchemaUnavailable, SchemaUnknown


class Source:
    """Schemas by id. `down`: those that cannot be had at the moment."""

    def __init__(self, *schemas: Any, unframed: Schema | None = None, frames: bool = True) -> None:
        self.schemas: dict[int, Any] = dict(enumerate(schemas, 1))
        self.down: set[int] = set()
        self.large: set[int] = set()
        self._unframed, self._frames = unframed, frames

    @property
    def frames(self) -> bool:
        return self._frames

    @property
    def unframed(self) -> Schema | None:
        return self._unframed

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        if id in self.down:
            raise SchemaUnavailable("the registry does not answer")
        if id in self.large:
            raise SchemaTooLarge
        if id not in self.schemas:
            raise SchemaUnknown
        found = self.schemas[id]
        return found if isinstance(found, Schema) else schema(found, id)

    def by_guid(self, guid: str) -> Schema:
        raise SchemaUnknown

    def latest(self, subject: str) -> Schema:
        return self.by_id(max(self.schemas))


def schema(tree: Any, id: int | None = None) -> Schema:
    text = tree if isinstance(tree, str) else json.dumps(tree)
    return Schema("avro", text, id, None, "orders-value", 1)


def record(*fields: tuple[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": field, "type": kind} for field, kind in fields]}


def written(tree: Any, value: Any) -> bytes:
    """The bytes of a value, without a frame. fastavro refuses logical types that do not fit; Avro asks to ignore them."""
    out = io.BytesIO()
    try:
        parsed = fastavro.parse_schema(tree)
    except fastavro.schema.SchemaParseException:
        parsed = fastavro.parse_schema(json.loads(json.dumps(tree).replace('"logicalType"', '"ignored"')))
    fastavro.schemaless_writer(out, parsed, value)
    return out.getvalue()


def frame(body: bytes, id: int = 1) -> bytes:
    return b"\0" + struct.pack(">I", id) + body


def values(tree: Any, items: Iterable[Any], id: int = 1) -> list[bytes]:
    return [frame(written(tree, item), id) for item in items]


def decoder(source: Source, columns: Sequence[Column] | None = None, include: Iterable[str] = (), **more: Any) -> Decoder:
    """With the columns of the newest schema."""
    found = infer_schema("avro", source.latest("")).columns if columns is None else columns
    return make("avro", more.pop("key_format", "raw"), found, include, schemas=source, **more)


def long(value: int) -> bytes:
    """A number as Avro writes it."""
    left, out = (value << 1) ^ (value >> 63), bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def rows(table: pa.Table, decoder: Decoder) -> list[list[Any]]:
    """The payload of each row."""
    columns = [table[c.name].to_pylist() for c in decoder.columns]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(table.num_rows)]


def exactly(decoder: Decoder, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
    """What the exact form alone says."""
    with patch.object(avro, "FEW", 10**9):
        return decoder.judge(batch)


def quickly(decoder: Decoder, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
    """The fast form wherever it is certain, also of two records."""
    with patch.object(avro, "FEW", 1):
        return decoder.judge(batch)
