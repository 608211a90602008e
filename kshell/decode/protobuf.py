"""Records that are Protobuf messages, by a schema of the registry or a local file.

A value names its schema and, by indexes, its message. Records of one schema and message go through the fast form together where schema
and columns allow it; what that is not certain of, and everything else, is read one by one.

Invariant: `judge` gives each record one row or one verdict, whatever else is in the batch; where the fast form gives a row, the exact
one gives the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kshell.columns import KEY, Column
from kshell.decode.framing import Frames, Writers, frames, too_large
from kshell.decode.metadata import Metadata
from kshell.decode.output import Output
from kshell.decode.protobuf_fast import Fast, Unsuited
from kshell.decode.protobuf_fit import Fit
from kshell.decode.protobuf_indexes import Group, Indexes, groups, read
from kshell.decode.protobuf_messages import LENGTH, Field, Message, struct_of
from kshell.decode.protobuf_schemas import compiled, infer, infer_key, selected, title
from kshell.decode.protobuf_wire import Reading
from kshell.decode.schema_types import proposal
from kshell.decode.types import Type, of
from kshell.decode.unusable import Unusable
from kshell.decode.values import Prepared, Schemas
from kshell.decode.verdict import BadRecord, Verdict
from kshell.errors import BadValueError, InternalError
from kshell.schemas.frame import Frame
from kshell.schemas.values import Schema, SchemaSource, SchemaUnavailable

__all__ = ["ProtobufDecoder", "ProtobufKeys", "decoder", "infer", "infer_key", "key_reader"]

FAST = "fast (ptars)"


def decoder(key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> ProtobufDecoder:
    return ProtobufDecoder(key_format, columns, include, schemas)


def key_reader(source: SchemaSource, column: Column) -> ProtobufKeys:
    return ProtobufKeys(source, column)


class Writer:
    """One message of one schema, with the columns of the source. `fast` None: `slow` says why."""

    def __init__(self, message: Message, columns: Sequence[Column], types: Sequence[Type], keep: bool) -> None:
        self.message = message
        self.fit = Fit(message, columns, types, rest=keep)
        self.fast: Fast | None = None
        self.slow: str | None = None
        self._keep = keep                     # what has no column goes to `_kafka_rest`
        try:
            self.fast = Fast(message, columns, types, rest=keep)
        except Unsuited as why:
            self.slow = str(why)

    def read(self, body: bytes, counted: Counter[str]) -> tuple[list[Any], str | None]:
        reading = Reading()
        found = reading.record(self.message, body)
        values = self.fit.row(found)
        counted["unknown_fields"] += reading.unknown
        if self._keep:
            return values, self.fit.rest(found)
        counted["fields_without_column"] += self.fit.without_column + len(self.fit.others(found))
        return values, None


class Messages:
    """The messages of one schema that records have named."""

    def __init__(self, schema: Schema, wanted: str | None, columns: Sequence[Column], types: Sequence[Type], keep: bool) -> None:
        self.title = title(schema)
        self._file, self._wanted = compiled(schema), wanted
        self._columns, self._types, self._keep = columns, types, keep
        self._known: dict[Indexes | None, Writer | Verdict] = {}

    def of(self, indexes: Indexes | None) -> Writer | Verdict:
        known = self._known.get(indexes)
        if known is None:
            known = self._made(indexes)
            if isinstance(known, Writer) or len(self._known) < 1_000:    # what records name may have no end
                self._known[indexes] = known
        return known

    def _made(self, indexes: Indexes | None) -> Writer | Verdict:
        try:
            return Writer(selected(self._file, indexes, self._wanted), self._columns, self._types, self._keep)
        except Unusable as unusable:
            return Verdict(unusable.code, unusable.message)
        except Verdict as verdict:
            return verdict

    def writers(self) -> Iterator[Writer]:
        return (writer for writer in self._known.values() if isinstance(writer, Writer))


class ProtobufDecoder:
    """`judge` decodes group by group: the records of one message of one schema."""

    sql = False

    def __init__(self, key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> None:
        if schemas.values is None:
            raise BadValueError("FORMAT protobuf needs a schema",
                                hint="name a registry: ATTACH ... (TYPE kafka, SCHEMA_REGISTRY 'http://host:8081'), "
                                     "or a file: SCHEMA 'x.proto'")
        self.columns = tuple(columns)
        self._meta = Metadata(key_format, include, schemas)
        self.metadata, self.key_type = self._meta.columns, self._meta.key_type
        self._frames = Frames(schemas.values)
        types = [of(c) for c in columns]
        self._arrow = [t.arrow() for t in types]
        self._schemas: Writers[Messages] = Writers(
            schemas.values, "PROTO", lambda schema: Messages(schema, schemas.message, self.columns, types, self._meta.rest))
        self._counted: Counter[str] = Counter()

    @property
    def description(self) -> str:
        slow = [f"{known.title}: {writer.slow}" for known in self._schemas.made() for writer in known.writers() if writer.slow]
        return f"{FAST}; exact for {slow[-1]}" if slow else FAST

    def stray(self, batch: str) -> str | None:
        return None

    def take_counters(self) -> Counter[str]:
        counted, self._counted = +self._counted, Counter()
        return counted

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        found = self._frames.of(batch)
        waiting = self._meta.waiting(batch) | self._schemas.waiting(found.named.items())
        columns = {c.name: c for c in self.columns}
        wanted: dict[str, Column] = {}
        for writer in self._writers(batch["value"], found.named):
            more = {c.name: c for c in proposal(tuple(columns.values()), [(f.key, f.type) for f in writer.message.fields])}
            columns |= more
            wanted |= more
        return Prepared(tuple(wanted.values()), waiting)

    def _writers(self, values: pa.Array, named: Mapping[Frame, Sequence[int]]) -> Iterator[Writer]:
        """Of the records whose schema is at hand; each message once a schema."""
        for frame, rows in named.items():
            try:
                known = self._schemas.of(frame)
            except (Verdict, SchemaUnavailable):
                continue
            for group in groups(_taken(values, rows), frame):
                writer = group.indexes if isinstance(group.indexes, Verdict) else known.of(group.indexes)
                if isinstance(writer, Writer):
                    yield writer

    # ---- decoding -------------------------------------------------------------------------------------------------

    def judge(self, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
        found = self._frames.of(batch)
        output = Output(self._arrow)
        output.without_value(batch, found, self.columns)
        for frame, rows in found.named.items():
            self._framed(frame, rows, _taken(batch["value"], rows), output)
        return output.table(batch, self._meta, self.columns)

    def _framed(self, frame: Frame, rows: Sequence[int], values: pa.Array, output: Output) -> None:
        """The records with one frame."""
        try:
            known = self._schemas.of(frame)
        except Verdict as verdict:
            output.all_bad(rows, verdict, frame.id)
            return
        except SchemaUnavailable as outage:   # whoever decodes asks `prepare` first
            raise InternalError(f"a record was to be decoded without its schema: {outage.reason}") from None
        for group in groups(values, frame):
            mine = rows if group.places is None else [rows[place] for place in group.places.to_pylist()]
            writer = group.indexes if isinstance(group.indexes, Verdict) else known.of(group.indexes)
            if isinstance(writer, Verdict):
                output.all_bad(mine, writer, frame.id)
            else:
                self._group(writer, frame, mine, _bodies(values, group), output)

    def _group(self, writer: Writer, frame: Frame, rows: Sequence[int], bodies: pa.Array, output: Output) -> None:
        if writer.fast is None:
            self._exactly(writer, frame, rows, bodies, output)
            return
        for found in writer.fast.decode(bodies):
            mine, held = rows[found.begin:found.begin + found.rows], bodies.slice(found.begin, found.rows)
            if found.values is None:
                self._exactly(writer, frame, mine, held, output)
                continue
            self._counted["fields_without_column"] += found.values.without_column
            self._counted["unknown_fields"] += found.values.unknown
            if found.mask is not None:
                flags = found.mask.to_pylist()
                others = [row for row, sure in zip(mine, flags, strict=True) if not sure]
                self._exactly(writer, frame, others, held.filter(pc.invert(found.mask)), output)
                mine = [row for row, sure in zip(mine, flags, strict=True) if sure]
            if mine:
                output.good(mine, list(found.columns), None)

    def _exactly(self, writer: Writer, frame: Frame, rows: Sequence[int], bodies: pa.Array, output: Output) -> None:
        output.each(rows, bodies, lambda body: writer.read(body, self._counted), frame.id)

    def rows(self, batch: str) -> str:
        raise InternalError("Protobuf has no form in SQL")

    select = suspects = rows


def _taken(values: pa.Array, rows: Sequence[int]) -> pa.Array:
    return values if len(rows) == len(values) else values.take(pa.array(rows, pa.int64()))


def _bodies(values: pa.Array, group: Group) -> pa.Array:
    mine = values if group.places is None else values.take(group.places)
    # the end is given because without one Arrow may compute a size that does not exist
    return pc.binary_slice(mine, group.body_at, pc.max(pc.binary_length(mine)).as_py()) if group.body_at else mine


class ProtobufKeys:
    """Keys, each the first message of the schema that its own frame names."""

    def __init__(self, source: SchemaSource, column: Column) -> None:
        self._source, self._column, self._type = source, column, of(column)
        self._schemas: Writers[Messages] = Writers(source, "PROTO", lambda schema: Messages(schema, None, (), (), keep=False))

    def waiting(self, batch: pa.RecordBatch) -> dict[int, str]:
        return self._schemas.waiting(frames(batch, "key", self._source).named.items())

    def read(self, batch: pa.RecordBatch) -> list[Any]:
        by_row = {row: frame for frame, rows in frames(batch, "key", self._source).named.items() for row in rows}
        keys = enumerate(batch[KEY].to_pylist())
        return [None if data is None else self._one(data, by_row.get(row)) for row, data in keys]

    def _one(self, data: bytes, frame: Frame | None) -> Any:
        try:
            if frame is None:
                raise too_large(len(data))
            known = self._schemas.of(frame)
            indexes, at = (None, 0) if frame.id is None and frame.guid is None \
                else read(frame.indexes or b"\0", 0) if frame.body_at == 0 else read(data, frame.body_at)
            writer = indexes if isinstance(indexes, Verdict) else known.of(indexes)
            if isinstance(writer, Verdict):
                raise writer
            message = writer.message
            return self._fit(message).row({KEY: Reading().record(message, data[at if frame.body_at else 0:])})[0]
        except Verdict as verdict:
            return Verdict(verdict.code, f"{KEY}: {verdict.message.removeprefix(f'$.{KEY}: ')}")

    def _fit(self, message: Message) -> Fit:
        whole = Field(KEY, 1, "message", LENGTH, struct_of(message), message=message)
        return Fit(Message.of("", (whole,)), (self._column,), (self._type,))
