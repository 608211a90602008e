"""Protobuf values that are JSON text: Struct, Value, ListValue and Any, and fields that have no column.

Invariant: members stand in the order of the bytes, or of the schema; names are those of the schema, 64-bit numbers keep their digits,
bytes are base64. The text never depends on the order of a hash table."""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kshell.decode.json_exact import json_text
from kshell.decode.json_text import Members, Number, Value, read
from kshell.decode.protobuf_messages import FIXED64, LENGTH, VARINT, Field, Message
from kshell.decode.types import Type
from kshell.decode.verdict import OBJECT_KEYS, Verdict

if TYPE_CHECKING:
    from kshell.decode.protobuf_wire import Reading

JSON_LEVELS = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VARCHAR = Type("VARCHAR")


def _part(key: str, number: int, form: str = "json", wire: int = LENGTH, *, repeated: bool = False, oneof: str | None = None) -> Field:
    return Field(key, number, form, wire, _VARCHAR, repeated=repeated, oneof=oneof)


_STRUCT = Message.of("google.protobuf.Struct", [_part("fields", 1, repeated=True)])
_ENTRY = Message.of("google.protobuf.Struct.FieldsEntry", [_part("key", 1, "string"), _part("value", 2)])
_LIST = Message.of("google.protobuf.ListValue", [_part("values", 1, repeated=True)])
_VALUE = Message.of("google.protobuf.Value", [
    _part("null", 1, "int32", VARINT, oneof="kind"), _part("number", 2, "double", FIXED64, oneof="kind"),
    _part("string", 3, "string", oneof="kind"), _part("bool", 4, "bool", VARINT, oneof="kind"),
    _part("struct", 5, oneof="kind"), _part("list", 6, oneof="kind")])
_ANY = Message.of("google.protobuf.Any", [_part("type_url", 1, "string"), _part("value", 2, "bytes")])


def known_text(reading: Reading, field: Field, data: bytes, level: int) -> str:
    """The JSON text of a well-known type."""
    if field.known == "Any":
        return json_text(_any(reading, field, data, level), field.key)
    return json_text({"Struct": _struct, "Value": _value, "ListValue": _list}[field.known](reading, data, 1), field.key)


def members(message: Message, found: dict[str, Any]) -> Members:
    """A message as an object; what is not there is left out."""
    return Members([(f.key, json_of(f, found[f.key])) for f in message.fields if present(f, found[f.key])])


def present(field: Field, value: Any) -> bool:
    """It stood in the record, or cannot be told from what did not."""
    return value is not None and (field.presence or value != (type(value)() if field.repeated else field.default))


def json_of(field: Field, value: Any) -> Value:
    if field.form == "map":
        assert field.message is not None
        inner = field.message.fields[1]
        return Members([(key_text(field, k), json_of(inner, v)) for k, v in value.items()])
    return [_scalar(field, item) for item in value] if field.repeated else _scalar(field, value)


def key_text(field: Field, key: Any) -> str:
    """The key of a map as the name of a member."""
    assert field.message is not None
    return str(key).lower() if isinstance(key, bool) else str(json_of(field.message.fields[0], key))


def _scalar(field: Field, value: Any) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        assert field.message is not None
        return members(field.message, value)
    if field.form == "timestamp":
        return _moment(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, str):
        return read(value.encode()) if field.item.json else value
    return Number(repr(value) if isinstance(value, float) else value)


def _moment(micros: int) -> str:
    text = (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=None).isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


# ---- well-known types ------------------------------------------------------------------------------------------

def _deeper(level: int) -> int:
    if level > JSON_LEVELS:
        raise Verdict("PROTO_DEPTH", f"a value is nested more than {JSON_LEVELS} levels deep")
    return level + 1


def _struct(reading: Reading, data: bytes, level: int) -> Members:
    inner = _deeper(level)
    last: dict[str, bytes] = {}
    for entry in reading.found(_STRUCT, data, 1).get("fields", ()):
        pair = reading.found(_ENTRY, entry, 1)
        last[pair.get("key", "")] = pair.get("value", b"")
    if len(last) > OBJECT_KEYS:
        raise Verdict("TOO_MANY_KEYS", f"a Struct of {len(last):,} keys, the limit is {OBJECT_KEYS:,}")
    return Members([(key, _value(reading, value, inner)) for key, value in last.items()])


def _list(reading: Reading, data: bytes, level: int) -> list[Value]:
    inner = _deeper(level)
    return [_value(reading, value, inner) for value in reading.found(_LIST, data, 1).get("values", ())]


def _value(reading: Reading, data: bytes, level: int) -> Value:
    for kind, found in reading.found(_VALUE, data, 1).items():
        if kind == "struct":
            return _struct(reading, found, level)
        if kind == "list":
            return _list(reading, found, level)
        if kind == "number":
            return _number(found)
        return None if kind == "null" else found
    return None


def _number(value: float) -> Number:
    """A whole number without a point: JSON has one kind of number."""
    whole = value.is_integer() and abs(value) < 2**53 and not (value == 0 and math.copysign(1, value) < 0)
    return Number(int(value) if whole else repr(value))


def _any(reading: Reading, field: Field, data: bytes, level: int) -> Members:
    found = reading.found(_ANY, data, level)
    url, value = found.get("type_url", ""), found.get("value", b"")
    type_ = field.types.find(url) if field.types is not None else None
    if type_ is None:
        return Members([("@type", url), ("value", base64.b64encode(value).decode("ascii"))])
    held = reading.item(type_, value, level + 1)
    if isinstance(held, dict) and type_.message is not None:
        return Members([("@type", url), *members(type_.message, held).pairs])
    return Members([("@type", url), ("value", json_of(type_, held))])
