"""Avro: `flat` is five fields, `wide` has what the fast form makes of bytes, fixed and logical types beside them. What is measured stands
in `framed.py`."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.bench.figures import Row
from tests.bench.items import framed
from tests.bench.scene import Scene

TITLE, KIND = "Avro", "AVRO"
TAIL = b""                                    # of the frame
THEIRS = ("AvroDeserializer",) if importlib.util.find_spec("authlib") else ()      # which it needs beside the client
_FLAT = [("order_id", "long"), ("customer_id", "int"), ("amount", "double"), ("status", "string"), ("url", "string")]
_WIDE = [*_FLAT, ("note", ["null", "string"]), ("price", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}),
         ("at", {"type": "long", "logicalType": "timestamp-millis"}), ("tags", {"type": "array", "items": "string"}),
         ("uid", {"type": "fixed", "name": "Uid", "size": 16})]


def _schema(fields: list[Any]) -> str:
    return json.dumps({"type": "record", "name": "Order", "fields": [{"name": name, "type": kind} for name, kind in fields]})


SCHEMAS = {"flat": _schema(_FLAT), "wide": _schema(_WIDE)}


def measure(scene: Scene) -> list[Row]:
    return framed.measure(scene, "avro")


def writer(shape: str) -> Callable[[int], bytes]:
    """Gives the body of the event with that number."""
    import fastavro

    schema = fastavro.parse_schema(json.loads(SCHEMAS[shape]))

    def write(number: int) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, event(number, shape))
        return out.getvalue()
    return write


def event(number: int, shape: str) -> dict[str, Any]:
    made: dict[str, Any] = framed.fields(number)
    if shape == "wide":
        made |= {"note": None if number % 3 else "gift", "price": Decimal(number % 99_999).scaleb(-2), "at": 1_760_000_000_000 + number,
                 "tags": ["new", "sale"][:number % 3], "uid": number.to_bytes(16, "big")}
    return made


def deserializer(name: str, shape: str, registry: str) -> Callable[[bytes, Any], Any]:
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer

    return AvroDeserializer(SchemaRegistryClient({"url": registry}))
