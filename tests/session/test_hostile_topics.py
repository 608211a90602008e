"""Topics whose every record is bad, and batches far larger than they look: nothing is lost without a word, and memory is bounded."""

from __future__ import annotations

import json
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


# key in the payload -> name of its column, in the order of the record; None: it has none and is kept in the rest. `a` holds b and B_1,
# whose path is a.B_1, so a.b is the second of its name.
NAMES: dict[str, str | None] = {
    "a": "a", "A": "A_1", "a.b": "a.b_2", "": "_", 'say "hi"': 'say "hi"', "new\nline": None, "x" * 3_000: None, "\u202egpj": "\u202egpj",
    "_partition": "_partition_1", "_kafka_x": "kafka_x", "_tier": "_tier_1", "_file": "_file_1", "select": "select", "a-b c": "a-b c"}


@pytest.mark.fault("F35")
def test_whatever_a_field_is_called_it_is_a_column_live_and_in_the_table_or_in_the_rest(
        open_session: OpenSession, producer: Recorder, kafka_topic: Callable[..., str]) -> None:
    topic = kafka_topic()
    record = {key: {"b": 0, "B": 1} if key == "a" else number for number, key in enumerate(NAMES)}
    producer.produce(topic, [json.dumps(record)])
    session = open_session()
    session.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}', INCLUDE [rest])")
    session.sql("CREATE SINK k FROM s INTO ICEBERG local.web.names (COMMIT_INTERVAL '1h'); WAIT SOURCE s TIMEOUT '30s'")
    live, described = rows(session, "FROM live.s"), rows(session, "DESCRIBE live.s")
    session.sql("FLUSH SINK k TIMEOUT '30s'")
    assert rows(session, "FROM lake.s") == live
    assert rows(session, "DESCRIBE lake.s") == described
    named = [name for name in NAMES.values() if name is not None]
    assert [row[0] for row in described][:len(named)] == named
    expected = [{"b": 0, "B_1": 1} if key == "a" else number for number, (key, name) in enumerate(NAMES.items()) if name is not None]
    assert list(live[0][:len(named)]) == expected
    assert json.loads(live[0][[row[0] for row in described].index("_kafka_rest")]) == {key: record[key] for key, name in NAMES.items()
                                                                                         if name is None}
    assert one(session, "SELECT count(*) FROM kshell.errors") == 0


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


@pytest.mark.fault("F41")
def test_tombstones_null_keys_and_any_headers_land_as_they_are(open_session: OpenSession, producer: Recorder,
                                                               kafka_topic: Callable[..., str]) -> None:
    """A null value is a row of NULLs that its bytes tell from {}; headers keep their order, their repeats and bytes that are no text."""
    topic = kafka_topic()
    sent = [("k", '{"id":1}', [("h", b"one"), ("h", b"two"), ("", b"\xffa")]), ("k", None, [("op", None)]), (None, "{}", None),
            (b"\xff\x00", None, [])]
    for key, value, headers in sent:
        producer.produce(topic, [value], key=key, headers=headers)
    session = open_session()
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}', INCLUDE [headers, value])")
    session.sql("CREATE SINK k FROM s INTO ICEBERG local.web.marks (COMMIT_INTERVAL '1h'); WAIT SOURCE s TIMEOUT '30s'")
    wanted = "id, _kafka_key, _kafka_headers, _kafka_value, kafka_header(_kafka_headers, 'h')"
    live = rows(session, f"SELECT {wanted} FROM live.s ORDER BY _kafka_offset")
    session.sql("FLUSH SINK k TIMEOUT '30s'")
    assert rows(session, f"SELECT {wanted} FROM lake.s ORDER BY _kafka_offset") == live
    assert live == [
        (1, b"k", [{"key": "h", "value": b"one"}, {"key": "h", "value": b"two"}, {"key": "", "value": b"\xffa"}], b'{"id":1}', "two"),
        (None, b"k", [{"key": "op", "value": None}], None, None), (None, None, [], b"{}", None), (None, b"\xff\x00", [], None, None)]
    assert one(session, "SELECT count(*) FROM s WHERE _kafka_value IS NULL") == 2
    texts = "SELECT kafka_header(_kafka_headers, ''), kafka_header(_kafka_headers, 'op') FROM s ORDER BY _kafka_offset LIMIT 2"
    assert rows(session, texts) == [("\ufffda", None), (None, None)]
    assert one(session, "SELECT count(*) FROM kshell.errors") == 0
