"""Protobuf: topic to live buffer, as a share of a bare consumer of the same messages and as a multiple of confluent-kafka's
ProtobufDeserializer: alone, which gives messages whose fields nobody has read, and with `MessageToDict`, which gives values as rows have
them.

The schema comes from a registry of the test in this process. `wide` has what becomes structs, lists, maps and times."""

from __future__ import annotations

import statistics
import struct
from collections.abc import Callable
from typing import Any

from confluent_kafka import Producer

from kshell.decode.protobuf_schemas import compiled
from kshell.schemas import Schema
from tests.bench import child, figures, product
from tests.bench.figures import Row, spread
from tests.bench.items.avro import SHARE, THEIRS, _consumed, loop
from tests.bench.items.ingest import _clocked
from tests.bench.scene import PARTITIONS, Scene
from tests.support.stub_http import Answer, StubHttp, schema_answer
from tests.support.topics import admin, create_topic

__all__ = ["deserializer", "live", "loop", "measure", "values"]

_FLAT = "int64 order_id = 1; int32 customer_id = 2; double amount = 3; string status = 4; string url = 5;"
_WIDE = f"""{_FLAT} optional string note = 6; google.protobuf.Timestamp at = 7; repeated string tags = 8; Line line = 9;
map<string, int64> counts = 10; uint64 total = 11; Kind kind = 12; google.protobuf.Int64Value version = 13;"""
_TEXT = """syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
message Order {{ {} }} message Line {{ string sku = 1; int32 quantity = 2; }} enum Kind {{ NONE = 0; RETAIL = 1; TRADE = 2; }}"""
SCHEMAS = {"flat": _TEXT.format(_FLAT), "wide": _TEXT.format(_WIDE)}
_STATUS = ("paid", "open", "sent", "lost")


def measure(scene: Scene) -> list[Row]:
    events = max(scene.events // SHARE, 1)
    rows: list[Row] = []
    with StubHttp() as registry:
        for id, (name, text) in enumerate(SCHEMAS.items(), 1):
            topic = f"protobuf_{name}_{events}"
            registry.answers[f"/schemas/ids/{id}"] = schema_answer(text, "PROTOBUF")
            registry.answers[f"/subjects/{topic}-value/versions/latest"] = Answer(
                {"subject": f"{topic}-value", "version": 1, "id": id, "schema": text, "schemaType": "PROTOBUF"})
            produce(scene, topic, name, id, events)
            rows += _rounds(scene, registry.url, topic, name, events)
    return rows


def _rounds(scene: Scene, registry: str, topic: str, name: str, events: int) -> list[Row]:
    own: dict[str, list[float]] = {"loop": [], "live": [], **({"deserializer": [], "values": []} if THEIRS else {})}
    for number in range(scene.rounds):
        with scene.watched():
            for side in own:
                figure = child.run(f"protobuf:{side}", bootstrap=scene.bootstrap, topic=topic, registry=registry,
                                   events=events if side in ("loop", "live") else max(events // 10, 1),
                                   folder=str(scene.folder / f"protobuf_{name}{number}"))
                own[side].append(figure["events"] / figure["wall"])
        scene.say(f"Protobuf {name}, round {number + 1}: " + ", ".join(f"{side} {figures.rate(rates[-1])}" for side, rates in own.items()))
    shares = [live / loop for live, loop in zip(own["live"], own["loop"], strict=True)]
    rows = [Row(f"Protobuf {name}: bare consume(1000) loop", spread(own["loop"], figures.rate)),
            Row(f"Protobuf {name}: topic -> live buffer", spread(own["live"], figures.rate)),
            Row("  share of the loop", spread(shares, figures.ratio))]
    if not THEIRS:
        missing = "not measured: pip install 'confluent-kafka[protobuf]'"
        return [*rows, Row("  times confluent-kafka's ProtobufDeserializer", missing, ">= 10")]
    for side, what, goal in (("deserializer", "", ">= 10"), ("values", " and MessageToDict", "")):
        multiples = [live / theirs for live, theirs in zip(own["live"], own[side], strict=True)]
        rows.append(Row(f"  times confluent-kafka's ProtobufDeserializer{what}", spread(multiples, figures.ratio), goal,
                        f"it: {figures.rate(statistics.median(own[side]))}"))
    return rows


def order(name: str) -> Any:
    """The class of the message."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(compiled(Schema("protobuf", SCHEMAS[name])).message_types_by_name["Order"])


def event(kind: Any, number: int, name: str) -> bytes:
    made = kind(order_id=number, customer_id=number * 7919 % 100_000, amount=number % 9973 / 100, status=_STATUS[number % 4],
                url=f"https://shop.example.com/p/{number % 1000:03}")
    if name == "wide":
        if number % 3 == 0:
            made.note = "gift"
        made.at.seconds, made.at.nanos = 1_760_000_000 + number, number % 1000 * 1_000_000
        made.tags.extend(["new", "sale"][:number % 3])
        made.line.sku, made.line.quantity = f"sku-{number % 100}", number % 7
        made.counts["seen"] = number
        made.total, made.kind = number * 100, number % 3
        made.version.value = number % 5
    return bytes(made.SerializeToString())


def produce(scene: Scene, topic: str, name: str, id: int, events: int) -> None:
    client = admin(scene.bootstrap)
    if topic in client.list_topics(timeout=30).topics:
        return
    create_topic(client, topic, PARTITIONS, retention_ms=-1)
    scene.say(f"producing {events:,} events in Protobuf, {name}")
    kind, frame = order(name), b"\0" + struct.pack(">I", id) + b"\0"
    producer = Producer({"bootstrap.servers": scene.bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000, "log_level": 0})
    for number in range(events):
        value = frame + event(kind, number, name)
        while True:
            try:
                producer.produce(topic, value, partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1000 == 0:
            producer.poll(0)
    if producer.flush(120):
        raise RuntimeError("the broker did not take all events")


# ---- in a child ---------------------------------------------------------------------------------------------------

def deserializer(bootstrap: str, topic: str, registry: str, events: int, folder: str) -> dict[str, Any]:
    return _theirs(bootstrap, topic, events, lambda message: None)


def values(bootstrap: str, topic: str, registry: str, events: int, folder: str) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict

    return _theirs(bootstrap, topic, events, MessageToDict)


def _theirs(bootstrap: str, topic: str, events: int, then: Callable[[Any], Any]) -> dict[str, Any]:
    from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    decode = ProtobufDeserializer(order("wide" if "wide" in topic else "flat"), {"use.deprecated.format": False})
    context = SerializationContext(topic, MessageField.VALUE)

    def work(values: list[bytes]) -> None:
        for value in values:
            then(decode(value, context))

    return _consumed(bootstrap, topic, events, work)


def live(bootstrap: str, topic: str, registry: str, events: int, folder: str) -> dict[str, Any]:
    with product.session(bootstrap, folder) as session:
        def read() -> None:
            session.sql(f"CREATE SOURCE ev FROM KAFKA (TOPIC '{topic}', FORMAT protobuf, SCHEMA_REGISTRY '{registry}');"
                        f"WAIT SOURCE ev UNTIL ROWS {events} {product.PATIENCE}")

        return {**_clocked(read), "events": events}
