"""Avro: topic to live buffer, as a share of a bare consumer of the same messages and as a multiple of confluent-kafka's AvroDeserializer.

The schema comes from a registry of the test in this process. `wide` has what the fast form makes of bytes, fixed and logical types."""

from __future__ import annotations

import importlib.util
import io
import json
import statistics
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from confluent_kafka import Producer

from tests.bench import child, figures, product
from tests.bench.figures import Row, spread
from tests.bench.items.ingest import LOOP, _clocked
from tests.bench.scene import PARTITIONS, Scene
from tests.support.stub_http import Answer, StubHttp, schema_answer
from tests.support.topics import admin, create_topic

FLAT = [("order_id", "long"), ("customer_id", "int"), ("amount", "double"), ("status", "string"), ("url", "string")]
WIDE = [*FLAT, ("note", ["null", "string"]), ("price", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}),
        ("at", {"type": "long", "logicalType": "timestamp-millis"}), ("tags", {"type": "array", "items": "string"}),
        ("uid", {"type": "fixed", "name": "Uid", "size": 16})]
SHARE = 2                                     # of the run's events; a tenth of those for the deserializer
THEIRS = importlib.util.find_spec("authlib") is not None          # what AvroDeserializer needs beside the client
_STATUS = ("paid", "open", "sent", "lost")


def _schema(fields: list[Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Order", "fields": [{"name": name, "type": kind} for name, kind in fields]}


SCHEMAS = {"flat": _schema(FLAT), "wide": _schema(WIDE)}


def measure(scene: Scene) -> list[Row]:
    events = max(scene.events // SHARE, 1)
    rows: list[Row] = []
    with StubHttp() as registry:
        for id, (name, schema) in enumerate(SCHEMAS.items(), 1):
            topic, text = f"avro_{name}_{events}", json.dumps(schema)
            registry.answers[f"/schemas/ids/{id}"] = schema_answer(text)
            registry.answers[f"/subjects/{topic}-value/versions/latest"] = Answer(
                {"subject": f"{topic}-value", "version": 1, "id": id, "schema": text})
            produce(scene, topic, name, id, events)
            rows += _rounds(scene, registry.url, topic, name, events)
    return rows


def _rounds(scene: Scene, registry: str, topic: str, name: str, events: int) -> list[Row]:
    own: dict[str, list[float]] = {"loop": [], "live": [], **({"deserializer": []} if THEIRS else {})}
    for number in range(scene.rounds):
        with scene.watched():
            for side in own:
                figure = child.run(f"avro:{side}", bootstrap=scene.bootstrap, topic=topic, registry=registry,
                                   events=events if side != "deserializer" else max(events // 10, 1),
                                   folder=str(scene.folder / f"avro_{name}{number}"))
                own[side].append(figure["events"] / figure["wall"])
        scene.say(f"Avro {name}, round {number + 1}: " + ", ".join(f"{side} {figures.rate(rates[-1])}" for side, rates in own.items()))
    shares = [live / loop for live, loop in zip(own["live"], own["loop"], strict=True)]
    rows = [Row(f"Avro {name}: bare consume(1000) loop", spread(own["loop"], figures.rate)),
            Row(f"Avro {name}: topic -> live buffer", spread(own["live"], figures.rate)),
            Row("  share of the loop", spread(shares, figures.ratio))]
    if not THEIRS:
        return [*rows, Row("  times confluent-kafka's AvroDeserializer", "not measured: pip install 'confluent-kafka[avro]'", ">= 10")]
    multiples = [live / theirs for live, theirs in zip(own["live"], own["deserializer"], strict=True)]
    return [*rows, Row("  times confluent-kafka's AvroDeserializer", spread(multiples, figures.ratio), ">= 10",
                       f"it: {figures.rate(statistics.median(own['deserializer']))}")]


def event(number: int, name: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "order_id": number, "customer_id": number * 7919 % 100_000, "amount": number % 9973 / 100, "status": _STATUS[number % 4],
        "url": f"https://shop.example.com/p/{number % 1000:03}"}
    if name == "wide":
        made |= {"note": None if number % 3 else "gift", "price": Decimal(number % 99_999).scaleb(-2), "at": 1_760_000_000_000 + number,
                 "tags": ["new", "sale"][:number % 3], "uid": number.to_bytes(16, "big")}
    return made


def produce(scene: Scene, topic: str, name: str, id: int, events: int) -> None:
    import fastavro

    client = admin(scene.bootstrap)
    if topic in client.list_topics(timeout=30).topics:
        return
    create_topic(client, topic, PARTITIONS, retention_ms=-1)
    scene.say(f"producing {events:,} events in Avro, {name}")
    schema, frame = fastavro.parse_schema(SCHEMAS[name]), b"\0" + struct.pack(">I", id)
    producer = Producer({"bootstrap.servers": scene.bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000, "log_level": 0})
    for number in range(events):
        out = io.BytesIO()
        out.write(frame)
        fastavro.schemaless_writer(out, schema, event(number, name))
        while True:
            try:
                producer.produce(topic, out.getvalue(), partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1000 == 0:
            producer.poll(0)
    if producer.flush(120):
        raise RuntimeError("the broker did not take all events")


# ---- in a child ---------------------------------------------------------------------------------------------------

def loop(bootstrap: str, topic: str, registry: str, events: int, folder: str) -> dict[str, Any]:
    return _consumed(bootstrap, topic, events, lambda values: None)


def deserializer(bootstrap: str, topic: str, registry: str, events: int, folder: str) -> dict[str, Any]:
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    decode = AvroDeserializer(SchemaRegistryClient({"url": registry}))
    context = SerializationContext(topic, MessageField.VALUE)

    def work(values: list[bytes]) -> None:
        for value in values:
            decode(value, context)

    return _consumed(bootstrap, topic, events, work)


def _consumed(bootstrap: str, topic: str, events: int, work: Callable[[list[bytes]], None]) -> dict[str, Any]:
    from confluent_kafka import Consumer, Message, TopicPartition

    consumer = Consumer({**LOOP, "bootstrap.servers": bootstrap, "group.id": "bench"})

    def read() -> None:
        consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
        seen = 0
        while seen < events:
            messages = consumer.consume(1000, 1)
            for field in (Message.offset, Message.partition, Message.timestamp):
                list(map(field, messages))
            work(list(map(Message.value, messages)))
            seen += len(messages)

    figure = _clocked(read)
    consumer.close()
    return {**figure, "events": events}


def live(bootstrap: str, topic: str, registry: str, events: int, folder: str) -> dict[str, Any]:
    with product.session(bootstrap, folder) as session:
        def read() -> None:
            session.sql(f"CREATE SOURCE ev FROM KAFKA (TOPIC '{topic}', FORMAT avro, SCHEMA_REGISTRY '{registry}');"
                        f"WAIT SOURCE ev UNTIL ROWS {events} {product.PATIENCE}")

        return {**_clocked(read), "events": events}
