"""A column of a source: its name, its one DuckDB type, and where its value stands in the record.

Invariant: a column has the same type in the segments, in `live.<name>` and in `lake.<name>`. The types are those of
DuckDB that an Iceberg v2 table can hold: BOOLEAN INTEGER BIGINT FLOAT DOUBLE DECIMAL(p,s) DATE TIME TIMESTAMP
TIMESTAMP WITH TIME ZONE VARCHAR UUID BLOB, and STRUCT, LIST and MAP of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

METADATA_PREFIX = "_kafka_"
PARTITION, OFFSET, TIMESTAMP, KEY = "_kafka_partition", "_kafka_offset", "_kafka_timestamp", "_kafka_key"
TOPIC, HEADERS, VALUE, REST, EPOCH = "_kafka_topic", "_kafka_headers", "_kafka_value", "_kafka_rest", "_kafka_epoch"
TIER = "_tier"
HEADERS_TYPE = 'STRUCT("key" VARCHAR, "value" BLOB)[]'

# Iceberg's own metadata columns: PyIceberg and DuckDB accept them as user columns without a word, and other engines then break.
ICEBERG_RESERVED = frozenset({"_file", "_pos", "_deleted", "_partition", "_spec_id", "_row_id", "_change_type", "_change_ordinal",
                              "_commit_snapshot_id", "_last_updated_sequence_number"})


@dataclass(frozen=True, slots=True)
class Column:
    """One payload or metadata column."""

    name: str
    type: str                                 # DuckDB storage type, as DuckDB prints it
    path: tuple[str, ...] = ()                # keys from the top of the record to the value; (): the key equal to the name
    json_text: bool = False                   # VARCHAR that holds JSON text (declared JSON, or an inferred mix)
    not_null: bool = False                    # NULL is a TYPE_MISFIT of the record; the table column stays optional
    declared: str | None = None               # the type as the user wrote it; None: inferred
    renames: tuple[tuple[tuple[str, ...], str], ...] = ()   # inside structs: key path below this column -> field name, where they differ

    @property
    def source_path(self) -> tuple[str, ...]:
        return self.path or (self.name,)


def metadata_columns(include: Iterable[str] = (), key_type: str = "BLOB") -> tuple[Column, ...]:
    """The metadata columns in their fixed order. `include` holds the words topic, headers, value, rest."""
    wanted = set(include)
    columns = [Column(PARTITION, "INTEGER"), Column(OFFSET, "BIGINT"), Column(TIMESTAMP, "TIMESTAMP WITH TIME ZONE"), Column(KEY, key_type)]
    optional = (("topic", TOPIC, "VARCHAR"), ("headers", HEADERS, HEADERS_TYPE), ("value", VALUE, "BLOB"), ("rest", REST, "VARCHAR"))
    return tuple(columns + [Column(name, type_) for word, name, type_ in optional if word in wanted])


def is_metadata(name: str) -> bool:
    return name.lower().startswith(METADATA_PREFIX)


def quote(name: str) -> str:
    """An identifier for SQL text. The only place where names are quoted."""
    return '"' + name.replace('"', '""') + '"'


def quote_if_needed(name: str) -> str:
    """For people: as they would type it."""
    return name if name.isidentifier() and name.isascii() else quote(name)


def literal(text: str) -> str:
    """A string literal for SQL text."""
    return "'" + text.replace("'", "''") + "'"


def column_list(columns: Sequence[Column]) -> str:
    """`"a", "b"` for a select list."""
    return ", ".join(quote(c.name) for c in columns)
