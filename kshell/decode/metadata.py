"""The metadata columns of every source: as SQL over the batch, and exactly. The key is the only one with a verdict.

Invariant: the columns stand in their fixed order, last; nothing here reads the payload beyond passing its bytes on."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from kshell.columns import HEADERS, HEADERS_TYPE, KEY, OFFSET, PARTITION, REST, TIMESTAMP, TOPIC, VALUE, Column, metadata_columns
from kshell.decode.json_exact import json_text
from kshell.decode.json_sql import NOT_FINITE
from kshell.decode.json_text import read
from kshell.decode.values import Schemas
from kshell.decode.verdict import Verdict, text_of
from kshell.errors import BadValueError

KEY_TYPES = {"raw": "BLOB", "string": "VARCHAR", "json": "VARCHAR"}
DOUBT = "kshell: the exact form must look at a record of this batch"
_ARROW = {PARTITION: pa.int32(), OFFSET: pa.int64(), TIMESTAMP: pa.timestamp("us", "UTC"), TOPIC: pa.string(), VALUE: pa.binary(),
          REST: pa.string(), HEADERS: pa.list_(pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())]))}


class Metadata:
    """What a source includes and how its keys are read."""

    def __init__(self, key_format: str, include: Iterable[str], schemas: Schemas) -> None:
        if key_format not in KEY_TYPES:
            raise BadValueError(f"KEY_FORMAT {key_format} does not exist", hint=f"KEY_FORMAT is one of {', '.join(KEY_TYPES)}")
        self.key_format = key_format
        self.key_type = KEY_TYPES[key_format]
        self.columns: tuple[Column, ...] = metadata_columns(include, self.key_type)
        self.rest = any(c.name == REST for c in self.columns)

    # ---- SQL: `r` is the batch with what `prepare` adds -----------------------------------------------------------

    def prepare(self, careful: bool) -> list[str]:
        """Expressions over the batch, each with a name. Careful: what does not decode is NULL, not an error."""
        if self.key_format == "raw":
            return []
        text = f"decode({KEY})"
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

    def key(self, data: bytes | None) -> bytes | str | None:
        if data is None or self.key_format == "raw":
            return data
        if self.key_format == "string":
            return text_of(data, KEY)
        try:
            return json_text(read(data, KEY), KEY)
        except Verdict as verdict:
            raise Verdict(verdict.code, f"{KEY}: {verdict.message.removeprefix(f'{KEY}: ')}") from None

    def arrays(self, batch: pa.RecordBatch, kept: list[int], keys: list[bytes | str | None], rests: list[str | None]) -> list[pa.Array]:
        """The metadata of the kept rows."""
        rows = batch.take(pa.array(kept, pa.int64()))
        own = {KEY: pa.array(keys, pa.binary() if self.key_type == "BLOB" else pa.string()), REST: pa.array(rests, pa.string())}
        taken = {VALUE: "value"}
        return [own[c.name] if c.name in own else rows[taken.get(c.name, c.name)].cast(_ARROW[c.name]) for c in self.columns]
