"""The metadata columns of every source: as SQL over the batch, and exactly. The key is the only one with a verdict.

Invariant: the columns stand in their fixed order, last; nothing here reads the payload beyond passing its bytes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

import pyarrow as pa

from kshell import registry
from kshell.columns import HEADERS, HEADERS_TYPE, KEY, OFFSET, PARTITION, REST, TIMESTAMP, TOPIC, VALUE, Column, metadata_columns
from kshell.decode.framing import body, body_sql
from kshell.decode.json_exact import json_text
from kshell.decode.json_sql import NOT_FINITE
from kshell.decode.json_text import read
from kshell.decode.types import of
from kshell.decode.values import Schemas
from kshell.decode.verdict import Verdict, text_of
from kshell.errors import BadValueError

KEY_TYPES = {"raw": "BLOB", "string": "VARCHAR", "json": "VARCHAR"}
DOUBT = "kshell: the exact form must look at a record of this batch"
SCHEMA_KEYS = frozenset({"avro", "protobuf"}) # formats whose file has `key_reader`
_HEADERS = pa.list_(pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())]))
_ARROW = {PARTITION: pa.int32(), OFFSET: pa.int64(), TIMESTAMP: pa.timestamp("us", "UTC"), TOPIC: pa.string(),
          VALUE: pa.binary(), REST: pa.string(), HEADERS: _HEADERS}


class KeyReader(Protocol):
    """Of a format with schemas: its file has `key_reader(source, column)`."""

    def waiting(self, batch: pa.RecordBatch) -> dict[int, str]:
        """Row -> why the schema of its key cannot be had at the moment."""

    def read(self, batch: pa.RecordBatch) -> list[Any]:
        """The key of each row as its column's type, or its Verdict."""


def _key_reader(key_format: str, schemas: Schemas) -> KeyReader:
    if schemas.keys is None or schemas.key is None:
        raise BadValueError(f"KEY_FORMAT {key_format} needs the schema of the keys",
                            hint="name a registry: ATTACH ... (TYPE kafka, SCHEMA_REGISTRY 'http://host:8081')")
    return cast(KeyReader, registry.load("kshell.decode", key_format).key_reader(schemas.keys, schemas.key))


class Metadata:
    """What a source includes and how its keys are read."""

    def __init__(self, key_format: str, include: Iterable[str], schemas: Schemas) -> None:
        if key_format not in KEY_TYPES and key_format not in SCHEMA_KEYS:
            known = ", ".join([*KEY_TYPES, *sorted(SCHEMA_KEYS)])
            raise BadValueError(f"KEY_FORMAT {key_format} does not exist", hint=f"KEY_FORMAT is one of {known}")
        self.key_format = key_format
        self._reader = _key_reader(key_format, schemas) if key_format in SCHEMA_KEYS else None
        key = schemas.key if self._reader is not None and schemas.key is not None else Column(KEY, KEY_TYPES.get(key_format, "BLOB"))
        self.key_type = key.type
        self._key_arrow = of(key).arrow()
        self.columns: tuple[Column, ...] = tuple(replace(key, name=KEY) if c.name == KEY else c
                                                 for c in metadata_columns(include, self.key_type))
        self._framed = key_format == "json" and schemas.keys is not None and schemas.keys.frames
        self.sql = self._reader is None       # keys with a schema have no form in SQL
        self.rest = any(c.name == REST for c in self.columns)

    # ---- SQL: `r` is the batch with what `prepare` adds -----------------------------------------------------------

    def prepare(self, careful: bool) -> list[str]:
        """Expressions over the batch, each with a name. Careful: what does not decode is NULL, not an error."""
        if self.key_format == "raw":
            return []
        text = f"decode({body_sql(KEY) if self._framed else KEY})"
        if self.key_format == "json":
            text = f"json({text})"
        return [f"try({text}) AS _k" if careful else f"{text} AS _k"]

    def sure(self) -> list[str]:
        """Conditions, true where the SQL is certain of the key."""
        if self.key_format == "raw":
            return []
        known = f"(r.{KEY} IS NULL OR r._k IS NOT NULL)"
        if self.key_format == "string":
            return [known]
        short = f"(r.{KEY} IS NULL OR octet_length(r.{KEY}) <= 2000)"
        return [known, short, f"(r._k IS NULL OR NOT regexp_matches(r._k, {NOT_FINITE}))"]

    def values(self, rest: str) -> list[tuple[str, str]]:
        """(SQL, column) of each metadata column."""
        key = f"r.{KEY}" if self.key_format == "raw" else "r._k"
        sql = {KEY: key, VALUE: "r.value", REST: rest, HEADERS: f"r.{HEADERS}::{HEADERS_TYPE}"}
        return [(sql.get(c.name, f"r.{c.name}"), c.name) for c in self.columns]

    # ---- exactly ------------------------------------------------------------------------------------------------

    def waiting(self, batch: pa.RecordBatch) -> dict[int, str]:
        return self._reader.waiting(batch) if self._reader is not None else {}

    def keys(self, batch: pa.RecordBatch) -> list[Any]:
        """What `key` takes, for each row."""
        return self._reader.read(batch) if self._reader is not None else batch[KEY].to_pylist()

    def as_they_are(self, batch: pa.RecordBatch) -> bool:
        """The keys need no look one by one: they are bytes, or all of them text."""
        if self.key_format == "string":
            try:
                batch[KEY].cast(pa.string())
            except pa.ArrowInvalid:
                return False
        return self.key_format in ("raw", "string")

    def key(self, data: Any) -> Any:
        if isinstance(data, Verdict):
            raise data
        if data is None or self.key_format == "raw" or self._reader is not None:
            return data
        if self.key_format == "string":
            return text_of(data, KEY)
        try:
            return json_text(read(body(data) if self._framed else data, KEY), KEY)
        except Verdict as verdict:
            raise Verdict(verdict.code, f"{KEY}: {verdict.message.removeprefix(f'{KEY}: ')}") from None

    def arrays(self, batch: pa.RecordBatch, kept: Sequence[int], keys: list[Any] | None, rests: list[str | None] | None) -> list[pa.Array]:
        """The metadata of the kept rows. Without `keys` they are what the batch has, without `rests` there are none."""
        rows = batch if len(kept) == batch.num_rows else batch.take(pa.array(kept, pa.int64()))
        own = {KEY: rows[KEY].cast(self._key_arrow) if keys is None else pa.array(keys, self._key_arrow)}
        if self.rest:
            own[REST] = pa.array(rests, pa.string()) if rests is not None else pa.nulls(rows.num_rows, pa.string())
        return [own[c.name] if c.name in own else rows["value" if c.name == VALUE else c.name].cast(_ARROW[c.name]) for c in self.columns]
