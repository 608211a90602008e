"""A sink whose progress contradicts Kafka or the table writes nothing, says why, and names the statement that resolves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from kshell.errors import ConflictError, RefusedError
from kshell.iceberg import Stop, StopState
from kshell.iceberg.catalogs import open_catalog
from kshell.kafka.embedded import EmbeddedBroker
from kshell.session import Session
from tests.parts.kafka import Broker
from tests.session.conftest import Notes, OpenSession, events, one, rows
from tests.support import create_topic, delete_topic, wait_until
from tests.support.producing import Recorder
from tests.support.topics import admin

SINK = "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')"


@pytest.fixture
def client(kafka: Broker) -> AdminClient:
    return admin(kafka.bootstrap)


@pytest.fixture
def landed(open_session: OpenSession, kafka_topic: Callable[..., str], producer: Recorder) -> str:
    """A topic whose first ten events an earlier session has committed to local.web.s."""
    topic = kafka_topic()
    producer.produce(topic, events(10))
    first = open_session()
    pipeline(first, topic)
    first.sql("FLUSH SINK s_lake")
    first.close()
    return topic


def source(session: Session, topic: str, more: str = "") -> None:
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}'{more})")


def pipeline(session: Session, topic: str, more: str = "") -> None:
    source(session, topic, more)
    session.sql(SINK)


def stopped(session: Session, topic: str, state: StopState, more: str = "") -> Stop:
    """CREATE SINK fails with that state, the sink is registered in it, FLUSH fails alike, and nothing is written."""
    before = one(session, "SELECT count(*) FROM local.web.s")
    with pytest.raises(Stop) as caught:
        pipeline(session, topic, more)
    assert caught.value.state is state
    assert (caught.value.code, caught.value.exit) == ("conflict", 1)
    assert rows(session, "SELECT name, state, resolve_with FROM kshell.sinks") == [("s_lake", str(state), caught.value.cure)]
    with pytest.raises(ConflictError):
        session.sql("FLUSH SINK s_lake")
    assert one(session, "SELECT count(*) FROM lake.s") == before
    return caught.value


def test_out_of_retention_is_skipped_by_a_recorded_statement(open_session: OpenSession, landed: str, producer: Recorder,
                                                             client: AdminClient) -> None:
    producer.produce(landed, events(10, 10))
    client.delete_records([TopicPartition(landed, 0, 15)])[TopicPartition(landed, 0)].result(10)
    session = open_session()
    stop = stopped(session, landed, StopState.OUT_OF_RETENTION)
    assert stop.cure == "ALTER SINK s_lake SKIP PARTITION 0 TO 15"
    session.sql(f"{stop.cure}; FLUSH SINK s_lake TIMEOUT '30s'")
    assert rows(session, "SELECT count(*), count(DISTINCT _kafka_offset), max(_kafka_offset) FROM lake.s") == [(15, 15, 19)]
    assert rows(session, "SELECT count(*), count(DISTINCT _kafka_offset) FROM s") == [(15, 15)]
    skipped = rows(session, "SELECT _kafka_offset, code, message FROM local.web.s__errors")
    assert [(offset, code, "offsets 10 to 14" in message) for offset, code, message in skipped] == [(10, "SKIPPED", True)]
    assert {r[-1] for r in rows(session, "CHECK SINK s_lake")} == {"ok"}


def test_a_position_beyond_the_log_is_ahead_of_log(open_session: OpenSession, landed: str) -> None:
    first = open_session()
    pipeline(first, landed)
    first.sql("ALTER SINK s_lake SKIP PARTITION 0 TO 10")
    first.close()
    _move(first, landed, 500)
    assert stopped(open_session(), landed, StopState.AHEAD_OF_LOG).cure == "ALTER SINK s_lake SKIP PARTITION 0 TO 10"


def test_a_topic_made_again_is_found_by_its_id(open_session: OpenSession, landed: str, producer: Recorder, client: AdminClient) -> None:
    delete_topic(client, landed)
    create_topic(client, landed, 1, retention_ms=-1)
    Recorder(producer.bootstrap).produce(landed, events(30, 100))
    session = open_session()
    assert stopped(session, landed, StopState.TOPIC_RECREATED).cure == "ALTER SINK s_lake ACCEPT NEW TOPIC"
    with pytest.raises(RefusedError, match="not built yet") as refused:
        session.sql("ALTER SINK s_lake ACCEPT NEW TOPIC")
    assert "DROP SINK s_lake FORCE" in (refused.value.hint or "")


def test_a_topic_made_again_while_the_sink_runs_writes_nothing(open_session: OpenSession, landed: str, producer: Recorder,
                                                               client: AdminClient) -> None:
    session = open_session()
    pipeline(session, landed)
    session.sql("WAIT SOURCE s")
    delete_topic(client, landed)
    create_topic(client, landed, 1, retention_ms=-1)
    Recorder(producer.bootstrap).produce(landed, events(30, 100))
    wait_until(lambda: one(session, "SELECT pending_rows FROM kshell.sinks") > 0 or _state(session) == "TOPIC_RECREATED", 30)
    with pytest.raises(ConflictError):
        session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    wait_until(lambda: _state(session) == "TOPIC_RECREATED")
    assert rows(session, "SELECT count(*), max(id) FROM local.web.s") == [(10, 9)]


def test_a_deleted_topic_is_missing(open_session: OpenSession, landed: str, client: AdminClient, producer: Recorder) -> None:
    session = open_session()
    pipeline(session, landed)
    producer.produce(landed, events(5, 10))
    session.sql("WAIT SOURCE s")
    delete_topic(client, landed)
    with pytest.raises(ConflictError, match="TOPIC_MISSING"):
        session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    assert _state(session) == "TOPIC_MISSING"


def test_another_cluster_behind_the_name_is_refused(open_session: OpenSession, landed: str) -> None:
    broker = EmbeddedBroker()
    try:
        broker.create_topic(landed, 1)
        other = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        for value in events(50):
            other.produce(landed, value, partition=0)
        assert other.flush(10) == 0
        session = open_session(brokers=broker.bootstrap)
        assert stopped(session, landed, StopState.CLUSTER_CHANGED).cure.startswith("ALTER SINK s_lake ACCEPT NEW CLUSTER")
        session.close(flush=False)
    finally:
        broker.close()


def test_another_definition_is_refused_until_it_replaces_the_sink(open_session: OpenSession, landed: str) -> None:
    session = open_session()
    stop = stopped(session, landed, StopState.DEFINITION_CHANGED, ", ON_ERROR skip")
    assert stop.cure == "CREATE OR REPLACE SINK s_lake ..."
    session.sql(SINK.replace("CREATE SINK", "CREATE OR REPLACE SINK"))
    assert _state(session) == "running"


def test_a_rolled_back_table_is_read_again_only_when_told(open_session: OpenSession, landed: str, producer: Recorder) -> None:
    producer.produce(landed, events(10, 10))
    second = open_session()
    pipeline(second, landed)
    second.sql("WAIT SOURCE s; FLUSH SINK s_lake")
    second.close()
    lake = open_catalog("local", "local", data_dir=_folder(second))
    table = lake.load(("web", "s"))
    earlier = next(s for s in table.snapshots() if (s.summary.additional_properties if s.summary else {}).get("added-records") == "10")
    table.manage_snapshots().set_current_snapshot(snapshot_id=earlier.snapshot_id).commit()
    lake.close()
    session = open_session()
    stop = stopped(session, landed, StopState.ROLLED_BACK)
    session.sql(f"{stop.cure}; WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
    assert rows(session, "SELECT count(*), count(DISTINCT _kafka_offset) FROM lake.s") == [(20, 20)]
    assert {r[-1] for r in rows(session, "CHECK SINK s_lake")} == {"ok"}


def test_lost_progress_is_recovered_from_the_rows_only_when_told(open_session: OpenSession, landed: str, producer: Recorder) -> None:
    session = open_session()
    lake = open_catalog("local", "local", data_dir=_folder(session))
    table = lake.load(("web", "s"))
    kept = table.scan().to_arrow()
    lake.catalog.drop_table(("web", "s"))
    lake.catalog.create_table(("web", "s"), schema=table.schema()).append(kept)
    lake.close()
    producer.produce(landed, events(5, 10))
    stop = stopped(session, landed, StopState.STATE_LOST)
    session.sql(f"{stop.cure}; WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
    assert rows(session, "SELECT count(*), count(DISTINCT _kafka_offset), max(_kafka_offset) FROM lake.s") == [(15, 15, 14)]


def test_a_table_replaced_under_a_running_sink_is_left_alone(open_session: OpenSession, landed: str, producer: Recorder) -> None:
    session = open_session()
    pipeline(session, landed)
    lake = open_catalog("local", "local", data_dir=_folder(session))
    schema = lake.load(("web", "s")).schema()
    lake.catalog.drop_table(("web", "s"))
    lake.catalog.create_table(("web", "s"), schema=schema)
    producer.produce(landed, events(5, 10))
    session.sql("WAIT SOURCE s")
    with pytest.raises(ConflictError, match="TABLE_REPLACED"):
        session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    assert lake.load(("web", "s")).scan().to_arrow().num_rows == 0
    lake.close()


def test_a_paused_sink_is_registered_without_a_look(open_session: OpenSession, landed: str) -> None:
    session = open_session()
    source(session, landed)
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (PAUSED true)")
    with pytest.raises(RefusedError, match="paused"):
        session.sql("FLUSH SINK s_lake")
    session.sql("RESUME SINK s_lake; WAIT SOURCE s; FLUSH SINK s_lake")
    assert one(session, "SELECT count(*) FROM s") == 10


def test_a_warning_names_the_cure_while_the_sink_runs(open_session: OpenSession, landed: str, producer: Recorder, client: AdminClient,
                                                      notes: Notes) -> None:
    session = open_session()
    pipeline(session, landed)
    session.sql("WAIT SOURCE s; PAUSE SOURCE s")
    producer.produce(landed, events(1, 10))       # what was under way when the source was paused may still arrive; nothing after this one
    wait_until(lambda: one(session, "SELECT log_end FROM kshell.partitions") == 11)
    lost = session._sources.get("s").ingest.status().partitions[landed, 0].fetched + 5
    producer.produce(landed, events(10, 11))
    client.delete_records([TopicPartition(landed, 0, lost)])[TopicPartition(landed, 0)].result(10)
    session.sql("RESUME SOURCE s")
    wait_until(lambda: _state(session) == "OUT_OF_RETENTION", 30)
    assert f"ALTER SINK s_lake SKIP PARTITION 0 TO {lost}" in notes
    assert one(session, "SELECT last_error FROM kshell.sinks").count("OUT_OF_RETENTION") == 1


def test_a_position_beyond_the_log_is_taken_back_while_the_sink_runs(open_session: OpenSession, landed: str, producer: Recorder) -> None:
    session = open_session()
    pipeline(session, landed)
    session.sql("WAIT SOURCE s")
    _move(session, landed, 500)                   # as if the brokers had lost what lay between
    session.sql("REFRESH SINK s_lake")
    wait_until(lambda: _state(session) == "AHEAD_OF_LOG", 30)
    assert one(session, "SELECT resolve_with FROM kshell.sinks") == "ALTER SINK s_lake SKIP PARTITION 0 TO 10"
    session.sql("ALTER SINK s_lake SKIP PARTITION 0 TO 10")
    assert rows(session, "SELECT count(*), count(_kafka_epoch) FROM s") == [(10, 0)]
    producer.produce(landed, [*events(3, 10), "{", *events(2, 14)])
    session.sql("WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
    assert rows(session, "SELECT count(*), count(DISTINCT _kafka_offset), count(_kafka_epoch) FROM lake.s") == [(15, 15, 5)]
    assert rows(session, "SELECT _kafka_offset, _kafka_epoch, code FROM local.web.s__errors") == [(13, 1, "JSON_SYNTAX")]
    assert [r[-1] for r in rows(session, "CHECK SINK s_lake")] == ["ok"]
    found = session.sql("CHECK SINK s_lake AGAINST KAFKA").arrow().to_pylist()[0]
    assert (found["missing"], found["not_in_kafka"], found["in_kafka"], found["result"]) == (0, 0, 16, "ok")


def test_after_the_log_was_cut_what_it_gets_lands_and_what_landed_stays(open_session: OpenSession, notes: Notes) -> None:
    """A broker without topic ids: a topic made again is a log that ends early. Old bad offsets are good ones now, and the reverse."""
    broker = EmbeddedBroker()
    try:
        broker.create_topic("short", 1)
        _produce(broker, *events(4), "{", *events(15, 5))
        session = open_session(brokers=broker.bootstrap)
        source(session, "short")
        session.sql(f"{SINK}; WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
        broker.delete_topic("short")
        broker.create_topic("short", 1)
        _produce(broker, *events(3, 100))
        wait_until(lambda: _state(session) == "AHEAD_OF_LOG", 30)
        session.sql("ALTER SINK s_lake SKIP PARTITION 0 TO 3")
        assert one(session, "SELECT count(*) FROM s") == 19, "what landed before is shown"
        _produce(broker, *events(2, 200), "[", *events(1, 202))
        session.sql("WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
        assert rows(session, "SELECT _kafka_offset, id FROM s WHERE _kafka_epoch = 1 ORDER BY ALL") == [(3, 200), (4, 201), (6, 202)]
        assert rows(session, "SELECT count(*), count(DISTINCT (_kafka_offset, coalesce(_kafka_epoch, 0))) FROM lake.s") == [(22, 22)]
        assert rows(session, "SELECT _kafka_offset, _kafka_epoch FROM local.web.s__errors ORDER BY ALL") == [(4, None), (5, 1)]
        assert [r[-1] for r in rows(session, "CHECK SINK s_lake")] == ["ok"]
        session.close(flush=False)
    finally:
        broker.close()


def test_a_skip_that_would_repeat_or_outrun_the_log_is_refused_and_the_sink_goes_on(open_session: OpenSession, landed: str,
                                                                                    producer: Recorder) -> None:
    session = open_session()
    pipeline(session, landed)
    for offset, why in ((4, "would land twice"), (15, "ends at 10")):
        with pytest.raises(RefusedError, match=why):
            session.sql(f"ALTER SINK s_lake SKIP PARTITION 0 TO {offset}")
    producer.produce(landed, events(3, 10))
    session.sql("WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
    assert rows(session, "SELECT count(*), count(DISTINCT _kafka_offset) FROM lake.s") == [(13, 13)]


def test_one_skipped_record_keeps_its_bytes(open_session: OpenSession, landed: str, producer: Recorder) -> None:
    session = open_session()
    source(session, landed)
    session.sql("PAUSE SOURCE s")
    producer.produce(landed, events(2, 10))
    session.sql(f"{SINK}; ALTER SINK s_lake SKIP PARTITION 0 TO 11; RESUME SOURCE s; WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
    kept = rows(session, "SELECT _kafka_offset, code, _kafka_value, _kafka_timestamp IS NOT NULL FROM local.web.s__errors")
    assert kept == [(10, "SKIPPED", events(1, 10)[0].encode(), True)]
    assert rows(session, "SELECT max(_kafka_offset), count(*) FROM lake.s") == [(11, 11)]


def _produce(broker: EmbeddedBroker, *values: str) -> None:
    other = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for value in values:
        other.produce("short", value, partition=0)
    assert other.flush(10) == 0


def _move(session: Session, topic: str, to: int) -> None:
    """Another process moves the table's position, without a look at Kafka."""
    from kshell.iceberg import Sink
    from kshell.iceberg.resolve import skip
    from kshell.iceberg.state import state_of
    lake = open_catalog("local", "local", data_dir=_folder(session))
    table = lake.load(("web", "s"))
    state = next(found for s in reversed(table.snapshots()) if (found := state_of(s, "s_lake")) is not None)
    skip(lake, Sink("s_lake", "s_lake", ("web", "s"), str(table.metadata.table_uuid), state.definition), topic, 0, to)
    lake.close()


def _state(session: Session) -> str:
    return str(one(session, "SELECT state FROM kshell.sinks"))


def _folder(session: Session) -> Path:
    return session._context.data_dir
