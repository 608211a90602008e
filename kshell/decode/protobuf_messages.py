"""What a Protobuf message is to the readers: its fields by the tags of the wire, and the column type of each.

Invariant: a message is a finite tree. One that contains itself is refused, and so is one of more fields than the limit, counted as
often as they are used; what lies below the deepest level of types is JSON text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kshell.decode.schema_types import struct
from kshell.decode.types import JSON_TEXT, MOST_LEVELS, Type
from kshell.decode.unusable import Unusable

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor

MOST_FIELDS = 5_000
VARINT, FIXED64, LENGTH, GROUP, END_GROUP, FIXED32 = range(6)
_WKT = "google.protobuf."
_BOOLEAN, _INTEGER, _BIGINT, _UINT64 = Type("BOOLEAN"), Type("INTEGER"), Type("BIGINT"), Type("DECIMAL", 20, 0)
# FieldDescriptor.type -> (form, wire type, column type)
_SCALARS: dict[int, tuple[str, int, Type]] = {
    1: ("double", FIXED64, Type("DOUBLE")), 2: ("float", FIXED32, Type("FLOAT")), 3: ("int64", VARINT, _BIGINT),
    4: ("uint64", VARINT, _UINT64), 5: ("int32", VARINT, _INTEGER), 6: ("fixed64", FIXED64, _UINT64), 7: ("fixed32", FIXED32, _BIGINT),
    8: ("bool", VARINT, _BOOLEAN), 9: ("string", LENGTH, Type("VARCHAR")), 12: ("bytes", LENGTH, Type("BLOB")),
    13: ("uint32", VARINT, _BIGINT), 14: ("enum", VARINT, Type("VARCHAR")), 15: ("sfixed32", FIXED32, _INTEGER),
    16: ("sfixed64", FIXED64, _BIGINT), 17: ("sint32", VARINT, _INTEGER), 18: ("sint64", VARINT, _BIGINT)}
_GROUP = 10
_ZERO: dict[str, Any] = {"double": 0.0, "float": 0.0, "bool": False, "string": "", "bytes": b""}
# well-known types that are not structs
_FORMS: dict[str, tuple[str, Type]] = {
    "Timestamp": ("timestamp", Type("TIMESTAMP WITH TIME ZONE")), "Duration": ("duration", _BIGINT),
    **dict.fromkeys(("Struct", "Value", "ListValue", "Any"), ("json", JSON_TEXT)),
    **dict.fromkeys(("DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value", "BoolValue", "StringValue",
                     "BytesValue"), ("wrapper", JSON_TEXT))}


@dataclass(frozen=True, slots=True)
class Field:
    """`form` says how bytes become the value: a scalar of Protobuf, `enum`, `message`, `map`, `timestamp`, `duration`, `wrapper`, or
    `json` for a well-known type that is JSON text."""

    key: str                                  # its name in the schema
    number: int
    form: str
    wire: int
    item: Type                                # of one value
    repeated: bool = False
    packed: bool = False                      # how a writer writes it; a reader takes both
    presence: bool = True                     # absent is NULL; False: the default value
    message: Message | None = None            # of message, map (the entry) and wrapper
    names: Mapping[int, str] = field(default_factory=dict)   # of an enum
    default: Any = None                       # of a field without presence
    oneof: str | None = None
    json: bool = False                        # a message below the deepest level: its JSON text
    known: str = ""                           # of json: Struct, Value, ListValue or Any
    types: AnyTypes | None = None             # of Any: what its value may be

    @property
    def type(self) -> Type:
        return Type("LIST", fields=(("element", self.item),)) if self.repeated and self.form != "map" else self.item

    @property
    def tag(self) -> int:
        return self.number << 3 | self.wire


@dataclass(frozen=True, slots=True)
class Message:
    name: str                                 # full name
    fields: tuple[Field, ...]
    tags: Mapping[int, tuple[Field, bool]]    # tag on the wire -> field, and whether a packed list stands there

    @classmethod
    def of(cls, name: str, fields: Iterable[Field]) -> Message:
        fields = tuple(fields)
        return cls(name, fields, dict(_tags(fields)))


def tag_bytes(number: int) -> int:
    """Of a field with that number, in front of each of its values."""
    return (number.bit_length() + 3 + 6) // 7


class AnyTypes:
    """The types that a schema knows, by the name that an Any gives; each is built once."""

    def __init__(self, files: FileDescriptor) -> None:
        self._files = files
        self._known: dict[str, Field | None] = {}

    def find(self, url: str) -> Field | None:
        """As a field of that type, named `value`. None: unknown, or one that cannot be columns."""
        name = url.rpartition("/")[2]
        if name not in self._known:
            if len(self._known) > MOST_FIELDS:
                self._known.clear()           # the names come from records
            self._known[name] = self._built(name)
        return self._known[name]

    def _built(self, name: str) -> Field | None:
        try:
            found = self._files.pool.FindMessageTypeByName(name)
            return _Building().typed(found, {"key": "value", "number": 1}, LENGTH, (), 0)
        except (KeyError, TypeError, Unusable):
            return None


def message_of(descriptor: Descriptor) -> Message:
    """Unusable when it cannot be columns."""
    return _Building().message(descriptor, (), 0)


class _Building:
    def __init__(self) -> None:
        self._count = 0

    def message(self, of: Descriptor, path: tuple[tuple[str, str], ...], level: int) -> Message:
        """`path`: (full name, field) of the messages around it."""
        around = [name for name, _ in path]
        if of.full_name in around:
            begin = around.index(of.full_name)
            short = of.full_name.rpartition(".")[2]
            raise Unusable("TYPE_RECURSIVE", f"message {short} contains itself at {'.'.join([short, *(at for _, at in path[begin:])])}. "
                                             "Recursive schemas are not supported.")
        self._count += len(of.fields)
        if self._count > MOST_FIELDS:
            raise Unusable("SCHEMA_TOO_LARGE", f"message {path[0][0] if path else of.full_name} has more than {MOST_FIELDS:,} fields")
        fields = tuple(self._field(f, (*path, (of.full_name, f.name + ("[]" if f.is_repeated else ""))), level) for f in of.fields)
        return Message.of(of.full_name, fields)

    def _field(self, of: FieldDescriptor, path: tuple[tuple[str, str], ...], level: int) -> Field:
        entry = bool(of.containing_type.GetOptions().map_entry)
        presence = of.has_presence and not entry
        base = {"key": of.name, "number": of.number, "repeated": of.is_repeated, "presence": presence, "packed": of.is_packed,
                "oneof": of.containing_oneof.name if of.containing_oneof is not None else None}
        if of.message_type is not None:
            return self.typed(of.message_type, base, GROUP if of.type == _GROUP else LENGTH, path, level)
        form, wire, item = _SCALARS[of.type]
        names = _names(of.enum_type) if form == "enum" else {}
        default = None
        if not presence and not of.is_repeated:
            default = names.get(of.default_value, "0") if form == "enum" else _ZERO.get(form, Decimal(0) if item is _UINT64 else 0)
        return Field(**base, form=form, wire=wire, item=item, names=names, default=default)

    def typed(self, of: Descriptor, base: dict[str, Any], wire: int, path: tuple[tuple[str, str], ...], level: int) -> Field:
        """A field whose type is a message."""
        known = of.full_name.removeprefix(_WKT) if of.full_name.startswith(_WKT) else ""
        form, item = _FORMS.get(known, ("message", JSON_TEXT))
        if form in ("timestamp", "duration", "json"):
            return Field(**base, form=form, wire=wire, item=item, known=known, types=AnyTypes(of.file) if known == "Any" else None)
        level += 1 if base.get("repeated") or form == "wrapper" else 0
        message = self.message(of, path, level + 1)
        if form == "wrapper":
            return Field(**base, form=form, wire=wire, item=message.fields[0].item, message=message)
        if of.GetOptions().map_entry:
            entry = Type("MAP", fields=tuple((f.key, f.item) for f in message.fields))
            return Field(**base, form="map", wire=wire, message=message, item=entry)
        deep = level >= MOST_LEVELS
        return Field(**base, form="message", wire=wire, item=JSON_TEXT if deep else struct_of(message), message=message, json=deep)


def struct_of(message: Message) -> Type:
    """An empty message is a boolean: true when it is there."""
    return struct([(f.key, f.type) for f in message.fields]) or _BOOLEAN


def _names(enum: EnumDescriptor) -> dict[int, str]:
    """The first name of each number."""
    names: dict[int, str] = {}
    for value in enum.values:
        names.setdefault(value.number, value.name)
    return names


def _tags(fields: tuple[Field, ...]) -> Iterator[tuple[int, tuple[Field, bool]]]:
    for f in fields:
        yield f.tag, (f, False)
        if f.repeated and f.wire in (VARINT, FIXED64, FIXED32):
            yield f.number << 3 | LENGTH, (f, True)


# ---- finding a message -----------------------------------------------------------------------------------------

def first(file: FileDescriptor) -> Descriptor:
    for found in file.message_types_by_name.values():
        return found
    raise Unusable("SCHEMA_INVALID", "it has no message")


def named(file: FileDescriptor, name: str) -> Descriptor | None:
    """By its full name, or by a name without the package; also of a file that it imports."""
    from google.protobuf.descriptor import Descriptor

    for wanted in (name, f"{file.package}.{name}"):
        try:
            found = file.pool.FindMessageTypeByName(wanted)
        except KeyError:
            continue
        if isinstance(found, Descriptor):
            return found
    return None


def every(file: FileDescriptor) -> list[Descriptor]:
    """The messages of the file, nested ones after the one around them; entries of maps left out."""
    def below(of: Descriptor) -> Iterator[Descriptor]:
        yield of
        for inner in _nested(of):
            yield from below(inner)
    return [d for top in file.message_types_by_name.values() for d in below(top)]


def at(file: FileDescriptor, indexes: tuple[int, ...]) -> Descriptor | None:
    """The message that the indexes of a frame select. As in the registry's own client, which reads the text of the schema,
    entries of maps have no index."""
    level: list[Any] = list(file.message_types_by_name.values())
    found = None
    for index in indexes:
        if not 0 <= index < len(level):
            return None
        found = level[index]
        level = _nested(found)
    return found


def _nested(of: Descriptor) -> list[Descriptor]:
    return [inner for inner in of.nested_types if not inner.GetOptions().map_entry]
