"""Many Protobuf records at once: ptars, behind a message of our own making.

ptars never sees the user's schema. It gets a message with the same tags in which every field has presence, enums are numbers, well-known
types are what they are on the wire, JSON values are bytes and maps are lists of entries; so what these mean is decided here, as in the
exact form. A record that is longer than what was decoded takes when it is written holds something else (fields that the schema does not
have, a member of a oneof twice, numbers in more bytes than needed) and is left to the exact form.

Invariant: a row that comes from here is the row that the exact form gives. Any doubt about one record is a doubt about the slice: it is
halved until what is left is few enough for the exact form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kshell.columns import Column
from kshell.decode.protobuf_arrow import Doubt, Values, member
from kshell.decode.protobuf_fit import fits, spare
from kshell.decode.protobuf_messages import GROUP, MOST_FIELDS, Field, Message
from kshell.decode.protobuf_sizes import inner, written
from kshell.decode.protobuf_wire import MOST_CELLS
from kshell.decode.types import Type
from kshell.decode.verdict import VALUE_BYTES

SLICE_ROWS = 5_000                            # ptars holds the interpreter's lock while it works
SLICE_CELLS = 16_000_000                      # an empty message of two bytes is a row of all its fields
TOGETHER = 4                                  # slices
FEW_ROWS = 16
_TYPES = {"double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "fixed64": 6, "fixed32": 7, "bool": 8, "string": 9, "bytes": 12,
          "uint32": 13, "enum": 5, "sfixed32": 15, "sfixed64": 16, "sint32": 17, "sint64": 18, "json": 12}


class Unsuited(Exception):
    """The schema, or a column, is one for the exact form."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the records. `values` None: the exact form is for all of them; else for those that `mask` leaves out."""

    begin: int
    rows: int
    mask: pa.Array | None = None              # None: all of them
    columns: Sequence[pa.Array] = ()          # of the rows of the mask
    values: Values | None = None              # what was counted


class Fast:
    """One message, one set of columns. Unsuited says why not."""

    def __init__(self, message: Message, columns: Sequence[Column], types: Sequence[Type], *, rest: bool) -> None:
        self._message = message
        fields = {f.key: f for f in message.fields}
        self._columns: list[tuple[Field | None, Type]] = []
        for column, type_ in zip(columns, types, strict=True):
            if len(column.source_path) > 1:
                raise Unsuited(f"column {column.name} has a path")
            field = fields.get(column.source_path[0])
            if field is not None and (not fits(field.type, type_) or _as_json(field, type_)):
                raise Unsuited(f"column {column.name} has another type than its field")
            self._columns.append((field, type_))
        self._required = [i for i, c in enumerate(columns) if c.not_null]
        used = {c.source_path[0] for c in columns}
        self._others = [f for f in message.fields if f.key not in used]
        if rest and (self._others or any(field is not None and spare(field, type_) for field, type_ in self._columns)):
            raise Unsuited("fields without a column are kept")
        self._handler = _handler(message)
        widest = _widest(message)
        self._row_bytes = min(VALUE_BYTES, (MOST_CELLS - MOST_FIELDS) * 2 // widest)
        self._slice_bytes = max(self._row_bytes, SLICE_CELLS * 2 // widest)

    def decode(self, bodies: pa.Array) -> Iterator[Slice]:
        lengths = pc.binary_length(bodies)
        longest = pc.max(lengths).as_py() or 0
        small = longest <= self._row_bytes and longest * SLICE_ROWS * TOGETHER <= self._slice_bytes      # far from every limit
        begin, held = 0, list[tuple[int, int]]()
        while begin < len(bodies):
            rows = min(SLICE_ROWS, len(bodies) - begin) if small else self._rows(lengths, begin)
            if rows:
                held.append((begin, rows))
            if len(held) == (TOGETHER if small else 1):
                yield from self._together(bodies, held)
                held = []
            if not rows:
                yield Slice(begin, 1)
            begin += max(rows, 1)
        if held:
            yield from self._together(bodies, held)

    def _together(self, bodies: pa.Array, parts: Sequence[tuple[int, int]]) -> Iterator[Slice]:
        """Decoded one after the other, and looked at as one, which is a call for each column in place of one for each column and part."""
        begin, rows = parts[0][0], sum(rows for _, rows in parts)
        try:
            decoded = [_decoded(self._handler, bodies.slice(*part)) for part in parts]
            yield self._looked_at(pa.concat_batches(decoded) if len(decoded) > 1 else decoded[0], bodies.slice(begin, rows), begin)
        except Doubt:
            for part in parts:
                yield from self._halved(bodies, *part)

    def _rows(self, lengths: pa.Array, begin: int) -> int:
        """How many rows fit into a slice; none when the first may be beyond a limit."""
        part = lengths.slice(begin, SLICE_ROWS).cast(pa.int64())
        large = pc.index(pc.greater(part, self._row_bytes), True).as_py()
        fitting = int(pc.sum(pc.less_equal(pc.cumulative_sum(part), self._slice_bytes)).as_py())
        return fitting if large < 0 else min(fitting, large)

    def _halved(self, bodies: pa.Array, begin: int, rows: int) -> Iterator[Slice]:
        try:
            mine = bodies.slice(begin, rows)
            found = self._looked_at(_decoded(self._handler, mine), mine, begin)
        except Doubt:
            if rows <= FEW_ROWS:
                yield Slice(begin, rows)
                return
            yield from self._halved(bodies, begin, rows // 2)
            yield from self._halved(bodies, begin + rows // 2, rows - rows // 2)
            return
        yield found

    def _looked_at(self, decoded: pa.RecordBatch, bodies: pa.Array, begin: int) -> Slice:
        same = pc.equal(pc.binary_length(bodies), written(self._message, decoded.column).sum()).fill_null(False)
        mask = None if pc.all(same).as_py() else same
        if mask is not None:
            decoded = decoded.filter(mask)
        values = Values()
        values.check(self._message, decoded.column)
        columns = [pa.nulls(decoded.num_rows, type_.arrow()) if field is None
                   else values.field(field, decoded.column(member(field)), type_, 1) for field, type_ in self._columns]
        if any(columns[i].null_count for i in self._required):
            raise Doubt
        for field in self._others:
            values.without_column += values.count(field, decoded.column(member(field)))
        return Slice(begin, len(bodies), mask, columns, values)


def _as_json(field: Field, want: Type) -> bool:
    """A column of JSON text over something else, at any level."""
    if want.json:
        return field.form != "json" or field.repeated
    if field.message is None or field.form == "wrapper":
        return False
    inner = {f.key: f for f in field.message.fields}
    below = want.item if field.repeated and field.form != "map" else want
    if field.form == "map":
        return _as_json(inner["value"], want.item)
    return any(_as_json(inner[key], t) for name, t in below.fields for key in (below.key_of(name),) if key in inner)


def _widest(message: Message) -> int:
    """The most values that two bytes can become."""
    return max([1, *(max(_values(f.message) if f.repeated else 1, _widest(f.message)) for f in message.fields if f.message is not None)])


def _values(message: Message) -> int:
    return max(1, len(message.fields)) + sum(_values(f.message) for f in message.fields if f.message is not None and not f.repeated)


def _handler(message: Message) -> Any:
    try:
        import ptars
        from google.protobuf.descriptor_pb2 import FileDescriptorProto
        from google.protobuf.descriptor_pool import DescriptorPool
    except ImportError as missing:
        raise Unsuited(f"{missing.name} is not installed") from None
    file = FileDescriptorProto(name="kshell.proto", package="kshell", syntax="proto2")
    name = _describe(file, message)
    pool = DescriptorPool()
    pool.Add(file)
    return ptars.HandlerPool([pool.FindFileByName(file.name)]).get_for_message(pool.FindMessageTypeByName(f"kshell.{name}"))


def _describe(file: Any, message: Message) -> str:
    name = f"M{len(file.message_type)}"
    file.message_type.add(name=name)
    at = len(file.message_type) - 1
    for f in message.fields:
        if f.wire == GROUP or f.json:
            raise Unsuited(f"field {f.key} is {'a group' if f.wire == GROUP else 'nested too deeply'}")
        below = inner(f)
        type_name = f".kshell.{_describe(file, below)}" if below is not None else None
        field = file.message_type[at].field.add(name=member(f), number=f.number, label=3 if f.repeated else 1,
                                                type=11 if below is not None else _TYPES[f.form], type_name=type_name)
        if f.packed:
            field.options.packed = True
    return name


def _decoded(handler: Any, bodies: pa.Array) -> pa.RecordBatch:
    try:
        return handler.array_to_record_batch(bodies)
    except Exception:  # noqa: BLE001 - whatever it does not like, the exact form says what it is
        raise Doubt from None
    except BaseException as error:
        if type(error).__name__ == "PanicException":   # a panic of Rust derives from BaseException
            raise Doubt from None
        raise
