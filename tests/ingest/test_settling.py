"""Before a record is decoded: its schema is there or its partition waits, and the columns it wants are there first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer

from kshell import decode
from kshell.buffer.buffer import Buffer
from kshell.columns import Column
from kshell.decode import Decoder
from kshell.engine import Engine
from kshell.errors import UnreachableError
from kshell.ingest import IngestSpec
from kshell.ingest.ingest import Ingest
from kshell.ingest.parking import Parking
from kshell.ingest.shared import Shared
from kshell.kafka.cluster import Cluster
from tests.ingest.conftest import T0, T1, Running
from tests.ingest.fakes import FakeCluster
from tests.ingest.framed import ID, NOTE, Framed, Registry, framed, grown
from tests.parts.kafka import Broker
from tests.support.waiting import wait_until

Run = Callable[..., Running]


def numbered(schema: int, start: int, end: int) -> list[bytes]:
    return [framed(schema, id=i) for i in range(start, end)]


def test_a_format_without_sql_is_judged_row_by_row(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, framed(1, id=0), b"\x01", framed(1, id=2, more=1))
    source = run(decoder=Framed(Registry({1})))
    source.reach(p0=3)
    assert source.sql("SELECT id FROM orders ORDER BY _kafka_offset") == [(0,), (2,)]
    assert [(e.offset, e.code) for e in source.ingest.errors()] == [(1, "FRAME")]
    assert source.ingest.status().counters["fields_without_column"] == 1


def test_a_partition_waits_at_the_first_record_whose_schema_cannot_be_had_and_others_go_on(run: Run, cluster: FakeCluster) -> None:
    registry = Registry({1})
    cluster.put(T0, *numbered(1, 0, 3), *numbered(2, 3, 6))
    cluster.put(T1, *numbered(1, 0, 4))
    source = run(decoder=Framed(registry))
    source.reach(p0=3, p1=4)
    wait_until(lambda: source.ingest.status().last_error is not None)
    assert source.ingest.status().last_error == "orders[0]@3 waits: the registry does not answer"
    wait_until(lambda: T0 not in cluster.readers[0].at)
    cluster.put(T1, *numbered(1, 4, 6))
    source.reach(p1=6)
    assert source.buffer.decoded()[T0] == 3
    assert source.ingest.errors() == []
    registry.known.add(2)
    source.reach(p0=6)
    assert source.offsets() == list(range(6))
    wait_until(lambda: source.ingest.status().last_error is None)
    assert len(source.notices) == 1
    assert "waits: the registry does not answer" in source.notices[0]


def test_a_rewind_or_a_drop_ends_the_waiting(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *numbered(1, 0, 2), *numbered(2, 2, 4))
    cluster.put(T1, *numbered(2, 0, 2))
    source = run(decoder=Framed(Registry({1})), metadata_interval_s=30)
    source.reach(p0=2)
    wait_until(lambda: source.ingest.status().counters.get("waits") == 2)
    source.ingest.drop([T1])
    source.ingest.rewind({T0: 1})
    source.reach(p0=2)
    wait_until(lambda: source.offsets() == [1])
    wait_until(lambda: T0 not in cluster.readers[0].at and T1 not in cluster.readers[0].at)
    assert source.buffer.decoded() == {T0: 2}


def test_a_column_is_there_before_the_first_record_that_wants_it(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *numbered(1, 0, 2))
    asked: list[tuple[Column, ...]] = []

    def evolve(decoder: Decoder, proposal: tuple[Column, ...]) -> Decoder:
        asked.append(proposal)
        return grown(decoder, proposal)

    source = run(decoder=Framed(Registry({1, 2})), evolve=evolve)
    source.reach(p0=2)
    cluster.put(T0, framed(2, id=2, note="x"), framed(2, id=3))
    source.reach(p0=4)
    assert source.sql("SELECT id, note FROM orders ORDER BY id") == [(0, None), (1, None), (2, "x"), (3, None)]
    assert asked == [(NOTE,)]
    assert [c.name for c in source.buffer.columns][:2] == ["id", "note"]


def test_while_the_table_cannot_be_asked_the_partitions_that_want_a_column_wait(run: Run, cluster: FakeCluster) -> None:
    down = [True]

    def evolve(decoder: Decoder, proposal: tuple[Column, ...]) -> Decoder:
        if down[0]:
            raise UnreachableError("the catalog does not answer")
        return grown(decoder, proposal)

    cluster.put(T0, *numbered(1, 0, 2), framed(2, id=2, note="x"))
    cluster.put(T1, *numbered(1, 0, 2))
    source = run(decoder=Framed(Registry({1, 2})), evolve=evolve)
    source.reach(p1=2)
    wait_until(lambda: "the catalog does not answer" in str(source.ingest.status().last_error))
    down[0] = False
    source.reach(p0=3)
    assert source.sql("SELECT note FROM orders WHERE id = 2") == [("x",)]


def test_a_column_that_is_refused_is_asked_for_once_and_its_field_counted(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, framed(2, id=0, note="x"))
    asked: list[tuple[Column, ...]] = []

    def refuse(decoder: Decoder, proposal: tuple[Column, ...]) -> None:
        asked.append(proposal)

    source = run(decoder=Framed(Registry({2})), evolve=refuse)
    source.reach(p0=1)
    assert (source.sql("SELECT id FROM orders"), len(asked)) == ([(0,)], 1)
    assert source.ingest.status().counters["fields_without_column"] == 1


def test_waiting_grows_longer_and_is_said_once(engine: Engine) -> None:
    buffer = Buffer(engine, "s", (ID,), retain_bytes=1_000_000)
    now, said, pauses = [0.0], [], []
    parking = Parking("s", buffer, Shared(said.append), lambda: now[0])
    buffer.cover({T0: 7})
    for _ in range(9):
        parking.park(T0, 7, "no answer")
        assert parking.leaving() == [T0]
        began = now[0]
        while not buffer.seeking(T0):
            now[0] += 0.25
            parking.tick()
        assert buffer.take_seeks() == {T0: 7}
        pauses.append(now[0] - began)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert said == ["s: orders[0]@7 waits: no answer; it is tried again, other partitions go on"]


def test_over_a_real_broker_a_waiting_partition_is_fetched_again(kafka: Broker, kafka_topic: Callable[..., str], engine: Engine) -> None:
    topic = kafka_topic(2)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    for i in range(300):
        producer.produce(topic, framed(2 if i >= 200 else 1, id=i), partition=i % 2)
    assert producer.flush(20) == 0
    registry = Registry({1})
    decoder: Any = Framed(registry)
    cluster = Cluster("k", kafka.bootstrap, timeout_s=10)
    buffer = Buffer(engine, "s", (*decoder.columns, *decoder.metadata), retain_bytes=100_000_000)
    spec = IngestSpec("s", (topic,), {(topic, 0): 0, (topic, 1): 0}, ends_interval_s=0.1)
    ingest = Ingest(engine, cluster, buffer, decoder, spec)
    ingest.start()
    try:
        assert ingest.wait_until({(topic, 0): 100, (topic, 1): 100}, 30)
        wait_until(lambda: ingest.status().counters.get("waits") == 2)
        assert buffer.decoded() == {(topic, 0): 100, (topic, 1): 100}
        registry.known.add(2)
        assert ingest.wait_until({(topic, 0): 150, (topic, 1): 150}, 30)
        assert engine.cursor().execute("SELECT count(*), count(DISTINCT id), sum(id) FROM s").fetchall() == [(300, 300, 44850)]
    finally:
        ingest.stop()


@pytest.mark.fault("F34")
def test_the_first_records_of_all_may_bring_a_field(run: Run, cluster: FakeCluster) -> None:
    """The attempt to insert them as they are leaves an empty segment behind, which lacks the column."""
    source = run(decoder=decode.make("json", "raw", (Column("id", "BIGINT"),), evolves=True), evolve=json_grown)
    cluster.put(T0, b'{"id": 1}', b'{"id": 2, "x": 1}', b'{"id": 3, "s": {"a": 1}}')
    source.reach(p0=3)
    assert source.sql("SELECT id, x, s.a FROM orders ORDER BY id") == [(1, None, None), (2, 1, None), (3, None, 1)]
    cluster.put(T0, b'{"id": 4, "x": 2, "s": {"a": 2, "b": 3}}', b'{"id": 5, "x": null, "s": null}')
    source.reach(p0=5)
    assert source.sql("SELECT x, s.b FROM orders WHERE id > 3 ORDER BY id") == [(2, 3), (None, None)]
    assert source.ingest.errors() == []


def test_columns_that_others_change_meanwhile_do_not_cost_a_field(run: Run, cluster: FakeCluster) -> None:
    """Somebody sets another decoder while the records wait for theirs: they are asked about once more."""
    asked: list[tuple[Column, ...]] = []

    def evolve(decoder: Decoder, proposal: tuple[Column, ...]) -> Decoder:
        asked.append(proposal)
        if len(asked) == 1:
            return source.ingest.grow(decoder, json_grown(decoder, (Column("theirs", "BIGINT"),)))
        return json_grown(decoder, proposal)

    source = run(decoder=decode.make("json", "raw", (Column("id", "BIGINT"),), evolves=True), evolve=evolve)
    cluster.put(T0, b'{"id": 1, "x": 1}')
    source.reach(p0=1)
    assert source.sql("SELECT id, theirs, x FROM orders") == [(1, None, 1)]
    assert [[c.name for c in proposal] for proposal in asked] == [["x"], ["x"]]


def test_records_whose_columns_never_come_to_rest_wait(run: Run, cluster: FakeCluster) -> None:
    def evolve(decoder: Decoder, proposal: tuple[Column, ...]) -> Decoder:
        return source.ingest.grow(decoder, json_grown(decoder, (Column(f"c{len(decoder.columns)}", "BIGINT"),)))

    source = run(decoder=decode.make("json", "raw", (Column("id", "BIGINT"),), evolves=True), evolve=evolve)
    cluster.put(T0, b'{"id": 1, "x": 1}')
    wait_until(lambda: "its columns change all the time" in str(source.ingest.status().last_error))
    assert source.buffer.decoded()[T0] == 0


def json_grown(decoder: Decoder, proposal: tuple[Column, ...]) -> Decoder:
    wanted = {c.name: c for c in proposal}
    kept = [wanted.pop(c.name, c) for c in decoder.columns]
    return decode.make("json", "raw", (*kept, *wanted.values()), evolves=True)
