"""Protobuf schemas, records of them, and both forms of their decoder, for the tests."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from kshell.columns import Column
from kshell.decode import BadRecord, infer_schema, make
from kshell.decode.protobuf import Messages, ProtobufDecoder, Writer
from kshell.decode.protobuf_schemas import compiled
from kshell.decode.verdict import Verdict
from kshell.schemas import Frame, Reference, Schema, SchemaUnavailable, SchemaUnknown
from tests.decode.support import Record, batch

FRAME = b"\x00\x00\x00\x00\x07"               # magic byte, schema 7
FIRST = FRAME + b"\x00"                       # and its first message


class Source:
    """A registry of what the test says; `unframed` is the schema of a local file."""

    def __init__(self, *schemas: Schema, unframed: Schema | None = None, frames: bool = True) -> None:
        self.known = {s.id: s for s in schemas}
        self.unframed, self.frames = unframed, frames
        self.out: str | None = None           # the reason of an outage

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        if self.out is not None:
            raise SchemaUnavailable(self.out)
        if id not in self.known:
            raise SchemaUnknown(f"there is no schema {id}")
        return self.known[id]

    def by_guid(self, guid: str) -> Schema:
        return next(s for s in self.known.values() if s.guid == guid)

    def latest(self, subject: str) -> Schema:
        return list(self.known.values())[-1]


def proto3(body: str, imports: Iterable[str] = (), id: int = 7, references: tuple[Reference, ...] = ()) -> Schema:
    lines = ['syntax = "proto3";', "package t;", *(f'import "{name}";' for name in imports), body]
    return Schema("protobuf", "\n".join(lines), id=id, subject="orders-value", references=references)


def proto2(body: str) -> Schema:
    return Schema("protobuf", f'syntax = "proto2";\npackage t;\n{body}', id=7, subject="orders-value")


def set_of(*files: FileDescriptorProto) -> Schema:
    """As a .desc file holds it."""
    data = FileDescriptorSet(file=files).SerializeToString()
    return Schema("protobuf", base64.b64encode(data).decode(), id=7)


def message(schema: Schema, name: str = "t.M") -> Any:
    """The class of a message by Google's runtime."""
    return message_factory.GetMessageClass(compiled(schema).pool.FindMessageTypeByName(name))


def decoder(schema: Schema, columns: Sequence[Column] | None = None, include: Iterable[str] = (), *, name: str | None = None,
            source: Source | None = None, exact: bool = False) -> ProtobufDecoder:
    """`exact`: every record by the exact form."""
    inferred = infer_schema("protobuf", schema, name).columns if columns is None else columns
    made = make("protobuf", "raw", inferred, include, schemas=source or Source(schema), message=name)
    assert isinstance(made, ProtobufDecoder)
    if exact:
        of = made._schemas.of

        def slow(frame: Frame) -> Messages:
            known = of(frame)
            known.of = lambda indexes: _without_fast(Messages.of(known, indexes))  # type: ignore[method-assign]
            return known
        made._schemas.of = slow  # type: ignore[method-assign]
    return made


def _without_fast(writer: Writer | Verdict) -> Writer | Verdict:
    if isinstance(writer, Writer):
        writer.fast = None
    return writer


def rows(made: ProtobufDecoder, values: Sequence[Record]) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """(payload of the good rows, code by row)."""
    table, bad = made.judge(batch(values))
    return table.select([c.name for c in made.columns]).to_pylist(), {b.index: b.code for b in bad}


def both(schema: Schema, values: Sequence[Record], **given: Any) -> tuple[pa.Table, list[BadRecord]]:
    """What the decoder gives, which is what its exact form gives, counters included."""
    fast, exact = decoder(schema, **given), decoder(schema, exact=True, **given)
    table, bad = fast.judge(batch(values))
    slow, slow_bad = exact.judge(batch(values))
    assert table.schema == slow.schema
    assert table.equals(slow) or repr(table.to_pylist()) == repr(slow.to_pylist())   # NaN
    assert bad == slow_bad
    assert +fast.take_counters() == +exact.take_counters()
    return table, bad
