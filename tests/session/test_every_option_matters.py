"""Each option of CREATE SOURCE and CREATE SINK changes what happens; one that is declared and not in the tables below fails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from confluent_kafka.admin import NewPartitions

from kshell.errors import BadValueError, DecodeError, Error, NotFoundError, RefusedError
from kshell.iceberg.catalogs import Lake, open_catalog
from kshell.lang import declared
from kshell.session import Session
from tests.session.conftest import Notes, OpenSession, events, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder
from tests.support.stub_http import StubHttp, schema_answer
from tests.support.topics import admin

Setup = Callable[[Session, str, Recorder], None]
SINK = "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s"


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder) -> str:
    """Two partitions, 20 events each, an hour between the halves of partition 0."""
    name = kafka_topic(partitions=2, retention_ms=-1)
    now_ms = int(time.time() * 1000)
    producer.produce(name, events(10), partition=0, timestamp_ms=now_ms - 3_600_000, key="a", headers=[("tenant", b"acme")])
    producer.produce(name, events(10, 10), partition=0, timestamp_ms=now_ms, key="b")
    producer.produce(name, events(20, 20), partition=1, timestamp_ms=now_ms, key="c")
    return name


def source(session: Session, topic: str, options: str = "", columns: str = "", name: str = "s") -> None:
    given = "" if "TOPIC" in options else f"TOPIC '{topic}', "
    session.sql(f"CREATE SOURCE {name} {columns} FROM KAFKA kafka ({(given + options).rstrip(', ')}); WAIT SOURCE {name} TIMEOUT '30s'")


# ---- CREATE SOURCE -----------------------------------------------------------------------------------------------

def _topic(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, f"TOPIC '{topic}'")
    assert one(session, "SELECT count(*) FROM s") == 40


def _topics(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, f"TOPICS ['{topic}']")
    assert rows(session, "SELECT DISTINCT _kafka_topic FROM s") == [(topic,)]


def _topic_pattern(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, f"TOPIC_PATTERN '{topic[:-2]}..'")
    assert rows(session, "SELECT DISTINCT _kafka_topic FROM s") == [(topic,)]
    with pytest.raises(NotFoundError, match="matches the pattern"):
        source(session, topic, f"TOPIC_PATTERN '{topic[:-2]}'", name="none")


def _start(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, "START MAP {0: 15, 1: 18}")
    assert one(session, "SELECT count(*) FROM s") == 7
    source(session, topic, "START INTERVAL '10 minutes'", name="recent")
    assert one(session, "SELECT count(*) FROM recent") == 30
    source(session, topic, "START 'latest'", name="later")
    assert one(session, "SELECT count(*) FROM later") == 0


def _stop(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, "STOP 'latest'")
    producer.produce(topic, events(5, 100), partition=1)
    wait_until(lambda: one(session, "SELECT state FROM kshell.sources") == "done")
    assert one(session, "SELECT count(*) FROM s") == 40


def _partitions(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, "PARTITIONS [1]")
    assert rows(session, "SELECT DISTINCT _kafka_partition FROM s") == [(1,)]
    with pytest.raises(NotFoundError, match="no partition 7"):
        source(session, topic, "PARTITIONS [7]", name="none")


def _format(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, "FORMAT string")
    assert json.loads(one(session, "SELECT value FROM s WHERE _kafka_partition = 0 ORDER BY _kafka_offset LIMIT 1"))["id"] == 0
    source(session, topic, "FORMAT raw", name="bytes")
    assert one(session, "SELECT typeof(value) FROM bytes LIMIT 1") == "BLOB"


def _envelope(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, [json.dumps({"schema": None, "payload": {"id": 500, "inside": True}}).encode()], partition=1)
    source(session, topic, "ENVELOPE connect, START MAP {0: 20, 1: 0}")
    assert rows(session, "SELECT id, inside FROM s") == [(500, True)]
    assert one(session, "SELECT count(*) FROM kshell.errors WHERE code = 'ENVELOPE_MISSING'") == 20
    shown = str(session.sql("SHOW CREATE SOURCE s").fetchall())
    assert "ENVELOPE 'connect'" in shown.replace('\\', '')
    with pytest.raises(BadValueError, match="ENVELOPE is about JSON"):
        source(session, topic, "ENVELOPE connect, FORMAT raw", name="refused")
    with pytest.raises(RefusedError, match="has the envelope debezium"):
        source(session, topic, "ENVELOPE debezium", name="refused")


def _untrusted(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, "UNTRUSTED true")
    assert one(session, "SELECT count(DISTINCT id) FROM s") == 40
    assert "in a process of its own" in session._sources.get("s").decoder.description


def _key_format(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, "KEY_FORMAT string")
    assert rows(session, "SELECT DISTINCT _kafka_key FROM s ORDER BY 1") == [("a",), ("b",), ("c",)]


def _include(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, "INCLUDE [topic, headers, value, rest]", "(id BIGINT)")
    shown = "_kafka_topic, kafka_header(_kafka_headers, 'tenant'), octet_length(_kafka_value) > 10, _kafka_rest::JSON->>'url'"
    found = rows(session, f"SELECT {shown} FROM s WHERE id = 0")
    assert found == [(topic, "acme", True, "/p/0")]


def _sample(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, ['{"other": 1}'], partition=0)
    producer.produce(topic, ['{"other": 2}'], partition=1)
    source(session, topic, "SAMPLE 2")
    assert rows(session, "DESCRIBE SOURCE s")[0][0] == "other"


def _schema_evolution(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, "SCHEMA_EVOLUTION add", "(id BIGINT)")
    assert "url" in [row[0] for row in rows(session, "DESCRIBE live.s")]


def _retain_bytes(session: Session, topic: str, producer: Recorder) -> None:
    _ring(session, topic, producer, "RETAIN_BYTES '1MB'")


def _retain_rows(session: Session, topic: str, producer: Recorder) -> None:
    _ring(session, topic, producer, "RETAIN_ROWS 1000")


def _ring(session: Session, topic: str, producer: Recorder, options: str) -> None:
    """Above the limit the oldest rows go, and are counted."""
    producer.produce(topic, [json.dumps({"id": i, "url": "x" * 400, "amount": 1.0}) for i in range(15_000)], partition=0)
    source(session, topic, options, "(id BIGINT, url VARCHAR)")
    evicted = wait_until(lambda: one(session, "SELECT evicted_rows FROM kshell.sources"))
    assert one(session, "SELECT count(*) FROM s") + evicted == 15_040


def _retain_time(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic, "RETAIN_TIME '1ms', PARTITIONS [0]", "(id BIGINT)")
    session.sql("ALTER SOURCE s SET (RETAIN_TIME '1ms')")
    assert rows(session, "SHOW CREATE SOURCE s")[0][1].count("RETAIN_TIME '1ms'") == 1
    assert one(session, "SELECT buffer_rows + evicted_rows FROM kshell.sources") == 20


def _on_error(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, ["{broken"], partition=1)
    source(session, topic, "ON_ERROR skip", "(id BIGINT)")
    assert rows(session, "SELECT error_rows FROM kshell.sources") == [(1,)]
    assert rows(session, "FROM kshell.errors") == []
    with pytest.raises(DecodeError, match=rf"{topic}\[1\]@20"):
        source(session, topic, "ON_ERROR fail", "(id BIGINT)", name="strict")


def _isolation(session: Session, topic: str, producer: Recorder) -> None:
    open_transaction = Recorder(producer.bootstrap, {"transactional.id": f"{topic}-t"})
    open_transaction.client.init_transactions(20)
    open_transaction.client.begin_transaction()
    open_transaction.produce(topic, events(3, 500), partition=1)
    source(session, topic, "ISOLATION read_uncommitted")
    assert one(session, "SELECT count(*) FROM s") == 43
    source(session, topic, "", name="committed")
    assert one(session, "SELECT count(*) FROM committed") == 40
    with pytest.raises(RefusedError, match="uncommitted"):
        session.sql(SINK)
    open_transaction.client.abort_transaction(20)


def _config(session: Session, topic: str, producer: Recorder) -> None:
    with pytest.raises(RefusedError, match="use ISOLATION"):
        source(session, topic, "CONFIG MAP {'isolation.level': 'read_uncommitted'}")
    source(session, topic, "CONFIG MAP {'topic.metadata.refresh.interval.ms': '200'}")
    client = admin(producer.bootstrap)
    client.create_partitions([NewPartitions(topic, 3)])[topic].result(10)
    wait_until(lambda: len(session.sql("SELECT DISTINCT partition FROM kshell.partitions").fetchall()) == 3)


_AVSC = '{"type": "record", "name": "R", "fields": [{"name": "only", "type": "long"}]}'


def _schema_registry(session: Session, topic: str, producer: Recorder) -> None:
    with StubHttp() as registry:
        registry.answers[f"/subjects/{topic}-value/versions/latest"] = schema_answer(_AVSC, id=1)
        source(session, topic, f"SCHEMA_REGISTRY '{registry.url}'")
    assert rows(session, "DESCRIBE SOURCE s")[0][:2] == ("only", "BIGINT")
    assert rows(session, "SELECT code, count(*) FROM kshell.errors GROUP BY 1") == [("AVRO_MAGIC", 40)]


def _schema(session: Session, topic: str, producer: Recorder) -> None:
    file = Path(session._context.data_dir).parent / "only.avsc"
    file.write_text(_AVSC)
    source(session, topic, f"SCHEMA '{file}', FORMAT avro")
    assert rows(session, "DESCRIBE SOURCE s")[0][:2] == ("only", "BIGINT")


def _message(session: Session, topic: str, producer: Recorder) -> None:
    with pytest.raises(BadValueError, match="MESSAGE names a message of Protobuf"):
        source(session, topic, "MESSAGE 'shop.Order', FORMAT json")


SOURCE_OPTIONS: dict[str, Setup] = {
    "TOPIC": _topic, "TOPICS": _topics, "TOPIC_PATTERN": _topic_pattern, "START": _start, "STOP": _stop, "PARTITIONS": _partitions,
    "FORMAT": _format, "KEY_FORMAT": _key_format, "INCLUDE": _include, "SAMPLE": _sample, "SCHEMA_EVOLUTION": _schema_evolution,
    "RETAIN_BYTES": _retain_bytes, "RETAIN_ROWS": _retain_rows, "RETAIN_TIME": _retain_time, "ON_ERROR": _on_error,
    "ISOLATION": _isolation, "CONFIG": _config, "SCHEMA_REGISTRY": _schema_registry, "SCHEMA": _schema, "MESSAGE": _message,
    "ENVELOPE": _envelope, "UNTRUSTED": _untrusted,
}


@pytest.mark.parametrize("option", declared.SOURCE.names())
def test_a_source_option_changes_something(option: str, session: Session, topic: str, producer: Recorder, notes: Notes) -> None:
    session.notes_for_test = notes  # type: ignore[attr-defined]
    SOURCE_OPTIONS[option](session, topic, producer)


# ---- CREATE SINK -------------------------------------------------------------------------------------------------

def lake_of(session: Session) -> Lake:
    return open_catalog("local", "local", data_dir=Path(session._context.data_dir))


def sink(session: Session, topic: str, options: str, source_options: str = "") -> None:
    source(session, topic, source_options)
    session.sql(f"{SINK} ({options})")


def landed(session: Session) -> int:
    session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    return int(one(session, "SELECT count(*) FROM lake.s"))


def _mode(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    with pytest.raises(RefusedError, match="upsert"):
        session.sql(f"{SINK} (MODE upsert)")


def _id(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "ID 'clicks_v1'")
    table = lake_of(session).load(("web", "s"))
    assert "kshell_clicks_v1" in table.metadata.refs


def _group(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "GROUP 'my-group'")
    assert one(session, "SELECT group_name FROM kshell.sinks") == "my-group"


def _sink_start(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "START MAP {0: 15, 1: 18}")
    assert landed(session) == 7


def _partition_by(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "PARTITION_BY ['bucket(4, id)', '_kafka_partition']")
    assert [f.name for f in lake_of(session).load(("web", "s")).spec().fields] == ["id_bucket", "_kafka_partition_identity"]
    assert landed(session) == 40


def _sort_by(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "SORT_BY ['amount']")
    assert landed(session) == 40
    amounts = lake_of(session).load(("web", "s")).scan(selected_fields=("amount",)).to_arrow()["amount"].to_pylist()
    assert amounts == sorted(amounts)


def _commit_interval(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    with pytest.raises(Error, match="COMMIT_INTERVAL"):
        session.sql(f"{SINK} (COMMIT_INTERVAL '1s')")
    session.sql(f"{SINK} (COMMIT_INTERVAL '10s')")
    wait_until(lambda: one(session, "SELECT committed_rows FROM kshell.sinks") == 40)


def _commit_rows(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "COMMIT_INTERVAL '1h', COMMIT_ROWS 10")
    wait_until(lambda: one(session, "SELECT committed_rows FROM kshell.sinks") == 40)


def _commit_bytes(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "COMMIT_INTERVAL '1h', COMMIT_BYTES '1kB'")
    wait_until(lambda: one(session, "SELECT committed_rows FROM kshell.sinks") == 40)


def _create_table(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    with pytest.raises(NotFoundError, match="does not exist"):
        session.sql(f"{SINK} (CREATE_TABLE false)")


def _errors_table(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, ["{broken"], partition=1)
    sink(session, topic, "ERRORS_TABLE 'local.web.bad'")
    landed(session)
    assert one(session, "SELECT count(*) FROM local.web.bad") == 1


def _on_failure(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "ON_FAILURE pause, COMMIT_INTERVAL '1h'")
    with pytest.MonkeyPatch.context() as catalog:
        catalog.setattr(Lake, "fetch", _unreachable)
        with pytest.raises(Error):
            session.sql("FLUSH SINK s_lake TIMEOUT '60s'")
        assert one(session, "SELECT state FROM kshell.sinks") == "paused"
    session.sql("RESUME SINK s_lake")
    assert landed(session) == 40


def _unreachable(lake: Lake, identifier: tuple[str, ...]) -> NoReturn:
    raise OSError("the catalog is away")


def _paused(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "PAUSED true")
    assert one(session, "SELECT state FROM kshell.sinks") == "paused"
    session.sql("RESUME SINK s_lake")
    assert landed(session) == 40


def _durable(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "DURABLE false")
    assert any("durable" in name and value == "false" for name, value in lake_of(session).load(("web", "s")).properties.items())


def _keep_snapshots(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "KEEP_SNAPSHOTS 7")
    assert lake_of(session).load(("web", "s")).properties["kshell.s_lake.keep-snapshots"] == "7"


def _compact(session: Session, topic: str, producer: Recorder) -> None:
    sink(session, topic, "COMPACT false")
    assert lake_of(session).load(("web", "s")).properties["kshell.s_lake.compact"] == "false"
    assert ("compacts", "False") in session.sql("DESCRIBE SINK s_lake").fetchall()


def _properties(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    with pytest.raises(Error, match="kshell"):
        session.sql(f"{SINK} (PROPERTIES MAP {{'kshell.x': '1'}})")
    session.sql(f"{SINK} (PROPERTIES MAP {{'owner': 'data team'}})")
    assert lake_of(session).load(("web", "s")).properties["owner"] == "data team"


SINK_OPTIONS: dict[str, Setup] = {
    "MODE": _mode, "ID": _id, "GROUP": _group, "START": _sink_start, "PARTITION_BY": _partition_by, "SORT_BY": _sort_by,
    "COMMIT_INTERVAL": _commit_interval, "COMMIT_ROWS": _commit_rows, "COMMIT_BYTES": _commit_bytes, "CREATE_TABLE": _create_table,
    "ERRORS_TABLE": _errors_table, "ON_FAILURE": _on_failure, "PAUSED": _paused, "DURABLE": _durable, "KEEP_SNAPSHOTS": _keep_snapshots,
    "COMPACT": _compact, "PROPERTIES": _properties,
}


@pytest.mark.parametrize("option", declared.SINK.names())
def test_a_sink_option_changes_something(option: str, session: Session, topic: str, producer: Recorder) -> None:
    SINK_OPTIONS[option](session, topic, producer)


def test_options_of_the_cluster_are_defaults_of_its_sources(open_session: OpenSession, topic: str, producer: Recorder) -> None:
    session = open_session(brokers=None)
    session.sql(f"ATTACH 'kafka://{producer.bootstrap}' AS k (TYPE kafka, FORMAT string, START 'latest')")
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}'); WAIT SOURCE s")
    assert rows(session, "SELECT count(*) FROM s") == [(0,)]
    session.sql(f"CREATE SOURCE t FROM KAFKA k (TOPIC '{topic}', START 'earliest'); WAIT SOURCE t")
    assert rows(session, "SELECT count(*), any_value(typeof(value)) FROM t") == [(40, "VARCHAR")]
