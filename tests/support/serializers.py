"""Producers of schemas: Confluent's own serializers, with the classes that they take made from a few words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Serialize = Callable[[Any], bytes]
_PROTO = {"int64": 3, "int32": 5, "string": 9, "double": 1, "bool": 8}


class Serializers:
    """`avro(topic, fields)(value)` gives the bytes of a record, framed; the schema is registered with the first."""

    def __init__(self, url: str) -> None:
        self.client = SchemaRegistryClient({"url": url})

    def __enter__(self) -> Serializers:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def avro(self, topic: str, fields: Mapping[str, Any], *, part: str = "value", name: str = "Event", **conf: Any) -> Serialize:
        schema = {"type": "record", "name": name, "namespace": "shop", "fields": [
            {"name": field, "type": kind, **({"default": None} if isinstance(kind, list) else {})} for field, kind in fields.items()]}
        return self._bound(AvroSerializer(self.client, json.dumps(schema), conf=conf), topic, part)

    def json(self, topic: str, properties: Mapping[str, Any], *, part: str = "value", **conf: Any) -> Serialize:
        schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Event", "type": "object", "properties": properties}
        return self._bound(JSONSerializer(json.dumps(schema), self.client, conf=conf), topic, part)

    def protobuf(self, topic: str, fields: Mapping[str, str], *, part: str = "value", message: str = "Event") -> Serialize:
        """Fields are numbered in their order. The message is the second of its file."""
        file = descriptor_pb2.FileDescriptorProto(name=f"{topic}.proto", package="shop", syntax="proto3")
        file.message_type.add(name="Unused").field.add(name="x", number=1, type=3, label=1)
        own = file.message_type.add(name=message)
        for number, (name, kind) in enumerate(fields.items(), start=1):
            own.field.add(name=name, number=number, type=_PROTO[kind], label=1)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        made = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"shop.{message}"))
        serialize = self._bound(ProtobufSerializer(made, self.client), topic, part)
        return lambda value: serialize(made(**value))

    @staticmethod
    def _bound(serializer: Any, topic: str, part: str) -> Serialize:
        context = SerializationContext(topic, MessageField.KEY if part == "key" else MessageField.VALUE)
        return lambda value: bytes(serializer(value, context))
