"""What a cluster holds, shown without touching it: topics, groups with their lag, and a source proposed from a topic's records."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from kshell.errors import NotFoundError, RefusedError
from kshell.session import Session
from tests.parts.kafka import Broker
from tests.session.conftest import Notes, events, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder
from tests.support.topics import unique


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder) -> str:
    """Two partitions: 40 events, and 20."""
    name = kafka_topic(partitions=2, prefix="web.clicks-x")
    producer.produce(name, events(40), partition=0, key="k")
    producer.produce(name, events(20, 40), partition=1, key="k")
    return name


def described(session: Session, name: str, extended: str = "") -> dict[str, Any]:
    return dict(rows(session, f"DESCRIBE TOPIC '{name}'{extended}"))


# ---- topics --------------------------------------------------------------------------------------------------------------------

def test_topics_are_listed_with_their_size_and_newest_record(session: Session, topic: str) -> None:
    (found,) = rows(session, f"SHOW TOPICS LIKE '{topic}' EXTENDED")
    name, partitions, id_, messages, newest, starts, ends = found
    assert (name, partitions, messages, starts, ends) == (topic, 2, 60, [0, 0], [40, 20])
    assert id_
    assert abs(newest.timestamp() - time.time()) < 120
    assert rows(session, f"SELECT name, messages FROM kafka_topics('kafka') WHERE name = '{topic}'") == [(topic, 60)]
    offsets = rows(session, f"SELECT partition, log_start, log_end, messages FROM kafka_offsets('{topic}') ORDER BY ALL")
    assert offsets == [(0, 0, 40, 40), (1, 0, 20, 20)]


def test_a_topic_is_described_with_a_source_that_runs(session: Session, topic: str) -> None:
    found = described(session, topic)
    assert {k: found[k] for k in ("topic", "connection", "partitions", "messages", "offsets", "format", "key_format", "sampled")} == {
        "topic": topic, "connection": "kafka", "partitions": "2", "messages": "60", "offsets": "[0] 0-40, [1] 0-20", "format": "json",
        "key_format": "string", "sampled": "60 records"}
    session.sql(found["create_source"])
    name = one(session, "SELECT name FROM kshell.sources")
    session.sql(f"WAIT SOURCE {name} UNTIL CAUGHT UP TIMEOUT '30s'")
    assert rows(session, f"SELECT count(*), sum(id), any_value(_kafka_key) FROM {name}") == [(60, sum(range(60)), "k")]


def test_extended_adds_the_partitions(session: Session, topic: str) -> None:
    found = described(session, topic, " FROM kafka EXTENDED")
    assert found["id"]
    assert found["partition 0"].startswith("40 messages, offsets 0 to 40, newest 20")


@pytest.mark.parametrize(("values", "format_", "says"), [
    ([b"one line"], "string", "string"), ([b"\xff\x00"], "raw", "raw: bytes that are not text"),
    ([b"\x00\x00\x00\x00\x07\x02\x0cabcdef"], "raw", "avro, framed by a schema registry (schema 7)"),
    ([b"\x00\x00\x00\x00\x09\x00\x08\x96\x01"], "raw", "protobuf, framed by a schema registry (schema 9)"),
])
def test_the_format_is_recognised_and_named(session: Session, kafka_topic: Callable[..., str], producer: Recorder, values: list[bytes],
                                            format_: str, says: str) -> None:
    name = kafka_topic()
    producer.produce(name, values)
    found = described(session, name)
    assert found["format"] == says
    assert f"FORMAT '{format_}'" in found["create_source"]
    session.sql(found["create_source"])


def test_an_empty_topic_is_described_and_a_missing_one_is_not_made(session: Session, kafka_topic: Callable[..., str]) -> None:
    found = described(session, kafka_topic())
    assert (found["messages"], found["newest"], found["sampled"]) == ("0", None, "0 records")
    session.sql(found["create_source"])
    missing = unique("missing")
    with pytest.raises(NotFoundError):
        session.sql(f"DESCRIBE TOPIC '{missing}'")
    assert rows(session, f"SHOW TOPICS LIKE '{missing}'") == []


def test_records_of_a_registry_nobody_named_say_so_wherever_they_are_met(session: Session, kafka_topic: Callable[..., str],
                                                                          producer: Recorder, notes: Notes) -> None:
    name = kafka_topic()
    producer.produce(name, [b"\x00\x00\x00\x00\x07\x02\x0cabcd\xff\xfe"] * 3)
    looks = "avro, framed by a schema registry (schema 7)"
    assert "SCHEMA_REGISTRY 'http://" in described(session, name)["note"]
    with pytest.raises(RefusedError, match=re.escape(looks)) as caught:
        session.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{name}')")
    assert "SCHEMA_REGISTRY 'http://" in str(caught.value.hint)
    assert rows(session, f"SELECT * FROM kafka.{name}") == []
    assert f"it looks like {looks}: give schema_registry := " in notes


def test_a_cluster_may_be_an_address(session: Session, kafka: Broker, topic: str) -> None:
    assert dict(rows(session, f"DESCRIBE TOPIC '{topic}' FROM '{kafka.bootstrap}'"))["messages"] == "60"


# ---- groups --------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def group(kafka: Broker, topic: str) -> str:
    """Nobody is in it; it has read 30 of 40 and nothing of partition 1."""
    name = unique("readers")
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": name, "enable.auto.commit": False, "log_level": 0})
    consumer.commit(offsets=[TopicPartition(topic, 0, 30)], asynchronous=False)
    consumer.close()
    return name


def test_groups_are_listed_with_their_members_and_lag(session: Session, group: str, topic: str) -> None:
    assert rows(session, f"SHOW CONSUMER GROUPS LIKE '{group}'") == [(group, "empty", 0, 10)]
    assert rows(session, f"LIST CONSUMER GROUPS FROM kafka LIKE '{group[:-3]}%' EXTENDED") == [(group, "empty", 0, topic, 0, 30, 40, 10)]
    assert rows(session, f"SELECT state, members, lag FROM kafka_groups() WHERE name = '{group}'") == [("empty", 0, 10)]


def test_a_group_with_a_member_is_stable(session: Session, kafka: Broker, topic: str) -> None:
    name = unique("members")
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": name, "log_level": 0, "enable.auto.commit": False})
    consumer.subscribe([topic])

    def shown() -> list[tuple[Any, ...]]:
        consumer.poll(0.1)
        return rows(session, f"SHOW CONSUMER GROUPS LIKE '{name}'")

    wait_until(lambda: shown() == [(name, "stable", 1, None)], timeout_s=30)
    consumer.close()


def test_a_group_that_remembers_a_deleted_topic_is_still_shown(session: Session, kafka: Broker, group: str, topic: str) -> None:
    from tests.support.topics import admin, delete_topic

    delete_topic(admin(kafka.bootstrap), topic)
    wait_until(lambda: not rows(session, f"SHOW TOPICS LIKE '{topic}'"))
    shown = rows(session, f"SELECT name, lag FROM kafka_groups() WHERE name = '{group}'")
    assert shown in ([], [(group, None)])         # the broker forgets a group's offsets with their topic, by and by


# ---- cluster.topic -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("query", "found"), [
    ("SELECT count(*) FROM k.{t}", [(60,)]), ("FROM k.{t} SELECT max(id)", [(59,)]),
    ("SELECT count(*) FROM K.{t} AS x WHERE x.id < 5", [(5,)]),
    ("SELECT count(*) FROM k.{t} a JOIN k.{t} b USING (id)", [(60,)]), ("SELECT count(*) FROM k.{t} a, k.{t} b WHERE a.id = b.id", [(60,)]),
    ("SELECT count(*) FROM (FROM k.{t})", [(60,)]), ("WITH x AS (FROM k.{t}) SELECT count(*) FROM x", [(60,)]),
    ("SELECT count(*) FROM range(100) r(i) WHERE i IN (SELECT id FROM k.{t})", [(60,)]),
    ("SELECT (SELECT count(*) FROM k.{t}) AS n", [(60,)]), ("SELECT count(*) FROM range(3) LEFT JOIN k.{t} ON id = range", [(3,)]),
    ("SELECT EXISTS (FROM k.{t})", [(True,)]), ("SELECT count(*) FROM (FROM k.{t} UNION ALL FROM k.{t})", [(120,)]),
    ("SELECT t.id FROM k.{t} t ORDER BY 1 DESC LIMIT 1", [(59,)]), ("SELECT count(*) FROM range(2), LATERAL (FROM k.{t})", [(120,)]),
    ("SELECT count(*) FROM (DESCRIBE k.{t})", [(7,)]), ("SELECT count(*) FROM (SUMMARIZE k.{t})", [(7,)]),
])
def test_a_topic_of_an_attached_cluster_stands_wherever_a_table_may(session: Session, kafka: Broker, kafka_topic: Callable[..., str],
                                                                   producer: Recorder, query: str, found: list[tuple[Any, ...]]) -> None:
    name = kafka_topic()
    producer.produce(name, events(60))
    session.sql(f"ATTACH 'kafka://{kafka.bootstrap}' AS k (TYPE kafka)")
    assert rows(session, query.format(t=name)) == found


def test_a_topic_is_copied_inserted_and_explained(session: Session, topic: str, kafka: Broker, tmp_path: Path) -> None:
    session.sql(f"ATTACH 'kafka://{kafka.bootstrap}' AS k (TYPE kafka)")
    quoted = f'k."{topic}"'
    session.sql(f"CREATE TABLE copied AS SELECT id FROM {quoted}; INSERT INTO copied SELECT id FROM {quoted}")
    assert one(session, "SELECT count(*) FROM copied") == 120
    session.sql(f"COPY (FROM {quoted}) TO '{tmp_path / 'x.parquet'}' (FORMAT parquet)")
    assert one(session, f"SELECT count(*) FROM '{tmp_path / 'x.parquet'}'") == 60
    assert session.sql(f"EXPLAIN SELECT count(*) FROM {quoted}").plan
    assert one(session, "SELECT count(*) FROM kshell.sources") == 0
