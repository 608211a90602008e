"""What the items of formats with a schema share: topic to live buffer and decoding alone, against a bare consumer and confluent-kafka's own
deserializers over the same records. The schema comes from a registry of the test in this process.

A round runs each side in a process of its own. What a process does only once (imports, the first look at a schema) is done before its
clock runs, on every side, by a topic of a few records: the events are fewer than JSON's, so it would weigh more here.

An item's module has TITLE, KIND (the registry's word for the format), TAIL, SCHEMAS by shape, THEIRS (names of deserializers),
`writer(shape)` and `deserializer(name, shape, registry)`."""

from __future__ import annotations

import importlib
import statistics
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from tests.bench import child, figures, product
from tests.bench.figures import Row, spread
from tests.bench.items.ingest import LOOP, _clocked
from tests.bench.scene import PARTITIONS, Scene, send
from tests.support.stub_http import StubHttp
from tests.support.topics import admin, create_topic

EVENTS = 1_000_000                            # at most; a tenth of those for the deserializers
ALONE = 122_880                               # records of a batch as kshell decodes them
BATCHES = 2
FIRST = 1_000                                 # records of the topic that each side reads before its clock runs
_STATUS = ("paid", "open", "sent", "lost")
Work = Callable[[list[bytes]], object]


def fields(number: int) -> dict[str, Any]:
    """Of the event with that number, in either shape."""
    return {"order_id": number, "customer_id": number * 7919 % 100_000, "amount": number % 9973 / 100, "status": _STATUS[number % 4],
            "url": f"https://shop.example.com/p/{number % 1000:03}"}


def measure(scene: Scene, format: str) -> list[Row]:
    item, events = _item(format), min(scene.events, EVENTS)
    rows: list[Row] = []
    with StubHttp() as registry:
        for id, (shape, text) in enumerate(item.SCHEMAS.items(), 1):
            topic = f"{format}_{shape}_{events}"
            for name, count in ((topic, events), (_first(topic), FIRST)):
                registry.register(f"{name}-value", id, text, item.KIND)
                _produce(scene, name, item, shape, id, count)
            rows += _rounds(scene, registry.url, topic, format, shape, events)
    return rows


def _item(format: str) -> Any:
    return importlib.import_module(f"tests.bench.items.{format}")


def _first(topic: str) -> str:
    return f"{topic}_first"


def _produce(scene: Scene, topic: str, item: Any, shape: str, id: int, events: int) -> None:
    client = admin(scene.bootstrap)
    if topic in client.list_topics(timeout=30).topics:
        return
    create_topic(client, topic, PARTITIONS, retention_ms=-1)
    scene.say(f"producing {events:,} events in {item.TITLE}, {shape}")
    frame, write = b"\0" + struct.pack(">I", id) + item.TAIL, item.writer(shape)
    send(scene.bootstrap, topic, ((frame + write(number), 0) for number in range(events)))


def _rounds(scene: Scene, registry: str, topic: str, format: str, shape: str, events: int) -> list[Row]:
    item = _item(format)
    sides: dict[str, list[dict[str, Any]]] = {side: [] for side in ("loop", "live", *item.THEIRS, "alone")}
    for number in range(scene.rounds):
        with scene.watched():
            for side, found in sides.items():
                theirs = side in item.THEIRS
                found.append(child.run(
                    "framed:theirs" if theirs else f"framed:{side}", bootstrap=scene.bootstrap, topic=topic, registry=registry,
                    format=format, shape=shape, events=max(events // 10, 1) if theirs else events,
                    **({"name": side} if theirs else {}), **({"folder": str(scene.folder / f"{topic}{number}")} if side == "live" else {})))
        scene.say(f"{item.TITLE} {shape}, round {number + 1}: " + ", ".join(
            f"{side} {figures.rate(1 / _wall(found[-1]))} at {figures.cpu(_cpu(found[-1]))}"
            for side, found in sides.items() if side != "alone"))
    alone = {name: [round[name] for round in sides["alone"]] for name in ("kshell", *item.THEIRS)}
    rows = [*_speed(f"{item.TITLE} {shape}: bare consume(1000) loop", sides["loop"]),
            *_speed(f"{item.TITLE} {shape}: topic -> live buffer", sides["live"]),
            Row("  share of the loop", *_times(sides["loop"], sides["live"])),
            *(Row(f"  times consuming with {name}", *_times(sides[name], sides["live"], ">= 10")) for name in item.THEIRS),
            *_speed(f"{item.TITLE} {shape}: decoding alone", alone["kshell"]),
            *(Row(f"  times {name} alone", *_times(alone[name], alone["kshell"], ">= 10")) for name in item.THEIRS)]
    return rows if item.THEIRS else [*rows, Row("  times confluent-kafka's deserializer",
                                                f"not measured: pip install 'confluent-kafka[{format},schemaregistry]'", ">= 10")]


def _wall(figure: dict[str, Any]) -> float:
    return float(figure["wall"] / figure["events"])


def _cpu(figure: dict[str, Any]) -> float:
    return float(figure["cpu"] / figure["events"])


def _speed(what: str, side: list[dict[str, Any]]) -> list[Row]:
    return [Row(what, spread((1 / _wall(r) for r in side), figures.rate)),
            Row("  CPU an event", spread((_cpu(r) for r in side), figures.cpu))]


def _times(theirs: list[dict[str, Any]], own: list[dict[str, Any]], goal: str = "") -> tuple[str, str, str]:
    """How many times their time an event is of our own: figure, goal, note."""
    pairs = list(zip(theirs, own, strict=True))
    walls, costs = [_wall(a) / _wall(b) for a, b in pairs], [_cpu(a) / _cpu(b) for a, b in pairs]
    took = f" of {figures.cpu(statistics.median(map(_cpu, theirs)))}" if goal else ""
    return spread(walls, figures.ratio), goal, f"by CPU{took}: {spread(costs, figures.ratio)}"


# ---- in a child ---------------------------------------------------------------------------------------------------

def loop(bootstrap: str, topic: str, registry: str, format: str, shape: str, events: int) -> dict[str, Any]:
    return _consumed(bootstrap, topic, events, len)


def theirs(bootstrap: str, topic: str, registry: str, format: str, shape: str, events: int, name: str) -> dict[str, Any]:
    return _consumed(bootstrap, topic, events, _work(topic, registry, format, shape, name))


def live(bootstrap: str, topic: str, registry: str, format: str, shape: str, events: int, folder: str) -> dict[str, Any]:
    def create(name: str, of: str, rows: int) -> str:
        return (f"CREATE SOURCE {name} FROM KAFKA (TOPIC '{of}', FORMAT {format}, SCHEMA_REGISTRY '{registry}');"
                f"WAIT SOURCE {name} UNTIL ROWS {rows} {product.PATIENCE}")

    with product.session(bootstrap, folder) as session:
        session.sql(f"{create('once', _first(topic), FIRST)}; DROP SOURCE once")
        return {**_clocked(lambda: session.sql(create("ev", topic, events))), "events": events}


def alone(bootstrap: str, topic: str, registry: str, format: str, shape: str, events: int) -> dict[str, Any]:
    """Each decoder over records that are there already: kshell's over a batch as it is fetched, the others one value after the other."""
    values = [value for part in _values(_consumer(bootstrap), topic, min(events, ALONE * BATCHES)) for value in part]
    found = {"kshell": _decoded(values, registry, format, shape)}
    for name in _item(format).THEIRS:
        work, few = _work(topic, registry, format, shape, name), values[:max(len(values) // 5, 1)]
        work(few[:FIRST])
        found[name] = {**_clocked(partial(work, few)), "events": len(few)}
    return found


def _decoded(values: list[bytes], registry: str, format: str, shape: str) -> dict[str, Any]:
    import pyarrow as pa

    from kshell import decode
    from kshell.columns import KEY, OFFSET, PARTITION, TIMESTAMP
    from kshell.schemas import Schema
    from kshell.schemas.http import Access
    from kshell.schemas.registry import SchemaRegistry

    def batch(part: list[bytes]) -> pa.RecordBatch:
        rows = len(part)
        return pa.RecordBatch.from_arrays(
            [pa.array(part, pa.binary()), pa.nulls(rows, pa.binary()), pa.array([0] * rows, pa.int32()), pa.array(range(rows), pa.int64()),
             pa.array([0] * rows, pa.timestamp("us", "UTC"))], ["value", KEY, PARTITION, OFFSET, TIMESTAMP])

    schema = Schema("avro" if format == "avro" else "protobuf", _item(format).SCHEMAS[shape])
    decoder = decode.make(format, "raw", decode.infer_schema(format, schema).columns, schemas=SchemaRegistry(Access(registry)))
    batches = [batch(values[start:start + ALONE]) for start in range(0, len(values), ALONE)]

    def work(given: Iterable[pa.RecordBatch]) -> None:
        for one in given:
            decoder.prepare(one)
            rows, bad = decoder.judge(one)
            if bad or rows.num_rows != one.num_rows:
                raise RuntimeError(f"{len(bad)} of {one.num_rows} records are bad")

    work([batch(values[:FIRST])])
    return {**_clocked(lambda: work(batches)), "events": len(values)}


def _work(topic: str, registry: str, format: str, shape: str, name: str) -> Work:
    from confluent_kafka.serialization import MessageField, SerializationContext

    decode, context = _item(format).deserializer(name, shape, registry), SerializationContext(topic, MessageField.VALUE)

    def work(values: list[bytes]) -> None:
        for value in values:
            decode(value, context)
    return work


def _consumed(bootstrap: str, topic: str, events: int, work: Work) -> dict[str, Any]:
    def read(consumer: Any, topic: str, events: int) -> None:
        for values in _values(consumer, topic, events):
            work(values)

    first, consumer = _consumer(bootstrap), _consumer(bootstrap)  # one consumer would wait for its fetch at the end of the first topic
    read(first, _first(topic), FIRST)
    first.close()
    figure = _clocked(lambda: read(consumer, topic, events))
    consumer.close()
    return {**figure, "events": events}


def _consumer(bootstrap: str) -> Any:
    from confluent_kafka import Consumer

    return Consumer({**LOOP, "bootstrap.servers": bootstrap, "group.id": "bench"})


def _values(consumer: Any, topic: str, events: int) -> Iterator[list[bytes]]:
    """As a program reads them that goes on with offset, partition and timestamp too."""
    from confluent_kafka import Message, TopicPartition

    consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    seen = 0
    while seen < events:
        messages = consumer.consume(min(1000, events - seen), 1)      # more than there are would be waited for
        for field in (Message.offset, Message.partition, Message.timestamp):
            list(map(field, messages))
        yield list(map(Message.value, messages))
        seen += len(messages)
