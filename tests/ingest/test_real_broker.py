"""Against a real broker: aborted transactions, a broker that goes and comes back, a stop while there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from kshell import decode
from kshell.buffer.buffer import Buffer
from kshell.columns import Column
from kshell.engine import Engine
from kshell.ingest import IngestSpec
from kshell.ingest.ingest import Ingest
from kshell.kafka.cluster import Cluster
from tests.parts.kafka import Broker
from tests.support.producing import Recorder
from tests.support.topics import admin, create_topic
from tests.support.waiting import wait_until


@pytest.fixture
def start(engine: Engine) -> Iterator[Callable[..., tuple[Ingest, Buffer]]]:
    running: list[Ingest] = []

    def make(bootstrap: str, topic: str) -> tuple[Ingest, Buffer]:
        cluster = Cluster("k", bootstrap, timeout_s=10)
        decoder = decode.make("json", "raw", (Column("id", "BIGINT"),), ())
        buffer = Buffer(engine, "s", (*decoder.columns, *decoder.metadata), retain_bytes=100_000_000)
        spec = IngestSpec("s", (topic,), {(topic, 0): 0}, topic_ids={topic: cluster.describe([topic])[topic].id}, ends_interval_s=0.1)
        running.append(Ingest(engine, cluster, buffer, decoder, spec))
        running[-1].start()
        return running[-1], buffer

    yield make
    for ingest in running:
        ingest.stop()


def ids(engine: Engine) -> list[Any]:
    return [row[0] for row in engine.cursor().execute("SELECT id FROM s ORDER BY _kafka_offset").fetchall()]


def test_aborted_records_are_not_read_and_positions_pass_them(kafka: Broker, kafka_topic: Callable[..., str], engine: Engine,
                                                              start: Callable[..., tuple[Ingest, Buffer]]) -> None:
    topic = kafka_topic(1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(20)
    for number, end in ((1, producer.commit_transaction), (2, producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, f'{{"id": {number}}}')
        assert producer.flush(20) == 0, "an abort would take back what has not been sent"
        end(20)
    ingest, buffer = start(kafka.bootstrap, topic)
    assert ingest.wait_until({(topic, 0): 4}, 30)
    assert ids(engine) == [1]
    wait_until(lambda: ingest.status().lag_messages == 0)
    segment = buffer.seal()
    assert segment is not None
    assert [(r.lo, r.hi, r.rows) for r in segment.ranges.values()] == [(0, 4, 1)]


@pytest.mark.slow
def test_a_broker_that_restarts_is_followed_and_one_that_is_gone_does_not_hold_the_stop(
        own_kafka: Broker, engine: Engine, start: Callable[..., tuple[Ingest, Buffer]]) -> None:
    topic = create_topic(admin(own_kafka.bootstrap), "events", 1)
    Recorder(own_kafka.bootstrap).produce(topic, [f'{{"id": {i}}}' for i in range(100)])
    ingest, _ = start(own_kafka.bootstrap, topic)
    assert ingest.wait_until({(topic, 0): 100}, 30)
    own_kafka.stop()
    wait_until(lambda: ingest.state == "reconnecting", 30)
    assert ids(engine) == list(range(100))
    own_kafka.start()
    Recorder(own_kafka.bootstrap).produce(topic, ['{"id": 100}'])
    assert ingest.wait_until({(topic, 0): 101}, 60)
    wait_until(lambda: ingest.state == "running", 30)
    assert ids(engine) == list(range(101))
    own_kafka.crash()
    wait_until(lambda: ingest.state == "reconnecting", 30)
    began = time.monotonic()
    ingest.stop()
    assert time.monotonic() - began < 6
