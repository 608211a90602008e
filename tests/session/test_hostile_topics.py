"""Topics whose every record is bad, and batches far larger than they look: nothing is lost without a word, and memory is bounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from kshell.ingest.shared import ERROR_BYTES, ERROR_ROWS
from tests.parts.kafka import Broker
from tests.session.conftest import OpenSession, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder

MB = 1_000_000


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.fault("F42")
def test_a_topic_of_poison_lands_in_the_error_table_and_memory_holds_a_bounded_part(open_session: OpenSession, producer: Recorder,
                                                                                    kafka_topic: Callable[..., str]) -> None:
    topic, count = kafka_topic(retention_ms=-1), 3 * ERROR_ROWS
    for at in range(0, count, 5_000):
        producer.produce(topic, ["not json " + "x" * 1_500] * 5_000, timestamp_ms=1_767_323_045_000 + at)
    session = open_session()
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}')")
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')")
    before = resident()
    session.sql("WAIT SOURCE s TIMEOUT '60s'; FLUSH SINK s_lake TIMEOUT '60s'")
    held = rows(session, "SELECT count(*), sum(octet_length(_kafka_value)) FROM kshell.errors")[0]
    assert (held[0] <= ERROR_ROWS, held[1] <= ERROR_BYTES) == (True, True)
    assert one(session, "SELECT error_rows FROM kshell.sources") == count
    landed = rows(session, "SELECT count(*), count(DISTINCT _kafka_offset), min(code), max(code) FROM local.web.s__errors")
    assert landed == [(count, count, "JSON_SYNTAX", "JSON_SYNTAX")]
    assert one(session, "SELECT count(*) FROM s") == 0
    assert resident() - before < 400 * MB


def bomb(kafka: Broker, topic: str, megabytes: int) -> None:
    """One record of zeros, some kilobytes on the wire."""
    failed: list[object] = []
    client = Producer({"bootstrap.servers": kafka.bootstrap, "compression.type": "zstd", "message.max.bytes": 1_000_000_000})
    client.produce(topic, bytes(megabytes * MB), partition=0, on_delivery=lambda error, _: failed.append(error))
    client.flush(60)
    assert failed == [None]


@pytest.mark.fault("F43")
def test_a_batch_that_unfolds_beyond_what_one_answer_may_hold_is_named_and_not_unfolded(
        open_session: OpenSession, kafka: Broker, producer: Recorder, kafka_topic: Callable[..., str]) -> None:
    topic = kafka_topic(partitions=2, retention_ms=-1)
    producer.produce(topic, ['{"id":1}'], partition=0)
    bomb(kafka, topic, 120)
    producer.produce(topic, ['{"id":2}'], partition=1)
    session = open_session()
    before = resident()
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}')")
    wait_until(lambda: f"{topic}[0]: Decompression" in str(one(session, "SELECT last_error FROM kshell.sources")), timeout_s=30)
    wait_until(lambda: rows(session, "SELECT id FROM s ORDER BY id") == [(1,), (2,)], timeout_s=30)
    assert resident() - before < 80 * MB
    session.sql("ALTER SOURCE s SEEK TO MAP {0: 2, 1: 0}")
    producer.produce(topic, ['{"id":3}'], partition=0)
    wait_until(lambda: rows(session, "SELECT id FROM s ORDER BY id") == [(2,), (3,)], timeout_s=30)


@pytest.mark.fault("F43")
def test_a_record_that_unfolds_within_it_is_too_large_for_a_row(open_session: OpenSession, kafka: Broker, producer: Recorder,
                                                                kafka_topic: Callable[..., str]) -> None:
    topic = kafka_topic(retention_ms=-1)
    bomb(kafka, topic, 30)
    producer.produce(topic, ['{"id":2}'])
    session = open_session()
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s TIMEOUT '30s'")
    assert rows(session, "SELECT id FROM s") == [(2,)]
    assert rows(session, "SELECT code FROM kshell.errors") == [("RECORD_TOO_LARGE",)]
