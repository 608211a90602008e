"""Topics whose schemas are in a real registry, written by Confluent's serializers: no format is named, and every statement reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import record_subject_name_strategy, topic_record_subject_name_strategy

from kshell.errors import UnreachableError
from kshell.session import Session
from tests.parts.registry import Registry
from tests.session.conftest import Notes, OpenSession, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder
from tests.support.serializers import Serializers


@pytest.fixture
def serializers(registry: Registry) -> Iterator[Serializers]:
    with Serializers(registry.url) as made:
        yield made


@pytest.fixture
def session(open_session: OpenSession, registry: Registry, producer: Recorder) -> Session:
    """Cluster `k` with the registry."""
    session = open_session(brokers=None)
    session.sql(f"ATTACH 'kafka://{producer.bootstrap}' AS k (TYPE kafka, SCHEMA_REGISTRY '{registry.url}')")
    return session


@pytest.fixture
def orders(serializers: Serializers, kafka_topic: Callable[..., str], producer: Recorder) -> str:
    """A topic of five Avro orders."""
    topic = kafka_topic()
    avro = serializers.avro(topic, {"id": "long", "name": ["null", "string"]})
    producer.produce(topic, [avro({"id": n, "name": f"n{n}"}) for n in range(5)])
    return topic


def _avro(serializers: Serializers, topic: str) -> list[bytes]:
    one, two = serializers.avro(topic, {"id": "int"}), serializers.avro(topic, {"id": "long", "name": ["null", "string"]})
    return [one({"id": 1}), two({"id": 2**40, "name": "b"})]


def _json(serializers: Serializers, topic: str) -> list[bytes]:
    one, two = serializers.json(topic, {"id": {"type": "integer"}}), serializers.json(topic, {
        "id": {"type": "integer"}, "name": {"type": ["string", "null"]}})
    return [one({"id": 1}), two({"id": 2**40, "name": "b"})]


def _protobuf(serializers: Serializers, topic: str) -> list[bytes]:
    one, two = serializers.protobuf(topic, {"id": "int64"}), serializers.protobuf(topic, {"id": "int64", "name": "string"})
    return [one({"id": 1}), two({"id": 2**40, "name": "b"})]


@pytest.mark.parametrize(("write", "format", "more"), [(_avro, "avro", ""), (_json, "json", ""),
                                                       (_protobuf, "protobuf", ", MESSAGE 'shop.Event'")])
def test_a_topic_needs_no_format_and_both_versions_of_its_schema_are_read(
        write: Callable[[Serializers, str], list[bytes]], format: str, more: str, session: Session, serializers: Serializers,
        kafka_topic: Callable[..., str], producer: Recorder) -> None:
    topic = kafka_topic()
    producer.produce(topic, write(serializers, topic))
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}'{more}); WAIT SOURCE s TIMEOUT '30s'")
    assert rows(session, "FROM kshell.errors") == []
    assert rows(session, "SELECT id, name FROM s ORDER BY id") == [(1, None), (2**40, "b")]
    assert one(session, "SELECT typeof(id) FROM s LIMIT 1") == "BIGINT"
    assert one(session, "SELECT format FROM kshell.sources") == format


def test_what_show_create_prints_makes_the_same_source(session: Session, orders: str, serializers: Serializers, registry: Registry) -> None:
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{orders}', INCLUDE [headers]); WAIT SOURCE s")
    text = rows(session, "SHOW CREATE SOURCE s")[0][1]
    described = rows(session, "DESCRIBE SOURCE s")
    session.sql("DROP SOURCE s")
    session.sql(f"{text} WAIT SOURCE s")
    assert rows(session, "DESCRIBE SOURCE s") == described
    assert "FORMAT 'avro'" in text
    assert rows(session, "SHOW CREATE SOURCE s")[0][1] == text
    assert rows(session, "SELECT id, name FROM s ORDER BY id LIMIT 1") == [(0, "n0")]


def test_a_topic_is_read_once_tailed_printed_and_described(session: Session, orders: str) -> None:
    assert rows(session, f'SELECT id, name FROM k."{orders}" ORDER BY id LIMIT 2') == [(0, "n0"), (1, "n1")]
    assert rows(session, f"SELECT sum(id) FROM kafka_scan('{orders}', connection := 'k', format := 'avro')") == [(10,)]
    assert [row[:2] for row in session.sql(f"TAIL '{orders}' FROM BEGINNING LIMIT 2").fetchall()] == [(0, "n0"), (1, "n1")]
    printed = session.sql(f"PRINT '{orders}' FROM BEGINNING LIMIT 1").fetchall()
    assert printed[0][-1] == '{"id":0,"name":"n0"}'
    described = dict(rows(session, f"DESCRIBE TOPIC '{orders}' FROM k"))
    assert described["format"].startswith("avro by the schema registry (schema ")
    assert "FORMAT 'avro'" in described["create_source"]
    session.sql(described["create_source"])


def test_records_say_which_message_of_their_schema_they_are(session: Session, serializers: Serializers, kafka_topic: Callable[..., str],
                                                            producer: Recorder, notes: Notes) -> None:
    topic = kafka_topic()
    event = serializers.protobuf(topic, {"id": "int64", "name": "string"})
    producer.produce(topic, [event({"id": 1, "name": "a"})])
    assert rows(session, f'SELECT id, name FROM k."{topic}"') == [(1, "a")]
    assert session.sql(f"PRINT '{topic}' FROM BEGINNING LIMIT 1").fetchall()[0][-1] == '{"id":1,"name":"a"}'
    described = dict(rows(session, f"DESCRIBE TOPIC '{topic}' FROM k"))
    assert "MESSAGE 'shop.Event'" in described["create_source"]
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}')")
    assert "MESSAGE 'shop.Event' reads them" in notes


def test_keys_with_a_schema_are_read_when_asked_for(session: Session, serializers: Serializers, kafka_topic: Callable[..., str],
                                                    producer: Recorder) -> None:
    topic = kafka_topic()
    key, value = serializers.avro(topic, {"tenant": "string"}, part="key", name="Key"), serializers.json(topic, {"id": {"type": "integer"}})
    producer.produce(topic, [value({"id": 1})], key=key({"tenant": "acme"}))
    session.sql(f"CREATE SOURCE raw FROM KAFKA k (TOPIC '{topic}'); CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', KEY_FORMAT avro)")
    session.sql("WAIT ALL TIMEOUT '30s'")
    assert one(session, "SELECT typeof(_kafka_key) FROM raw") == "BLOB"
    assert rows(session, "SELECT _kafka_key.tenant, id FROM s") == [("acme", 1)]


@pytest.mark.parametrize("strategy", [record_subject_name_strategy, topic_record_subject_name_strategy], ids=["record", "topic_record"])
def test_records_of_several_types_are_read_by_the_schemas_they_name(
        strategy: Any, session: Session, serializers: Serializers, kafka_topic: Callable[..., str], producer: Recorder) -> None:
    """RecordNameStrategy and TopicRecordNameStrategy: there is no subject of the topic's name."""
    topic, other = kafka_topic(), kafka_topic()
    named, conf = topic.replace("-", "_"), {"subject.name.strategy": strategy}
    made = serializers.avro(topic, {"id": "long"}, name=f"Made{named}", **conf)
    paid = serializers.avro(topic, {"id": "long", "amount": "double"}, name=f"Paid{named}", **conf)
    producer.produce(topic, [made({"id": 1}), paid({"id": 1, "amount": 2.5})])
    assert rows(session, f'SELECT id, amount FROM k."{topic}" ORDER BY _kafka_offset') == [(1, None), (1, 2.5)]
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}'); WAIT SOURCE s")
    assert rows(session, "SELECT id, amount FROM s ORDER BY _kafka_offset") == [(1, None), (1, 2.5)]
    producer.produce(other, [serializers.json(other, {"id": {"type": "integer"}}, **conf)({"id": 7})])
    session.sql(f"CREATE SOURCE j FROM KAFKA k (TOPIC '{other}'); WAIT SOURCE j")
    assert rows(session, "SELECT id FROM j") == [(7,)]


def test_a_schema_that_appears_later_adds_its_columns(session: Session, orders: str, serializers: Serializers, producer: Recorder) -> None:
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{orders}'); WAIT SOURCE s")
    later = serializers.avro(orders, {"id": "long", "name": ["null", "string"], "city": ["null", "string"]})
    producer.produce(orders, [later({"id": 9, "name": None, "city": "Graz"})])
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == 6)
    assert rows(session, "SELECT city FROM s WHERE id = 9") == [("Graz",)]


@pytest.mark.parametrize("write", [_avro, _json], ids=["avro", "json"])
def test_refresh_takes_the_columns_of_a_newer_schema_before_a_record_has_them(
        write: Callable[[Serializers, str], list[bytes]], session: Session, serializers: Serializers, kafka_topic: Callable[..., str],
        producer: Recorder, notes: Notes) -> None:
    topic = kafka_topic()
    columns = {"id": "int"} if write is _avro else {"id": {"type": "integer"}}
    first = serializers.avro(topic, columns) if write is _avro else serializers.json(topic, columns)
    producer.produce(topic, [first({"id": 1})])
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}'); WAIT SOURCE s")
    session.sql("CREATE SINK sunk FROM s INTO ICEBERG local.web.refreshed (COMMIT_INTERVAL '1h'); FLUSH SINK sunk TIMEOUT '30s'")
    write(serializers, topic)                 # registers a further version, and nobody sends such a record
    session.sql("REFRESH SOURCE s")
    for tier in ("live", "lake"):
        assert [row[:2] for row in rows(session, f"DESCRIBE {tier}.s")][:2] == [("id", "BIGINT"), ("name", "VARCHAR")]
    assert "new column name VARCHAR" in notes
    assert rows(session, "SELECT id, name FROM s") == [(1, None)]
    session.sql("REFRESH SOURCE s")           # and once more: there is nothing to do


def test_refresh_says_so_when_the_registry_is_away(open_session: OpenSession, own_registry: Registry, kafka_topic: Callable[..., str],
                                                   producer: Recorder) -> None:
    session, topic = open_session(brokers=None), kafka_topic()
    with Serializers(own_registry.url) as made:
        producer.produce(topic, [made.avro(topic, {"id": "int"})({"id": 1})])
    session.sql(f"ATTACH 'kafka://{producer.bootstrap}' AS k (TYPE kafka, SCHEMA_REGISTRY '{own_registry.url}')")
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}'); WAIT SOURCE s")
    own_registry.stop()
    with pytest.raises(UnreachableError) as caught:
        session.sql("REFRESH SOURCE s")
    assert caught.value.hint
    assert rows(session, "SELECT id FROM s") == [(1,)]


def test_json_without_a_schema_stays_json_where_a_registry_is_known(session: Session, kafka_topic: Callable[..., str],
                                                                    producer: Recorder) -> None:
    topic = kafka_topic()
    producer.produce(topic, ['{"id": 1}', '{"id": 2}'])
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}'); WAIT SOURCE s")
    assert rows(session, "SELECT id FROM s ORDER BY id") == [(1,), (2,)]
    assert rows(session, f'SELECT count(*) FROM k."{topic}"') == [(2,)]


def test_a_local_file_reads_records_without_a_frame(open_session: OpenSession, kafka_topic: Callable[..., str], producer: Recorder,
                                                    tmp_path: Path) -> None:
    topic = kafka_topic()
    producer.produce(topic, [b"\x02", b"\x04"])
    (tmp_path / "e.avsc").write_text('{"type": "record", "name": "E", "fields": [{"name": "id", "type": "long"}]}')
    session = open_session()
    session.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}', SCHEMA '{tmp_path / 'e.avsc'}'); WAIT SOURCE s")
    assert rows(session, "SELECT id FROM s ORDER BY id") == [(1,), (2,)]
    (tmp_path / "e.json").write_text('{"properties": {"when": {"type": "string", "format": "date"}}}')
    producer.produce(other := kafka_topic(), ['{"when": "2026-02-03"}'])
    session.sql(f"CREATE SOURCE j FROM KAFKA kafka (TOPIC '{other}', SCHEMA '{tmp_path / 'e.json'}'); WAIT SOURCE j")
    assert one(session, 'SELECT typeof("when") FROM j') == "DATE"


def test_subjects_are_listed(session: Session, orders: str) -> None:
    assert rows(session, f"SHOW SUBJECTS FROM k LIKE '{orders}%'") == [(f"{orders}-value",)]
    subject, kind, versions, latest, compatibility = rows(session, f"SHOW SUBJECTS LIKE '{orders}%' EXTENDED")[0]
    assert (subject, kind, versions, compatibility) == (f"{orders}-value", "avro", [1], "NONE")
    assert latest > 0


def test_a_registry_is_named_by_a_secret(open_session: OpenSession, registry: Registry, orders: str, producer: Recorder,
                                         notes: Notes) -> None:
    session = open_session(brokers=None)
    session.sql(f"CREATE SECRET sr (TYPE schema_registry, URL '{registry.url}', USERNAME 'u', PASSWORD 'canary-pass')")
    session.sql(f"ATTACH 'kafka://{producer.bootstrap}' AS k (TYPE kafka, SCHEMA_REGISTRY sr)")
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{orders}'); WAIT SOURCE s")
    assert one(session, "SELECT count(*) FROM s") == 5
    assert "SCHEMA_REGISTRY 'sr'" in rows(session, "SHOW CREATE CONNECTION k")[0][1]
    assert "canary-pass" not in notes
