"""Protobuf: `flat` is five fields, `wide` has what becomes structs, lists, maps and times beside them. What is measured stands in
`framed.py`.

ProtobufDeserializer alone gives messages whose fields nobody has read; with `MessageToDict` it gives values as rows have them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from kshell.decode.protobuf_schemas import compiled
from kshell.schemas import Schema
from tests.bench.figures import Row
from tests.bench.items import framed
from tests.bench.scene import Scene

TITLE, KIND = "Protobuf", "PROTOBUF"
TAIL = b"\0"                                  # of the frame: the first message
THEIRS = ("ProtobufDeserializer", "ProtobufDeserializer and MessageToDict") if importlib.util.find_spec("authlib") else ()
_FLAT = "int64 order_id = 1; int32 customer_id = 2; double amount = 3; string status = 4; string url = 5;"
_WIDE = f"""{_FLAT} optional string note = 6; google.protobuf.Timestamp at = 7; repeated string tags = 8; Line line = 9;
map<string, int64> counts = 10; uint64 total = 11; Kind kind = 12; google.protobuf.Int64Value version = 13;"""
_TEXT = """syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
message Order {{ {} }} message Line {{ string sku = 1; int32 quantity = 2; }} enum Kind {{ NONE = 0; RETAIL = 1; TRADE = 2; }}"""
SCHEMAS = {"flat": _TEXT.format(_FLAT), "wide": _TEXT.format(_WIDE)}


def measure(scene: Scene) -> list[Row]:
    return framed.measure(scene, "protobuf")


def order(shape: str) -> Any:
    """The class of the message."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(compiled(Schema("protobuf", SCHEMAS[shape])).message_types_by_name["Order"])


def writer(shape: str) -> Callable[[int], bytes]:
    """Gives the body of the event with that number."""
    kind = order(shape)
    return lambda number: event(kind, number, shape)


def event(kind: Any, number: int, shape: str) -> bytes:
    made = kind(**framed.fields(number))
    if shape == "wide":
        if number % 3 == 0:
            made.note = "gift"
        made.at.seconds, made.at.nanos = 1_760_000_000 + number, number % 1000 * 1_000_000
        made.tags.extend(["new", "sale"][:number % 3])
        made.line.sku, made.line.quantity = f"sku-{number % 100}", number % 7
        made.counts["seen"] = number
        made.total, made.kind = number * 100, number % 3
        made.version.value = number % 5
    return bytes(made.SerializeToString())


def deserializer(name: str, shape: str, registry: str) -> Callable[[bytes, Any], Any]:
    from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
    from google.protobuf.json_format import MessageToDict

    decode = ProtobufDeserializer(order(shape), {"use.deprecated.format": False})
    return decode if name == "ProtobufDeserializer" else lambda value, context: MessageToDict(decode(value, context))
