"""The bytes of a Protobuf message, exactly: each field by its tag, with the rules of proto2 and proto3 for what stands twice.

A value that stands twice: the last one of a scalar, the merge of messages (which is what their bytes say when joined), the last member
of a oneof, the last value of a key. A tag that the message does not have, or has with another wire type, is counted and skipped.

Invariant: the values depend on the bytes and the message alone. Messages are dicts by the names of the schema; the values are those of
the Arrow type that the field's column type has."""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from kshell.decode.json_exact import json_text
from kshell.decode.protobuf_json import known_text, members
from kshell.decode.protobuf_messages import END_GROUP, FIXED32, FIXED64, GROUP, LENGTH, VARINT, Field, Message, tag_bytes
from kshell.decode.types import Type
from kshell.decode.verdict import OBJECT_KEYS, RECORD_BYTES, VALUE_BYTES, Verdict, text_of

LEVELS = 32                                   # of messages and groups within each other
MOST_CELLS = 2_000_000                        # of one record: an empty message takes two bytes, and a row of its fields here
_SECOND = 1_000_000
_BITS = 2**64 - 1
FIRST_S, LAST_S = -62_135_596_800, 253_402_300_800     # seconds: years 1 to 9999
LONGEST_S = 315_576_000_000                    # seconds of a Duration


def malformed(what: str) -> Verdict:
    return Verdict("PROTO_TRUNCATED", what)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """(value below 2^64, position after it). As in Google's readers, bits beyond those in a tenth byte are dropped."""
    value = shift = 0
    while True:
        try:
            byte = data[at]
        except IndexError:
            raise malformed("a number goes on after the last byte") from None
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise malformed("a number has more than ten bytes")
    return value & _BITS, at


def chunk(data: bytes, at: int) -> tuple[bytes, int]:
    """What stands after its length."""
    size, at = varint(data, at)
    if size > len(data) - at:
        raise malformed(f"a field of {size:,} bytes where {len(data) - at:,} are left")
    return data[at:at + size], at + size


def _signed(bits: int) -> Callable[[int], int]:
    half, whole = 1 << bits - 1, 1 << bits

    def convert(value: int) -> int:
        value &= whole - 1
        return value - whole if value >= half else value
    return convert


def _zigzag(bits: int) -> Callable[[int], int]:
    mask = (1 << bits) - 1
    return lambda value: (value & mask) >> 1 ^ -(value & 1)


_VARINTS: dict[str, Callable[[int], Any]] = {
    "int32": _signed(32), "enum": _signed(32), "int64": _signed(64), "uint32": lambda v: v & 0xFFFFFFFF, "uint64": Decimal,
    "sint32": _zigzag(32), "sint64": _zigzag(64), "bool": bool}
_FIXED = {form: struct.Struct(code) for form, code in
          {"double": "<d", "float": "<f", "fixed64": "<Q", "fixed32": "<I", "sfixed32": "<i", "sfixed64": "<q"}.items()}


class Reading:
    """One record."""

    def __init__(self) -> None:
        self.unknown = 0                      # fields that the message does not have
        self._cells = 0

    def record(self, message: Message, data: bytes) -> dict[str, Any]:
        if len(data) > RECORD_BYTES:
            raise Verdict("RECORD_TOO_LARGE", f"{len(data):,} bytes, the limit is {RECORD_BYTES:,}")
        if data[:1] == b"\0":
            raise malformed("byte 0 begins no field; it begins the frame of a schema registry: is SCHEMA_REGISTRY missing?")
        return self.message(message, data, 1)

    def message(self, message: Message, data: bytes, level: int) -> dict[str, Any]:
        if level > LEVELS + 1:
            raise Verdict("PROTO_DEPTH", f"messages are nested more than {LEVELS} levels deep")
        self._cells += len(message.fields)
        if self._cells > MOST_CELLS:
            raise Verdict("RECORD_TOO_LARGE", f"the record has more than {MOST_CELLS:,} values")
        found = self.found(message, data, level)
        return {f.key: self._finished(f, found.get(f.key), level) for f in message.fields}

    def found(self, message: Message, data: bytes, level: int) -> dict[str, Any]:
        """What stands in the bytes; the bytes of messages are joined and read afterwards."""
        found: dict[str, Any] = {}
        chosen: dict[str, str] = {}           # oneof -> the member that stood last
        at, end, tags = 0, len(data), message.tags
        while at < end:
            tag, at = self._tag(data, at)
            known = tags.get(tag)
            if known is None:
                if tag & 7 == END_GROUP:
                    raise malformed("a group ends that did not begin")
                self.unknown += 1
                at = self._skip(tag, data, at, level)
                continue
            field, packed = known
            if packed:
                values, at = chunk(data, at)
                self._packed(field, values, found.setdefault(field.key, []))
                continue
            value, at = self._value(field, data, at, level)
            if field.oneof is not None:
                if chosen.get(field.oneof, field.key) != field.key:
                    found.pop(chosen[field.oneof], None)
                chosen[field.oneof] = field.key
            if field.repeated:
                found.setdefault(field.key, []).append(value)
            elif field.wire in (LENGTH, GROUP) and field.form not in ("string", "bytes"):
                found[field.key] = found.get(field.key, b"") + value
            else:
                found[field.key] = value
        return found

    def _value(self, field: Field, data: bytes, at: int, level: int) -> tuple[Any, int]:
        if field.wire == VARINT:
            number, at = varint(data, at)
            return _VARINTS[field.form](number), at
        if field.wire == GROUP:
            end = self._skip(field.tag, data, at, level)
            return data[at:end - tag_bytes(field.number)], end
        if field.wire == LENGTH:
            value, at = chunk(data, at)
            return self._bytes(field, value), at
        return _fixed(field.form, data, at)

    def _bytes(self, field: Field, value: bytes) -> bytes | str:
        if field.form in ("string", "bytes") and len(value) > VALUE_BYTES:
            raise Verdict("VALUE_TOO_LARGE", f"{field.key}: {len(value):,} bytes, the limit of a value is {VALUE_BYTES:,}")
        return text_of(value, field.key) if field.form == "string" else value

    def _packed(self, field: Field, data: bytes, into: list[Any]) -> None:
        at, end = 0, len(data)
        self._cells += end // 8
        if field.wire == VARINT:
            convert = _VARINTS[field.form]
            while at < end:
                number, at = varint(data, at)
                into.append(convert(number))
            return
        while at < end:
            value, at = _fixed(field.form, data, at)
            into.append(value)

    # ---- what is not known ------------------------------------------------------------------------------------

    def _tag(self, data: bytes, at: int) -> tuple[int, int]:
        tag, after = varint(data, at)
        if tag >> 32 or tag < 8 or after - at > 5:
            raise malformed(f"a field has the number {tag >> 3:,}")
        return tag, after

    def _skip(self, tag: int, data: bytes, at: int, level: int) -> int:
        wire = tag & 7
        if wire == VARINT:
            return varint(data, at)[1]
        if wire == LENGTH:
            return chunk(data, at)[1]
        if wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
            if at > len(data):
                raise malformed("a number goes on after the last byte")
            return at
        if wire != GROUP:
            raise malformed(f"a field has the wire type {wire}")
        if level > LEVELS:
            raise Verdict("PROTO_DEPTH", f"messages are nested more than {LEVELS} levels deep")
        while True:
            inner, at = self._tag(data, at)
            if inner & 7 == END_GROUP:
                if inner >> 3 != tag >> 3:
                    raise malformed("a group ends that did not begin")
                return at
            at = self._skip(inner, data, at, level + 1)

    # ---- values of columns ------------------------------------------------------------------------------------

    def _finished(self, field: Field, found: Any, level: int) -> Any:
        if found is None:
            return ([] if field.form != "map" else {}) if field.repeated else field.default
        if field.form == "map":
            return self._map(field, found, level)
        return [self.item(field, value, level) for value in found] if field.repeated else self.item(field, found, level)

    def item(self, field: Field, value: Any, level: int) -> Any:
        form = field.form
        if form == "enum":
            return field.names.get(value) or str(value)
        if form == "message":
            assert field.message is not None
            inner = self.message(field.message, value, level + 1)
            if field.json:
                return json_text(members(field.message, inner), field.key)
            return inner if field.message.fields else True
        if form == "wrapper":
            assert field.message is not None
            return self.message(field.message, value, level + 1)["value"]
        if form == "timestamp":
            return self._timestamp(field.key, value, level)
        if form == "duration":
            return self._duration(field.key, value, level)
        return known_text(self, field, value, level) if form == "json" else value

    def _map(self, field: Field, entries: list[bytes], level: int) -> dict[Any, Any]:
        assert field.message is not None
        values = {}
        for entry in entries:
            pair = self.message(field.message, entry, level + 1)
            value = pair["value"]
            if value is None:                 # a message that was left out is an empty one
                value = self.item(field.message.fields[1], b"", level + 1)
            values[pair["key"]] = value
        if len(values) > OBJECT_KEYS:
            raise Verdict("TOO_MANY_KEYS", f"{field.key}: {len(values):,} keys, the limit is {OBJECT_KEYS:,}")
        return values

    def _timestamp(self, key: str, data: bytes, level: int) -> int:
        seconds, nanos = self._moment(data, level)
        if not (FIRST_S <= seconds < LAST_S and 0 <= nanos < 1_000_000_000):
            raise Verdict("DATE_RANGE", f"{key}: a time outside the years 1 to 9999")
        return seconds * _SECOND + nanos // 1000

    def _duration(self, key: str, data: bytes, level: int) -> int:
        seconds, nanos = self._moment(data, level)
        if not (-LONGEST_S <= seconds <= LONGEST_S and -1_000_000_000 < nanos < 1_000_000_000):
            raise Verdict("NUMBER_RANGE", f"{key}: a duration of more than 10,000 years")
        return seconds * _SECOND + (nanos // 1000 if nanos >= 0 else -(-nanos // 1000))

    def _moment(self, data: bytes, level: int) -> tuple[int, int]:
        found = self.found(MOMENT, data, level)
        return found.get("seconds", 0), found.get("nanos", 0)


def _fixed(form: str, data: bytes, at: int) -> tuple[Any, int]:
    kind = _FIXED[form]
    if at + kind.size > len(data):
        raise malformed("a number goes on after the last byte")
    value = kind.unpack_from(data, at)[0]
    return Decimal(value) if form == "fixed64" else value, at + kind.size


# Timestamp and Duration
MOMENT = Message.of("google.protobuf.Timestamp", (Field("seconds", 1, "int64", VARINT, Type("BIGINT")),
                                                  Field("nanos", 2, "int32", VARINT, Type("INTEGER"))))
