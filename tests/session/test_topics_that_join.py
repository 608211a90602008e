"""Topics and partitions that appear, while a sink runs or while nothing does, begin at offset 0 and land like the others."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from confluent_kafka.admin import NewPartitions

from kshell.iceberg.catalogs import open_catalog
from kshell.iceberg.codec import decode_state, state_key
from kshell.session import Session
from tests.parts.kafka import Broker
from tests.session.conftest import OpenSession, events, one, rows
from tests.support import create_topic, topic_id, unique, wait_until
from tests.support.producing import Recorder
from tests.support.topics import admin

SOON = "CONFIG MAP {'topic.metadata.refresh.interval.ms': '300'}"
SINK = "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')"


def test_a_topic_that_newly_matches_the_pattern_lands_with_its_id(session: Session, kafka: Broker, producer: Recorder) -> None:
    client, prefix = admin(kafka.bootstrap), unique("join")
    first = create_topic(client, f"{prefix}_a", 1)
    producer.produce(first, events(3))
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC_PATTERN '{prefix}_.*', {SOON}); WAIT SOURCE s")
    session.sql(f"{SINK}; FLUSH SINK s_lake")
    second = create_topic(client, f"{prefix}_b", 2)
    Recorder(kafka.bootstrap).produce(second, events(4), partition=1)
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == 7)
    session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    assert rows(session, "SELECT _kafka_topic, count(*) FROM lake.s GROUP BY ALL ORDER BY 1") == [(first, 3), (second, 4)]
    lake = open_catalog("local", "local", data_dir=session._context.data_dir)
    summary = lake.load(("web", "s")).metadata.current_snapshot().summary  # type: ignore[union-attr]
    state = decode_state(summary.additional_properties[state_key("s_lake")])  # type: ignore[union-attr]
    lake.close()
    assert {name: topic.id for name, topic in state.topics.items()} == {t: topic_id(client, t) for t in (first, second)}
    assert {r[-1] for r in rows(session, "CHECK SINK s_lake")} == {"ok"}


def test_a_partition_that_is_added_lands_from_its_first_record(session: Session, kafka: Broker, kafka_topic: Callable[..., str],
                                                               producer: Recorder) -> None:
    topic, client = kafka_topic(), admin(kafka.bootstrap)
    producer.produce(topic, events(3))
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}', {SOON}); WAIT SOURCE s; {SINK}; FLUSH SINK s_lake")
    client.create_partitions([NewPartitions(topic, 2)])[topic].result(10)
    Recorder(kafka.bootstrap).produce(topic, events(5, 10), partition=1)
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == 8)
    session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    landed = rows(session, "SELECT _kafka_partition, count(*), min(_kafka_offset) FROM lake.s GROUP BY ALL ORDER BY 1")
    assert landed == [(0, 3, 0), (1, 5, 0)]


# Where a source begins that a topic of three earlier and two later records feeds, and what it then lands of that topic.
STARTS = {"latest": ("'latest'", 2), "ago": ("INTERVAL '1 millisecond'", 2), "map": ("MAP {0: 2}", 3)}
BOTH = "FLUSH SINK s_lake TIMEOUT '30s'"


@pytest.mark.fault("F08")
@pytest.mark.parametrize("start", STARTS)
def test_topics_that_match_while_nothing_runs_land_from_their_first_record(
        open_session: OpenSession, kafka: Broker, producer: Recorder, start: str) -> None:
    client, prefix = admin(kafka.bootstrap), unique("absent")
    position, landed = STARTS[start]
    source = f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC_PATTERN '{prefix}_.*', START {position})"
    known = create_topic(client, f"{prefix}_a", 1)
    producer.produce(known, events(3))
    session = open_session()
    session.sql(f"{source}; {SINK}")
    producer.produce(known, events(2, 3))
    session.sql(f"WAIT SOURCE s; {BOTH}")
    session.close(flush=False)
    two, one_more = create_topic(client, f"{prefix}_b", 2), create_topic(client, f"{prefix}_c", 1)
    for topic, partition, count in ((two, 0, 10), (two, 1, 4), (one_more, 0, 6)):
        producer.produce(topic, events(count), partition=partition)
    session = open_session()
    session.sql(f"{source}; {SINK}")
    producer.produce(two, events(2, 10))
    session.sql(f"WAIT SOURCE s; {BOTH}")
    found = rows(session, "SELECT _kafka_topic, _kafka_partition, count(*), min(_kafka_offset) FROM lake.s GROUP BY ALL ORDER BY 1, 2")
    assert found == [(known, 0, landed, 5 - landed), (two, 0, 12, 0), (two, 1, 4, 0), (one_more, 0, 6, 0)]
    assert one(session, "SELECT count(*) FROM s") == landed + 22
    assert {r[9] for r in rows(session, "CHECK SINK s_lake AGAINST KAFKA")} == {"ok"}


def test_a_partition_that_is_added_while_nothing_runs_lands_from_its_first_record(
        open_session: OpenSession, kafka_topic: Callable[..., str], kafka: Broker, producer: Recorder) -> None:
    topic, client = kafka_topic(), admin(kafka.bootstrap)
    source = f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}', START 'latest')"
    session = open_session()
    session.sql(f"{source}; {SINK}")
    producer.produce(topic, events(3))
    session.sql(f"WAIT SOURCE s; {BOTH}")
    session.close(flush=False)
    client.create_partitions([NewPartitions(topic, 2)])[topic].result(10)
    Recorder(kafka.bootstrap).produce(topic, events(5, 10), partition=1)
    session = open_session()
    session.sql(f"{source}; {SINK}; WAIT SOURCE s; {BOTH}")
    landed = rows(session, "SELECT _kafka_partition, count(*), min(_kafka_offset) FROM lake.s GROUP BY ALL ORDER BY 1")
    assert landed == [(0, 3, 0), (1, 5, 0)]
    assert {r[9] for r in rows(session, "CHECK SINK s_lake AGAINST KAFKA")} == {"ok"}


def test_a_backlog_larger_than_the_buffer_lands_although_the_source_began_behind_it(
        session: Session, kafka_topic: Callable[..., str], producer: Recorder) -> None:
    topic, count = kafka_topic(), 12_000
    producer.produce(topic, (json.dumps({"id": n, "text": f"{n:08}" * 256}) for n in range(count)))
    session.sql(f"""CREATE SOURCE s (id BIGINT, text VARCHAR) FROM KAFKA kafka (TOPIC '{topic}', START 'latest', RETAIN_BYTES '8MB');
                    WAIT SOURCE s; CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (START 'earliest', COMMIT_INTERVAL '1h')""")
    producer.produce(topic, ['{"id": -1}'])
    session.sql("WAIT SOURCE s TIMEOUT '60s'; FLUSH SINK s_lake TIMEOUT '60s'")
    assert rows(session, "SELECT count(*), count(DISTINCT _kafka_offset) FROM lake.s") == [(count + 1, count + 1)]
    assert {r[-1] for r in rows(session, "CHECK SINK s_lake")} == {"ok"}
