"""Record bytes -> one row or one verdict. A fast form in SQL, trusted where it is certain, and an exact form in Python for the rest.

Invariant: a verdict is a function of the record's bytes and the definition, never of the batch it came in; and where the SQL is
certain, the exact form gives the same row. How a batch is decoded:

1. `INSERT INTO segment <decoder.rows('batch')>`: one parse, no flag. It raises when the SQL is not certain of a row; nothing is inserted.
2. then `certain, doubtful = split(cursor, decoder, batch)`: `rows` over `certain` does not raise; `judge(doubtful)` gives a table of
   good rows with the columns of the segment, and the bad records.

Where most batches hold doubtful rows, begin with 2. A decoder without SQL (`sql` is False: formats with a schema) has `prepare`, which
says what the batch needs first, and then `judge`, which decodes all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import duckdb
import pyarrow as pa

from kshell import registry
from kshell.columns import Column
from kshell.decode.declared import declare
from kshell.decode.json_infer import infer_json
from kshell.decode.values import Inference, Prepared, Schemas
from kshell.decode.verdict import BadRecord, Undecodable
from kshell.schemas.values import Schema, SchemaSource

if TYPE_CHECKING:
    from kshell.decode.isolated import Isolation

__all__ = ["DOUBTS", "BadRecord", "Decoder", "Inference", "Prepared", "Undecodable", "declare", "infer", "infer_key", "infer_schema",
           "make", "split", "with_text"]

# Modules beside the formats, which registry.names leaves out.
HELPERS = frozenset({
    "avro_columns", "avro_exact", "avro_fast", "avro_logical", "avro_schema", "avro_types", "avro_wire", "avro_writer",
    "declared", "discovery", "envelopes", "framing", "iso", "isolated", "isolated_child", "isolated_wire",
    "json_enveloped", "json_exact", "json_framed", "json_grow", "json_infer", "json_look", "json_plan", "json_refs", "json_rest",
    "json_schema", "json_sql", "json_text",
    "metadata", "names", "output", "paths",
    "protobuf_arrow", "protobuf_compile", "protobuf_fast", "protobuf_fit", "protobuf_indexes", "protobuf_json", "protobuf_known",
    "protobuf_messages", "protobuf_schemas", "protobuf_sizes", "protobuf_wire",
    "schema_types", "single", "types", "unusable", "values", "verdict"})
# What `rows` raises for a record; anything else is not about records. UnicodeDecodeError: DuckDB quotes malformed JSON in its message
# and may cut it within a character.
DOUBTS = (duckdb.InvalidInputException, duckdb.ConversionException, UnicodeDecodeError)


class Decoder(Protocol):
    """One format with its columns. SQL methods take the name of a relation with the columns of `kafka.to_arrow`."""

    columns: tuple[Column, ...]               # payload
    metadata: tuple[Column, ...]              # in their fixed order; a segment's columns are columns + metadata
    key_type: str                             # DuckDB type of _kafka_key
    sql: bool                                 # False: rows, select and suspects are not to be called
    description: str                          # which form decodes, and why: a line of DESCRIBE SOURCE
    framed: bool                              # of JSON: a registry's frame may stand before it
    asks_all: bool                            # `prepare` is asked about every row, and not about those that `look` finds

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        """What the batch needs before it is decoded. A question: it changes nothing."""

    def regular(self, batch: str) -> str | None:
        """As `rows` over what `with_text` gives; when it does not raise, every record has the columns' members and no others.
        None: that cannot be shown in this way, or nobody asks for it."""

    def look(self, batch: str, *, careful: bool) -> str | None:
        """A SELECT of (_index, what) of the rows that `prepare` has to be asked about, those with equal `what` for equal reasons, over
        what `with_text` gives. None: no row. Not careful: raises one of DOUBTS at a malformed record."""

    def stray(self, batch: str) -> str | None:
        """A SELECT of how many members have no column and are not kept elsewhere. None: they are not counted in this way."""

    def take_counters(self) -> Counter[str]:
        """What was counted since the last call, such as `fields_without_column`."""

    def rows(self, batch: str) -> str:
        """A SELECT of the segment's columns. Raises one of DOUBTS while it runs when it is not certain of a row."""

    def select(self, batch: str) -> str:
        """A SELECT of the segment's columns and `_suspect BOOLEAN`, never NULL: a row for each row, and no record makes it raise."""

    def suspects(self, batch: str) -> str:
        """A SELECT of `_index` of the rows that `select` marks `_suspect`; the relation has `_index` as an additional column."""

    def judge(self, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
        """The exact verdict on each record: good rows in their order with the segment's columns and types, and the bad ones."""


def make(format: str, key_format: str, columns: Sequence[Column], include: Iterable[str] = (), *, schemas: SchemaSource | None = None,
         key_schemas: SchemaSource | None = None, message: str | None = None, key: Column | None = None,
         evolves: bool = False, envelope: str | None = None, isolation: Isolation | None = None) -> Decoder:
    """The decoder of a source. `columns` are payload columns; formats string and raw have the one column `value`. `key` is what
    `infer_key` gave, where KEY_FORMAT has a schema. `evolves`: members without a column are to be proposed. `envelope`: what
    is wrapped around JSON. `isolation`: whose process decodes."""
    asked = Schemas(schemas, key_schemas, message, key, evolves, envelope, isolation)
    made = cast(Decoder, registry.load(__name__, format).decoder(key_format, columns, include, asked))
    if isolation is None:
        return made
    from kshell.decode.isolated import IsolatedDecoder

    return cast(Decoder, IsolatedDecoder(isolation, made, format, key_format, columns, include, asked))


def infer_schema(format: str, schema: Schema, message: str | None = None) -> Inference:
    """Columns from a schema: the format's file has `infer(schema, message)`. RefusedError: no table can hold it."""
    return cast(Inference, registry.load(__name__, format).infer(schema, message))


def infer_key(key_format: str, schema: Schema) -> Column:
    """`_kafka_key` as a schema makes it: the format's file has `infer_key(schema)`. RefusedError: no table can hold it."""
    return cast(Column, registry.load(__name__, key_format).infer_key(schema))


def infer(batch: pa.RecordBatch, format: str = "json", *, framed: bool = False, envelope: str | None = None) -> Inference:
    """Columns from a sample, whose rows stand in the order (partition, offset). `framed`: JSON may stand in a registry's frame."""
    if envelope is not None:
        from kshell.decode import json_enveloped

        return json_enveloped.infer(batch, envelope, framed=framed)
    if format == "json":
        from kshell.decode.framing import body

        values = batch["value"].to_pylist()
        return Inference(*infer_json(body(value) if framed and value is not None else value for value in values))
    if format == "csv":
        return cast(Inference, registry.load(__name__, format).infer_sample(batch["value"].to_pylist()))
    return Inference(make(format, "raw", ()).columns)


def with_text(batch: pa.RecordBatch, *, framed: bool = False) -> pa.RecordBatch:
    """With `_index`, and the values once more as `_t` of DuckDB's type JSON: the same bytes, which nobody has looked at yet. `framed`:
    without the frame before them."""
    from kshell.decode.framing import bodies

    text = pa.field("_t", pa.string(), metadata={"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""})
    fields = [*batch.schema, pa.field("_index", pa.int32()), text]
    values = bodies(batch["value"]) if framed else batch["value"]
    arrays = [*batch.columns, _numbers(batch.num_rows), values.view(pa.string())]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _numbers(rows: int) -> pa.Int32Array:
    """0, 1, 2, ...: made once for the largest batch, because each number is a Python object on the way."""
    global _counted
    if len(_counted) < rows:
        _counted = pa.array(range(rows), pa.int32())
    return _counted.slice(0, rows)


_counted: pa.Int32Array = pa.array([], pa.int32())


def split(cursor: duckdb.DuckDBPyConnection, decoder: Decoder, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """(certain, doubtful): the rows of the batch by what the SQL is certain of, each in the batch's order."""
    import pyarrow.compute as pc

    indexed = batch.append_column("_index", _numbers(batch.num_rows))
    cursor.register("kshell_decode_batch", indexed)
    try:
        doubtful = cursor.sql(decoder.suspects("kshell_decode_batch")).to_arrow_table()["_index"].to_pylist()
    finally:
        cursor.unregister("kshell_decode_batch")
    mask = [False] * batch.num_rows
    for index in doubtful:
        mask[index] = True
    flags = pa.array(mask, pa.bool_())
    return batch.filter(pc.invert(flags)), batch.filter(flags)
