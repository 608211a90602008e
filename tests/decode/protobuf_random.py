"""Random Protobuf schemas and messages, wrong bytes made of right ones, and what Google's runtime says a message holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from google.protobuf import any_pb2, duration_pb2, empty_pb2, field_mask_pb2, json_format, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from kshell.schemas import Schema
from tests.decode.protobuf_support import set_of

_LIBRARIES = (timestamp_pb2, duration_pb2, struct_pb2, wrappers_pb2, empty_pb2, field_mask_pb2, any_pb2)
_KNOWN = ("Timestamp", "Duration", "Struct", "Value", "ListValue", "Empty", "FieldMask", "Int64Value", "UInt64Value", "StringValue",
          "BoolValue", "BytesValue", "DoubleValue")
_SCALARS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18)
_KEYS = (3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 17, 18)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGERS = {3: (-2**63, 2**63), 4: (0, 2**64), 5: (-2**31, 2**31), 6: (0, 2**64), 7: (0, 2**32), 13: (0, 2**32), 15: (-2**31, 2**31),
             16: (-2**63, 2**63), 17: (-2**31, 2**31), 18: (-2**63, 2**63)}
_BITS64 = {4, 6}
_PROMOTED = {5: 3, 15: 16, 17: 18, 2: 1}      # int32, sfixed32, sint32 and float


def schema(random: Random, syntax: str) -> Schema:
    """Message M and some that it may hold."""
    return set_of(file_of(random, syntax))


def file_of(random: Random, syntax: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name="random.proto", package="t", syntax=syntax, dependency=[m.DESCRIPTOR.name for m in _LIBRARIES])
    enum = file.enum_type.add(name="E")
    for name, number in (("NONE", 0), ("ONE", 1), ("BIG", 2**31 - 1), ("LESS", -1)):
        enum.value.add(name=name, number=number)
    for name, below in (("M", ("A", "B", "C")), ("A", ("B", "C")), ("B", ("C",)), ("C", ())):
        _message(file.message_type.add(name=name), random, syntax, below)
    return file


def grown(file: FileDescriptorProto, random: Random) -> FileDescriptorProto:
    """A later version: numbers promoted, a field more in each message, whatever is around it. One without fields stays: it is a boolean."""
    after = FileDescriptorProto()
    after.CopyFrom(file)
    for made in (m for m in after.message_type if m.field):
        for field in (*made.field, *(entry.field[1] for entry in made.nested_type)):
            field.type = _PROMOTED.get(field.type, field.type)
        added = made.field.add(name="added", number=100, label=random.choice((1, 3)))
        _typed(added, random, {"M": ("A", "B", "C"), "A": ("B", "C"), "B": ("C",)}.get(made.name, ()))
    return after


def _message(made: DescriptorProto, random: Random, syntax: str, below: tuple[str, ...]) -> None:
    numbers = random.sample([*range(1, 20), 1_000, 2**29 - 1], random.randint(0 if made.name == "C" else 1, 8))
    oneofs = 0
    for number in numbers:
        field = made.field.add(name=f"f{number}", number=number)
        choice = random.random()
        if choice < 0.15:
            _map(made, field, random, below)
            continue
        _typed(field, random, below)
        if choice < 0.4:
            field.label = FieldDescriptorProto.LABEL_REPEATED
            if field.type not in (9, 11, 12) and random.random() < 0.3:
                field.options.packed = random.random() < 0.5
            continue
        field.label = FieldDescriptorProto.LABEL_OPTIONAL
        if choice < 0.6:
            if oneofs == 0 or random.random() < 0.3:
                made.oneof_decl.add(name=f"o{oneofs}")
                oneofs += 1
            field.oneof_index = oneofs - 1
    if syntax == "proto3":                    # the oneof of an optional field comes after the others
        for field in made.field:
            if field.label == 1 and not field.HasField("oneof_index") and random.random() < 0.3:
                made.oneof_decl.add(name=f"_{field.name}")
                field.oneof_index, field.proto3_optional = len(made.oneof_decl) - 1, True


def _typed(field: Any, random: Random, below: tuple[str, ...]) -> None:
    choice = random.random()
    if choice < 0.2 and below:
        field.type, field.type_name = 11, f".t.{random.choice(below)}"
    elif choice < 0.4:
        field.type, field.type_name = 11, f".google.protobuf.{random.choice(_KNOWN)}"
    else:
        field.type = random.choice(_SCALARS)
        if field.type == 14:
            field.type_name = ".t.E"


def _map(made: DescriptorProto, field: Any, random: Random, below: tuple[str, ...]) -> None:
    entry = made.nested_type.add(name=f"F{field.number}Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=1, type=random.choice(_KEYS))
    _typed(entry.field.add(name="value", number=2, label=1), random, below)
    field.label, field.type, field.type_name = 3, 11, f".t.{made.name}.{entry.name}"


# ---- messages --------------------------------------------------------------------------------------------------

def fill(made: Any, random: Random) -> Any:
    for f in made.DESCRIPTOR.fields:
        if random.random() < 0.3:
            continue
        if _is_map(f):
            key, value = f.message_type.fields
            for _ in range(random.randint(0, 3)):
                where = getattr(made, f.name)
                if value.message_type is not None:
                    _held(where[_scalar(key, random)], random)
                else:
                    where[_scalar(key, random)] = _scalar(value, random)
        elif f.is_repeated:
            for _ in range(random.randint(0, 3)):
                where = getattr(made, f.name)
                if f.message_type is not None:
                    _held(where.add(), random)
                else:
                    where.append(_scalar(f, random))
        elif f.message_type is not None:
            getattr(made, f.name).SetInParent()
            _held(getattr(made, f.name), random)
        else:
            setattr(made, f.name, _scalar(f, random))
    return made


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _held(made: Any, random: Random) -> None:
    name = made.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        made.seconds = random.choice((0, -1, 1_764_000_000, -62_135_596_800, 253_402_300_799))
        made.nanos = random.choice((0, 1, 1_000, 999_999_999))
    elif name == "google.protobuf.Duration":
        sign = random.choice((1, -1))
        made.seconds, made.nanos = sign * random.choice((0, 1, 315_576_000_000)), sign * random.choice((0, 999, 1_001, 999_999_999))
    elif name == "google.protobuf.Value":
        json_format.ParseDict(_json(random, 3), made)
    elif name == "google.protobuf.Struct":
        made.update({"k": _json(random, 2)})
    elif name == "google.protobuf.ListValue":
        json_format.ParseDict([_json(random, 2) for _ in range(random.randint(0, 2))], made)
    else:
        fill(made, random)


def _json(random: Random, levels: int) -> Any:
    nested = [] if levels == 0 else [[_json(random, levels - 1)], {"k": _json(random, levels - 1)}]
    return random.choice([None, True, False, 0, 1.5, -7, "", "ü\n", *nested])


def _scalar(field: Any, random: Random) -> Any:
    kind = field.type
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        return random.choice((0, 1, low, high - 1, random.randrange(low, high)))
    if kind == 14:
        return random.choice((0, 1, -1, 2**31 - 1))
    return random.choice({1: (0.0, -0.0, 1.5, float("inf"), 1e300), 2: (0.0, 0.5, -2.0), 8: (True, False), 9: ("", "a", "größe", "\0"),
                          12: (b"", b"\xff", b"\x08\x01")}[kind])


def wrong(data: bytes, random: Random, other: bytes) -> bytes:
    """Right bytes made wrong, or unusual."""
    choice = random.randrange(7)
    at = random.randrange(len(data) + 1)
    if choice == 0:
        return data[:at]
    if choice == 1 and data:
        at = min(at, len(data) - 1)
        return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1:]
    if choice == 2:
        return data + other                   # the merge of two messages
    if choice == 3:
        return data[:at] + random.randbytes(random.randint(1, 4)) + data[at:]
    if choice == 4:
        return data + random.choice((b"\xf8\x07\x01", b"\xfa\x07\x01a", b"\xfb\x07\xfc\x07"))
    return data + random.choice((b"\x0b", b"\x07", b"\x80")) if choice == 5 else random.randbytes(random.randint(0, 12))


# ---- the reference ---------------------------------------------------------------------------------------------

def row(made: Any) -> dict[str, Any]:
    """What the columns of a message hold, by Google's runtime; JSON text is parsed."""
    return {f.name: _field(made, f) for f in made.DESCRIPTOR.fields}


def _field(made: Any, f: Any) -> Any:
    value = getattr(made, f.name)
    if _is_map(f):
        key, inner = f.message_type.fields
        return {_value(key, k): _value(inner, v) for k, v in value.items()}
    if f.is_repeated:
        return [_value(f, v) for v in value]
    return _value(f, value) if not f.has_presence or made.HasField(f.name) else None


def _value(f: Any, value: Any) -> Any:
    if f.type == 14:
        known = f.enum_type.values_by_number.get(value)
        return known.name if known is not None else str(value)
    if f.type in _BITS64:
        return Decimal(value)
    return value if f.message_type is None else _message_value(value)


def _message_value(made: Any) -> Any:
    name = made.DESCRIPTOR.full_name.removeprefix("google.protobuf.")
    if name == "Timestamp":
        return _EPOCH + timedelta(seconds=made.seconds, microseconds=made.nanos // 1_000)
    if name == "Duration":
        return made.seconds * 1_000_000 + int(made.nanos / 1_000)
    if name in ("Struct", "Value", "ListValue"):
        return json_format.MessageToDict(made)
    if name.endswith("Value") and name in _KNOWN:
        return _value(made.DESCRIPTOR.fields[0], made.value)
    return row(made) if made.DESCRIPTOR.fields else True


def parsed(made: Any, found: dict[str, Any]) -> dict[str, Any]:
    """A row of ours in the form of the reference."""
    return {f.name: _ours(f, found[f.name]) for f in made.fields}


def _ours(f: Any, value: Any) -> Any:
    if value is None:
        return None
    if _is_map(f):
        return {k: _one(f.message_type.fields[1], v) for k, v in value}
    return [_one(f, v) for v in value] if f.is_repeated else _one(f, value)


def _one(f: Any, value: Any) -> Any:
    if f.message_type is None or value is None:
        return value
    if f.message_type.full_name in ("google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"):
        return json.loads(value)
    return parsed(f.message_type, value) if isinstance(value, dict) else value
