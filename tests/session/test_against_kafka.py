"""CHECK SINK ... AGAINST KAFKA and `kshell verify`: a table that lost or repeated a record is found out, a clean one is not accused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from kshell.cli import main
from kshell.session import Session, proof
from tests.parts.kafka import Broker
from tests.session.conftest import OpenSession, events

Topic = Callable[..., str]


def _sink(session: Session, topic: str, options: str = "") -> None:
    session.sql(f"CREATE SOURCE o (id BIGINT, url VARCHAR) FROM KAFKA kafka (TOPIC '{topic}'{options})")
    session.sql("WAIT SOURCE o TIMEOUT '60s'")
    session.sql("CREATE SINK o_lake FROM o INTO ICEBERG local.shop.o")
    session.sql("FLUSH SINK o_lake TIMEOUT '60s'")


def _checked(session: Session) -> list[dict[str, Any]]:
    found = session.sql("CHECK SINK o_lake AGAINST KAFKA").arrow().to_pylist()
    return sorted(found, key=lambda row: row["partition"])


def _table(session: Session) -> Any:
    return session._connections.catalog("local").lake.load(("shop", "o"))


def test_a_clean_table_is_ok_and_control_records_are_no_gaps(session: Session, kafka: Broker, kafka_topic: Topic,
                                                            produce: Callable[..., Any]) -> None:
    topic = kafka_topic(2)
    transactional = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic})
    transactional.init_transactions(20)
    for commit in (True, False, True):
        transactional.begin_transaction()
        for value in events(5):
            transactional.produce(topic, value, partition=0)
        transactional.flush(20)
        transactional.commit_transaction(20) if commit else transactional.abort_transaction(20)
    produce(topic, [*events(3), "not json"], partition=1)
    _sink(session, topic)
    first, second = _checked(session)
    assert (first["result"], first["in_kafka"], first["missing"], first["not_in_kafka"]) == ("ok", 10, 0, 0)
    assert (second["result"], second["rows"], second["errors"], second["missing"]) == ("ok", 3, 1, 0)


def test_a_lost_row_is_a_gap_with_its_offset(session: Session, kafka_topic: Topic, produce: Callable[..., Any]) -> None:
    topic = kafka_topic()
    produce(topic, events(20))
    _sink(session, topic)
    _table(session).delete("_kafka_offset = 7")
    session.sql("REFRESH SINK o_lake")
    found, = _checked(session)
    assert (found["result"], found["missing"], found["missing_offsets"]) == ("gap", 1, [7])


def test_a_repeated_row_is_a_duplicate(session: Session, kafka_topic: Topic, produce: Callable[..., Any]) -> None:
    topic = kafka_topic()
    produce(topic, events(4))
    _sink(session, topic)
    table = _table(session)
    table.append(table.scan(row_filter="_kafka_offset = 2").to_arrow())
    found, = _checked(session)
    assert (found["result"], found["duplicates"]) == ("duplicate", 1)


def test_where_the_topic_lost_its_beginning_the_rest_is_compared(session: Session, kafka: Broker, kafka_topic: Topic,
                                                                 produce: Callable[..., Any]) -> None:
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    topic = kafka_topic()
    produce(topic, events(10))
    _sink(session, topic)
    operator = AdminClient({"bootstrap.servers": kafka.bootstrap})
    next(iter(operator.delete_records([TopicPartition(topic, 0, 6)]).values())).result(20)
    found, = _checked(session)
    assert (found["result"], found["checked_from"], found["checked_to"], found["in_kafka"]) == ("ok", 6, 10, 4)


def test_records_that_skip_leaves_out_are_a_doubt_and_no_gap(session: Session, kafka_topic: Topic, produce: Callable[..., Any]) -> None:
    topic = kafka_topic()
    produce(topic, [*events(3), "not json"])
    _sink(session, topic, ", ON_ERROR skip")
    found, = _checked(session)
    assert (found["result"], found["missing_offsets"]) == ("unverified", [3])


def test_records_that_a_query_leaves_out_are_a_doubt_and_a_repeated_one_is_none(session: Session, kafka_topic: Topic,
                                                                               produce: Callable[..., Any]) -> None:
    topic = kafka_topic()
    produce(topic, events(6))
    session.sql(f"CREATE SOURCE o (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}')")
    session.sql("WAIT SOURCE o TIMEOUT '60s'")
    session.sql("CREATE SINK o_lake AS SELECT id FROM o WHERE id % 2 = 0 INTO ICEBERG local.shop.o")
    session.sql("FLUSH SINK o_lake TIMEOUT '60s'")
    found, = _checked(session)
    assert (found["result"], found["rows"], found["missing_offsets"]) == ("unverified", 3, [1, 3, 5])
    table = _table(session)
    table.append(table.scan(row_filter="_kafka_offset = 2").to_arrow())
    assert _checked(session)[0]["result"] == "duplicate"


def test_pieces_give_what_the_whole_gives(session: Session, kafka_topic: Topic, produce: Callable[..., Any],
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "PIECE", 7)
    topic = kafka_topic(3)
    for partition in range(3):
        produce(topic, events(40), partition=partition)
    _sink(session, topic)
    _table(session).delete("_kafka_partition = 1 AND _kafka_offset >= 13 AND _kafka_offset < 16")
    assert [(f["result"], f["in_kafka"], f["missing_offsets"]) for f in _checked(session)] \
        == [("ok", 40, []), ("gap", 40, [13, 14, 15]), ("ok", 40, [])]


# ---- kshell verify -------------------------------------------------------------------------------------------------

@pytest.fixture
def script(kafka: Broker, kafka_topic: Topic, produce: Callable[..., Any], open_session: OpenSession, tmp_path: Path,
           monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script whose sink has run, and a home of its own."""
    topic = kafka_topic()
    produce(topic, events(10))
    session = open_session()
    _sink(session, topic)
    session.close(flush=False)
    monkeypatch.setenv("KSHELL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "pipe.sql"
    file.write_text(f"""
        SET VARIABLE t = '{topic}';
        ATTACH 'kafka://127.0.0.1:1' AS unreachable (TYPE kafka);
        ATTACH 'kafka://{kafka.bootstrap}' AS k (TYPE kafka);
        CREATE SOURCE o (id BIGINT, url VARCHAR) FROM KAFKA k (TOPIC getvariable('t'));
        CREATE SINK o_lake FROM o INTO ICEBERG local.shop.o;
        FLUSH SINK o_lake;
        SELECT error('a query of the script ran');""")
    return file


def test_verify_reads_definitions_starts_nothing_and_exits_0(script: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert main(["verify", "o_lake", "-f", str(script), "--ndjson"]) == 0
    got = capfd.readouterr()
    assert '"result":"ok"' in got.out.replace(" ", "")
    assert got.err == ""


def test_verify_takes_a_table_and_the_brokers(script: Path, kafka: Broker) -> None:
    assert main(["verify", "local.shop.o", "--brokers", kafka.bootstrap]) == 0


@pytest.mark.parametrize(("on_error", "stop", "sink"), [
    ("fail", 5, "AS SELECT id FROM o WHERE id <> 3"), ("skip", 8, "FROM o")])
def test_verify_of_a_table_knows_by_itself_that_records_are_left_out_by_order(
        kafka: Broker, kafka_topic: Topic, produce: Callable[..., Any], open_session: OpenSession, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], on_error: str, stop: int, sink: str) -> None:
    topic = kafka_topic()
    produce(topic, [*events(5), "not an object", *events(2, 5)])
    session = open_session()
    session.sql(f"CREATE SOURCE o (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}', ON_ERROR {on_error}, STOP MAP {{0: {stop}}})")
    session.sql(f"WAIT SOURCE o TIMEOUT '60s'; CREATE SINK o_lake {sink} INTO ICEBERG local.shop.o; FLUSH SINK o_lake TIMEOUT '60s'")
    session.close(flush=False)
    monkeypatch.setenv("KSHELL_DATA", str(tmp_path / "data"))
    capfd.readouterr()
    assert main(["verify", "local.shop.o", "--brokers", kafka.bootstrap, "--ndjson"]) == 0
    assert '"result":"unverified"' in capfd.readouterr().out.replace(" ", "")


def test_verify_exits_1_at_a_gap(script: Path, open_session: OpenSession) -> None:
    session = open_session()
    _table(session).delete("_kafka_offset = 7")
    assert main(["verify", "o_lake", "-f", str(script)]) == 1


def test_verify_exits_3_where_the_broker_is_gone(script: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = script.read_text()
    script.write_text(text.replace(text[text.index("ATTACH 'kafka://127.0.0.1:"):text.index("CREATE SOURCE")],
                                   "ATTACH 'kafka://127.0.0.1:1' AS k (TYPE kafka);"))
    assert main(["verify", "o_lake", "-f", str(script)]) == 3
    assert "cannot reach Kafka at 127.0.0.1:1" in capfd.readouterr().err


@pytest.mark.parametrize(("argv", "code", "said"), [
    (["verify"], 2, "kshell verify takes one sink or table"),
    (["verify", "o_lake"], 1, "there is no sink o_lake"),
    (["verify", "o_lak", "-f", "SCRIPT"], 1, "did you mean o_lake?"),
    (["verify", "o_lake", "-c", "SELECT 1"], 2, "kshell verify runs no statement"),
    (["verify", "local.shop.nothing", "-f", "SCRIPT"], 1, "nothing"),
])
def test_verify_says_what_it_needs(script: Path, argv: list[str], code: int, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([word.replace("SCRIPT", str(script)) for word in argv]) == code
    assert said in capfd.readouterr().err
