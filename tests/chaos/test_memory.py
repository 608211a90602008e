"""A budget is about all that a process holds: with a full ring, and while a catalog hangs, which costs no row and no SELECT either."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from tests.chaos.child import Child, Memory
from tests.chaos.flow import Flow
from tests.parts.kafka import Broker
from tests.parts.rest import RestCatalog
from tests.support import wait_until
from tests.support.topics import admin, create_topic, unique

BUDGETS = 5                                   # are sent
ABOVE = 300_000_000                           # Python, DuckDB, Arrow, the Kafka client, and as much of their code as the kernel maps
FIRST = 3000
RING = 512_000_000                            # what a source may buffer unless it is told
EVENTS = 4_000_000                            # of 140 bytes, each 170 in the ring
BATCH = 2000
PARTITIONS = 4


def text(length: int) -> Callable[[int], str]:
    """Letters that do not compress to nothing."""
    letters = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=1_000_000))
    return lambda seq: letters[seq * 37 % 990_000:][:length]


@pytest.mark.timeout(480)
@pytest.mark.parametrize(("length", "limit", "budget"), [(900, "source", 48_000_000), (200, "session", 20_000_000)],
                         ids=["large-records", "small-records"])
@pytest.mark.fault("F44")
@pytest.mark.fault("F56")
@pytest.mark.fault("F58")
def test_memory_is_bounded_while_the_catalog_hangs(own_kafka: Broker, own_rest_catalog: RestCatalog, children: Callable[..., Child],
                                                   flows: Callable[..., Flow], length: int, limit: str, budget: int) -> None:
    flow = flows(own_kafka, padding=text(length))
    child = children("one", own_kafka)
    retain = f", RETAIN_BYTES '{budget}B'" if limit == "source" else ""
    child.sql("RESET kshell_buffer_bytes" if limit == "source" else f"SET kshell_buffer_bytes = '{budget}B'")
    child.sql(f"ATTACH '{own_rest_catalog.uri}' AS c (TYPE iceberg, CATALOG rest);"
              f"CREATE SOURCE s (seq BIGINT, who VARCHAR, pad VARCHAR) FROM KAFKA kafka (TOPIC '{flow.topic}'{retain});"
              "CREATE SINK s_lake FROM s INTO ICEBERG c.web.s (COMMIT_INTERVAL '10s')")
    flow.send(FIRST)
    child.sql("WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '60s'")
    own_rest_catalog.freeze()
    with Memory(child) as memory:
        sent = flow.send(BUDGETS * budget // (length + 50))
        wait_until(lambda: child.source()["state"] == "backpressure", 60.0)
        visible = child.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)), max(seq) FROM s")[0]
        state, stalled = (child.source(), child.sink()), memory.most
        own_rest_catalog.thaw()
        wait_until(lambda: child.one("SELECT sum(position) FROM kshell.partitions") == sent, 240.0, every_s=0.2)
        child.sql("FLUSH SINK s_lake TIMEOUT '60s'")
    print(f"{sent} records; MB before {memory.samples[0] / 1e6:.0f}, stalled {stalled / 1e6:.0f}, at most {memory.most / 1e6:.0f}")
    assert visible[0] == visible[1] > FIRST
    assert visible[0] < sent, "the budget stopped nothing"
    assert state[1]["pending_rows"] == visible[0] - FIRST
    assert stalled <= budget + ABOVE
    assert memory.most <= budget + ABOVE, "it holds more while it catches up"
    landed = child.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM lake.s")
    assert landed == [[sent, sent]]


@pytest.fixture(scope="module")
def events(kafka: Broker) -> str:
    """A topic with a third more events than the ring holds."""
    topic = create_topic(admin(kafka.bootstrap), unique("events"), PARTITIONS, retention_ms=-1)
    client = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 500_000, "log_level": 0})
    batch = [{"value": f'{{"order_id":{n},"customer_id":{n * 7919 % 100_000},"amount":{n % 9973 / 100:.2f},"status":"paid",'
                       f'"url":"https://shop.example.com/p/{n:04}{"-" * 40}"}}'.ljust(140)} for n in range(BATCH)]
    for number in range(EVENTS // BATCH):
        wait_until(lambda: client.poll(0) is not None and len(client) < 400_000, 60.0)
        assert client.produce_batch(topic, batch, partition=number % PARTITIONS) == BATCH
    assert client.flush(60) == 0
    return topic


@pytest.mark.fault("F58")
def test_memory_is_bounded_by_a_full_ring_without_a_sink(kafka: Broker, events: str, children: Callable[..., Child]) -> None:
    """Where all code of the libraries is resident at first."""
    child = children("one", kafka, env={"CHAOS_TOUCH_CODE": "1"})
    with Memory(child) as memory:
        child.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{events}')")
        child.sql(f"WAIT SOURCE s UNTIL ROWS {EVENTS} TIMEOUT '100s'")
        evicted, buffered = child.sql("SELECT evicted_rows, buffer_bytes FROM kshell.sources")[0]
    print(f"MB in the ring {buffered / 1e6:.0f}, at most held {memory.most / 1e6:.0f}")
    assert evicted > 0
    assert RING * 0.9 < buffered <= RING
    assert memory.most <= RING + ABOVE
