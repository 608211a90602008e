"""Records that are Avro in the frame of a schema registry, or of the schema in a file.

Invariant: each record is read with the schema that wrote it, and what it becomes depends on its bytes, that schema and the columns,
never on the records beside it: the fast form is trusted with records whose every value it is certain of, the others go to the exact
one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from kshell.columns import Column
from kshell.decode import avro_fast, avro_types
from kshell.decode.avro_exact import Read, reader
from kshell.decode.avro_schema import parse
from kshell.decode.avro_wire import Wire
from kshell.decode.avro_writer import Writer
from kshell.decode.framing import Framed, Frames, Writers, frames, too_large
from kshell.decode.metadata import Metadata
from kshell.decode.output import Output
from kshell.decode.schema_types import proposal
from kshell.decode.types import of
from kshell.decode.values import Inference, Prepared, Schemas
from kshell.decode.verdict import BadRecord, Verdict
from kshell.errors import BadValueError
from kshell.schemas.frame import Frame
from kshell.schemas.values import Schema, SchemaSource, SchemaUnavailable

SLICE = 8_192                                 # records that the fast form takes at once: it keeps the interpreter to itself meanwhile
FEW = 32                                      # records that are not worth another try of the fast form


def decoder(key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> AvroDecoder:
    return AvroDecoder(key_format, columns, include, schemas)


def infer(schema: Schema, message: str | None = None) -> Inference:
    return avro_types.infer(schema)


def infer_key(schema: Schema) -> Column:
    return avro_types.infer_key(schema)


def key_reader(source: SchemaSource, column: Column) -> AvroKeys:
    return AvroKeys(source, column)


class AvroDecoder:
    """`judge` decodes group by group: the records of one writer's schema, in slices."""

    sql = False

    def __init__(self, key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> None:
        if schemas.values is None:
            raise BadValueError("FORMAT avro needs a schema",
                                hint="name a registry: ATTACH ... (TYPE kafka, SCHEMA_REGISTRY 'http://host:8081'), "
                                     "or a file: SCHEMA 'x.avsc'")
        self.columns = tuple(columns)
        self._meta = Metadata(key_format, include, schemas)
        self.metadata, self.key_type = self._meta.columns, self._meta.key_type
        self._arrow = [of(c).arrow() for c in columns]
        self._frames = Frames(schemas.values)
        self._writers = Writers(schemas.values, "AVRO", lambda schema: Writer(parse(schema), self.columns, self._meta.rest))
        self._counted: Counter[str] = Counter()

    @property
    def description(self) -> str:
        slow = [writer.slow for writer in self._writers.made() if writer.slow is not None]
        return f"exact: {slow[-1]}" if slow else "fast (pyruhvro)"

    def stray(self, batch: str) -> str | None:
        return None

    def take_counters(self) -> Counter[str]:
        counted, self._counted = self._counted, Counter()
        return counted

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        found = self._frames.of(batch)
        waiting = self._meta.waiting(batch) | self._writers.waiting(found.named.items())
        return Prepared(self._proposal(found), waiting)

    def _proposal(self, found: Framed) -> tuple[Column, ...]:
        """Each schema proposes on top of what those before it did."""
        columns = {c.name: c for c in self.columns}
        wanted: dict[str, Column] = {}
        for frame in found.named:
            try:
                writer = self._writers.of(frame)
            except (Verdict, SchemaUnavailable):
                continue
            more = {c.name: c for c in proposal(tuple(columns.values()), writer.wanted)}
            columns |= more
            wanted |= more
        return tuple(wanted.values())

    # ---- decoding -------------------------------------------------------------------------------------------------

    def judge(self, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
        found = self._frames.of(batch)
        output = Output(self._arrow)
        output.without_value(batch, found, self.columns)
        for frame, rows in found.named.items():
            self._group(frame, rows, batch["value"], output)
        return output.table(batch, self._meta, self.columns)

    def _group(self, frame: Frame, rows: Sequence[int], values: pa.Array, output: Output) -> None:
        try:
            writer = self._writers.of(frame)
        except Verdict as verdict:
            output.all_bad(rows, verdict, frame.id)
            return
        before = output.rows
        for start in range(0, len(rows), SLICE):
            part = rows[start:start + SLICE]
            data = values.slice(start, len(part)) if len(rows) == len(values) else values.take(pa.array(part, pa.int64()))
            self._slice(writer, frame, part, data, output)
        if writer.counted:
            self._counted["fields_without_column"] += writer.counted * (output.rows - before)

    def _slice(self, writer: Writer, frame: Frame, rows: Sequence[int], data: pa.Array, output: Output) -> None:
        """Fast; where that is not certain in halves, so that a bad record costs its neighbours little."""
        if writer.fast is not None and len(rows) > FEW:
            try:
                output.good(rows, writer.fast.columns(data, frame.body_at), None)
                return
            except avro_fast.Doubt:
                middle = len(rows) // 2
                self._slice(writer, frame, rows[:middle], data[:middle], output)
                self._slice(writer, frame, rows[middle:], data[middle:], output)
                return
        output.each(rows, data, lambda value: writer.read(value, frame.body_at), frame.id)


class AvroKeys:
    """Keys, each in the schema that its own frame names."""

    def __init__(self, source: SchemaSource, column: Column) -> None:
        self._source, self._type = source, of(column)
        self._writers: Writers[Read] = Writers(source, "AVRO", lambda schema: reader(parse(schema), self._type, column.name))

    def waiting(self, batch: pa.RecordBatch) -> dict[int, str]:
        return self._writers.waiting(frames(batch, "key", self._source).named.items())

    def read(self, batch: pa.RecordBatch) -> list[Any]:
        return list(self._each(batch))

    def _each(self, batch: pa.RecordBatch) -> Iterator[Any]:
        by_row = {row: frame for frame, rows in frames(batch, "key", self._source).named.items() for row in rows}
        for row, data in enumerate(batch["_kafka_key"].to_pylist()):
            yield self._one(data, by_row.get(row)) if data is not None else None

    def _one(self, data: bytes, frame: Frame | None) -> Any:
        try:
            if frame is None:
                raise too_large(len(data))
            read = self._writers.of(frame)
            wire = Wire(data, frame.body_at)
            value = read(wire)
            wire.done()
            return value
        except Verdict as verdict:
            return Verdict(verdict.code, f"_kafka_key: {verdict.message.removeprefix('_kafka_key: ')}")
