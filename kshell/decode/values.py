"""What goes into a decoder beside the records, and what comes out beside the rows.

Invariant: plain values; a decoder with a form in SQL asks nobody for schemas and counts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.columns import Column
from kshell.schemas.values import SchemaSource

if TYPE_CHECKING:
    from kshell.decode.isolated import Isolation
    from kshell.decode.metadata import Metadata


@dataclass(frozen=True, slots=True)
class Schemas:
    """Whom a decoder asks for the schemas of values and of keys, the message that a Protobuf value is, the key's type, and what is
    wrapped around a value."""

    values: SchemaSource | None = None
    keys: SchemaSource | None = None
    message: str | None = None
    key: Column | None = None                 # `_kafka_key`, where KEY_FORMAT has a schema
    evolves: bool = False                     # members without a column become columns
    envelope: str | None = None               # what is wrapped around JSON values
    isolation: Isolation | None = None        # records are decoded in its process


@dataclass(frozen=True, slots=True)
class Inference:
    """What a sample or a schema says about a topic's columns."""

    columns: tuple[Column, ...]               # empty: no record decided a type
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What must happen before a batch is decoded."""

    proposal: tuple[Column, ...] = ()         # columns with the types this batch wants: missing ones, and ones to be promoted
    waiting: Mapping[int, str] = field(default_factory=dict)   # row -> why its schema cannot be had at the moment


class SqlForm:
    """Of decoders that have the SQL methods: nothing to prepare but keys with a schema, nothing to count."""

    _meta: Metadata
    framed = False
    asks_all = False
    sql: bool                                 # False: keys have a schema, and so every record is judged

    @property
    def description(self) -> str:
        return "fast (SQL)" if self.sql else f"exact: KEY_FORMAT is {self._meta.key_format}"

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        return Prepared(waiting=self._meta.waiting(batch))

    def regular(self, batch: str) -> str | None:
        return None

    def look(self, batch: str, *, careful: bool) -> str | None:
        return None

    def stray(self, batch: str) -> str | None:
        return None

    def take_counters(self) -> Counter[str]:
        return Counter()
