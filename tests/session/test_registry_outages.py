"""A registry that is down, slow, wrong or somewhere else: statements say what to type, records wait, and nothing becomes a verdict."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from kshell.errors import BadValueError, DeadlineError, Error, NotFoundError, RefusedError, UnreachableError
from kshell.schemas import http as http_module
from kshell.session import Session, sinks
from tests.session.conftest import Notes, OpenSession, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder
from tests.support.stub_http import Answer, StubHttp, missing, schema_answer

AVSC = '{"type": "record", "name": "E", "fields": [{"name": "id", "type": "long"}]}'
WIDER = '{"type": "record", "name": "E", "fields": [{"name": "id", "type": "long"}, {"name": "x", "type": ["null", "long"]}]}'


@pytest.fixture
def stub() -> Iterator[StubHttp]:
    with StubHttp() as server:
        server.answers = {"/subjects": Answer(["orders-value", "clicks-value"])}
        yield server


@pytest.fixture
def session(open_session: OpenSession, stub: StubHttp, producer: Recorder) -> Session:
    session = open_session(brokers=None)
    session.sql(f"ATTACH 'kafka://{producer.bootstrap}' AS k (TYPE kafka, SCHEMA_REGISTRY '{stub.url}')")
    return session


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder, stub: StubHttp) -> str:
    """Two partitions of two records each that schema 1 wrote."""
    name = kafka_topic(partitions=2)
    for partition in (0, 1):
        producer.produce(name, [event(1, 1), event(1, 2)], partition=partition)
    stub.answers["/schemas/ids/1"] = schema_answer(AVSC)
    stub.answers[f"/subjects/{name}-value/versions/latest"] = schema_answer(AVSC, id=1, version=1, subject=f"{name}-value")
    return name


def event(schema: int, id: int, *, x: bool = False) -> bytes:
    return b"\0" + schema.to_bytes(4, "big") + bytes([id * 2]) + (b"\0" if x else b"")


def failure(session: Session, text: str) -> Error:
    with pytest.raises(Error) as failed:
        session.sql(text)
    return failed.value


# ---- statements --------------------------------------------------------------------------------------------------------

_AT_CREATE: list[tuple[str, Answer, type[Error], str, str]] = [
    ("401", Answer({"error_code": 40101, "message": "Unauthorized"}, 401), UnreachableError, "answers 401: Unauthorized",
     "CREATE SECRET sr (TYPE schema_registry"),
    ("404 of another server", Answer(b"nothing here", 404, "text/plain"), UnreachableError, "answers 404 to a path",
     "what stands before /subjects"),
    ("redirect", Answer(b"", 301, headers={"Location": "https://elsewhere.example/"}), UnreachableError,
     "redirects (301) to https://elsewhere.example/", "give it as SCHEMA_REGISTRY"),
    ("503", Answer(b"", 503), UnreachableError, "answers 503", "try again later"),
    ("sign-in page", Answer(b"<html>", 200, "text/html"), UnreachableError, "answers text/html", "before /subjects"),
    ("50 MB", Answer(size=50 << 20), RefusedError, "SCHEMA_TOO_LARGE", "FORMAT raw"),
]


@pytest.mark.fault("F40")
@pytest.mark.parametrize(("answer", "error", "said", "hint"), [case[1:] for case in _AT_CREATE], ids=[case[0] for case in _AT_CREATE])
def test_a_statement_says_what_the_registry_answered_and_what_to_type(
        session: Session, stub: StubHttp, topic: str, answer: Answer, error: type[Error], said: str, hint: str) -> None:
    stub.answers[f"/subjects/{topic}-value/versions/latest"] = answer
    failed = failure(session, f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}')")
    assert isinstance(failed, error)
    assert said in failed.message
    assert hint in (failed.hint or "")
    assert rows(session, "FROM kshell.sources") == []


@pytest.mark.fault("F40")
def test_a_registry_that_is_silent_or_down_fails_the_statement_in_time(session: Session, stub: StubHttp, topic: str, producer: Recorder,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "CONNECT_S", 0.2)
    stub.answers[f"/subjects/{topic}-value/versions/latest"] = Answer(held=True)
    assert "has not answered within 0.2 s" in failure(session, f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}')").message
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        named = f"SCHEMA_REGISTRY 'http://127.0.0.1:{closed.getsockname()[1]}'"
        failed = failure(session, f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', {named})")
    assert isinstance(failed, UnreachableError)
    assert "refuses the connection" in failed.message


_WRONG: list[tuple[str, type[Error], str, str]] = [
    ("SCHEMA 'orders-valu'", NotFoundError, "has no subject orders-valu", "did you mean orders-value?"),
    ("SCHEMA 'gone-value'", NotFoundError, "subject gone-value was deleted", "register it again"),
    ("SCHEMA '/nowhere/x.avsc'", NotFoundError, "there is no schema file /nowhere/x.avsc", "subject"),
    ("FORMAT json, MESSAGE 'a.B'", BadValueError, "MESSAGE names a message of Protobuf", "leave MESSAGE out"),
    ("FORMAT raw, SCHEMA 'orders-value'", BadValueError, "FORMAT raw has no schema", "leave SCHEMA out"),
    ("FORMAT protobuf", BadValueError, "is a schema of kind avro, not protobuf", "FORMAT avro"),
    ("KEY_FORMAT avro", NotFoundError, "-key, and no key names a schema", "KEY_FORMAT raw"),
    ("SCHEMA_REGISTRY nobody", NotFoundError, "there is no secret nobody", "CREATE SECRET nobody"),
    ("SCHEMA_REGISTRY 'sr.prod:8081'", NotFoundError, "no secret sr.prod:8081 and no address", "'http://sr.prod:8081'"),
    ("SCHEMA_REGISTRY 'ftp://sr'", BadValueError, "ftp://sr is no address", "https://host:8081"),
]


@pytest.mark.parametrize(("options", "error", "said", "hint"), _WRONG, ids=[case[0] for case in _WRONG])
def test_what_is_wrong_in_the_statement_is_named(session: Session, stub: StubHttp, topic: str, options: str, error: type[Error], said: str,
                                                 hint: str) -> None:
    stub.answers["/subjects?deleted=true"] = Answer(["clicks-value", "gone-value", "orders-value"])
    text = f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', {options})"
    failed = failure(session, text)
    assert isinstance(failed, error)
    assert said in failed.message
    assert hint in (failed.hint or "")
    if options.startswith("SCHEMA"):
        assert failed.position == text.index(options) + options.index(" ") + 1


def test_without_a_registry_the_statement_says_how_to_name_one(open_session: OpenSession, topic: str) -> None:
    session = open_session()
    for options in ("FORMAT avro", "SCHEMA 'orders-value'"):
        failed = failure(session, f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}', {options})")
        assert "no schema registry is known" in failed.message
        assert "SCHEMA_REGISTRY 'http://host:8081'" in (failed.hint or "")
    assert "--schema-registry" in (failure(session, "SHOW SUBJECTS").hint or "")


def test_an_unknown_subject_and_unknown_records_name_the_subject_that_was_looked_for(session: Session, kafka_topic: Callable[..., str],
                                                                                    producer: Recorder) -> None:
    producer.produce(topic := kafka_topic(), [event(99, 1)])
    failed = failure(session, f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', FORMAT avro)")
    assert f"has no subject {topic}-value, and no record names a schema" in failed.message


def test_a_secret_that_is_refused_is_named_and_not_shown(open_session: OpenSession, stub: StubHttp, topic: str, producer: Recorder,
                                                         notes: Notes) -> None:
    session = open_session(brokers=None)
    session.sql(f"CREATE SECRET sr (TYPE schema_registry, URL '{stub.url}', USERNAME 'me', PASSWORD 'canary-pass')")
    session.sql(f"ATTACH 'kafka://{producer.bootstrap}' AS k (TYPE kafka, SCHEMA_REGISTRY sr)")
    stub.answers[f"/subjects/{topic}-value/versions/latest"] = Answer({"error_code": 401, "message": "not canary-pass"}, 401)
    failed = failure(session, f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}')")
    assert failed.hint == "check USERNAME and PASSWORD, or TOKEN, of secret sr, and what that user may read"
    assert "canary-pass" not in failed.message
    assert "canary-pass" not in notes


def test_a_password_in_the_address_is_not_shown_again(open_session: OpenSession, stub: StubHttp, topic: str, producer: Recorder) -> None:
    session = open_session(brokers=None)
    url = stub.url.replace("//", "//me:canary-pass@")
    session.sql(f"ATTACH 'kafka://{producer.bootstrap}' AS k (TYPE kafka, SCHEMA_REGISTRY '{url}')")
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', SCHEMA_REGISTRY '{url}')")
    for shown in ("SHOW CREATE CONNECTION k", "SHOW CREATE SOURCE s", "FROM kshell.connections", "FROM kshell.sources"):
        assert "canary-pass" not in str(rows(session, shown))
    assert stub.headers[-1]["Authorization"].startswith("Basic ")


# ---- while records come ------------------------------------------------------------------------------------------------

_OUTAGES = {"503": Answer(b"", 503), "401": Answer(b"", 401), "redirect": Answer(b"", 302, headers={"Location": "http://x.example/"}),
            "page": Answer(b"<html>", 200, "text/html"), "slow": Answer(held=True)}


@pytest.mark.fault("F40")
@pytest.mark.parametrize("outage", _OUTAGES)
def test_a_partition_waits_for_its_schema_and_others_go_on(session: Session, stub: StubHttp, topic: str, producer: Recorder, notes: Notes,
                                                           monkeypatch: pytest.MonkeyPatch, outage: str) -> None:
    monkeypatch.setattr(http_module, "CONNECT_S", 0.2)
    stub.answers["/schemas/ids/2"] = _OUTAGES[outage]
    producer.produce(topic, [event(2, 3, x=True), event(1, 4)], partition=0)
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', FORMAT avro)")
    producer.produce(topic, [event(1, 5)], partition=1)
    wait_until(lambda: rows(session, "SELECT _kafka_partition, count(*) FROM s GROUP BY 1 ORDER BY 1") == [(0, 2), (1, 3)])
    reason = wait_until(lambda: one(session, "SELECT last_error FROM kshell.sources"))
    assert f"{topic}[0]@2 waits: the schema registry {stub.url}" in reason
    assert rows(session, "FROM kshell.errors") == []
    stub.release.set()
    stub.answers["/schemas/ids/2"] = schema_answer(WIDER)
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == 7, 30)
    assert rows(session, "SELECT id FROM s WHERE _kafka_partition = 0 ORDER BY _kafka_offset") == [(1,), (2,), (3,), (4,)]
    assert rows(session, "FROM kshell.errors") == []
    assert sum("waits" in line for line in notes.lines) == 1


@pytest.mark.fault("F40")
def test_nothing_of_an_outage_reaches_the_table_of_errors(session: Session, stub: StubHttp, topic: str, producer: Recorder) -> None:
    stub.answers["/schemas/ids/2"] = Answer(b"", 503)
    producer.produce(topic, [event(2, 3, x=True), event(1, 4)], partition=0)
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', FORMAT avro); CREATE SINK s_lake FROM s INTO ICEBERG local.web.s")
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == 4)
    session.sql("FLUSH SINK s_lake")
    assert one(session, "SELECT count(*) FROM lake.s") == 4
    assert one(session, "SELECT count(*) FROM local.web.s__errors") == 0
    stub.answers["/schemas/ids/2"] = schema_answer(WIDER)
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == 6, 30)
    session.sql("FLUSH SINK s_lake")
    assert rows(session, "SELECT id FROM lake.s WHERE _kafka_partition = 0 ORDER BY _kafka_offset") == [(1,), (2,), (3,), (4,)]
    assert one(session, "SELECT count(*) FROM local.web.s__errors") == 0
    assert {row[-1] for row in rows(session, "CHECK SINK s_lake")} == {"ok"}


@pytest.mark.fault("F40")
@pytest.mark.parametrize(("answer", "code"), [(missing(40403), "AVRO_SCHEMA_UNKNOWN"), (Answer(size=50 << 20), "SCHEMA_TOO_LARGE")])
def test_a_definite_answer_is_a_verdict_on_that_record_alone(session: Session, stub: StubHttp, topic: str, producer: Recorder,
                                                             answer: Answer, code: str) -> None:
    stub.answers["/schemas/ids/2"] = replace(answer)
    producer.produce(topic, [event(2, 3, x=True), event(1, 4)], partition=0)
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', FORMAT avro); WAIT SOURCE s TIMEOUT '30s'")
    assert rows(session, "SELECT _kafka_partition, _kafka_offset, code, schema_id FROM kshell.errors") == [(0, 2, code, 2)]
    assert one(session, "SELECT count(*) FROM s") == 5


@pytest.mark.fault("F40")
def test_many_ids_that_nobody_registered_are_verdicts_within_seconds(session: Session, stub: StubHttp, topic: str,
                                                                     producer: Recorder) -> None:
    stub.default = missing(40403)
    producer.produce(topic, [event(1_000 + n, 1) for n in range(200)], partition=0)
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', FORMAT avro); WAIT SOURCE s TIMEOUT '60s'")
    assert rows(session, "SELECT code, count(*) FROM kshell.errors GROUP BY 1") == [("AVRO_SCHEMA_UNKNOWN", 200)]
    assert one(session, "SELECT count(*) FROM s") == 4


@pytest.mark.fault("F40")
def test_a_source_with_its_format_and_columns_is_made_while_the_registry_is_away(session: Session, stub: StubHttp, topic: str) -> None:
    """As SHOW CREATE prints it: a script goes on after a restart, and the records wait."""
    answers, stub.answers, stub.default = stub.answers, {}, Answer(b"", 503)
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA k (TOPIC '{topic}', FORMAT avro)")
    assert "answers 503" in wait_until(lambda: one(session, "SELECT last_error FROM kshell.sources"))
    stub.answers = answers
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == 4, 30)


def test_a_scan_fails_when_the_registry_is_away_and_leaves_nothing_out(session: Session, stub: StubHttp, topic: str,
                                                                       producer: Recorder) -> None:
    stub.answers["/schemas/ids/2"] = Answer(b"", 503)
    producer.produce(topic, [event(2, 3, x=True)], partition=0)
    failed = failure(session, f'SELECT * FROM k."{topic}"')
    assert isinstance(failed, UnreachableError)
    assert "answers 503" in failed.message


@pytest.mark.fault("F40")
def test_while_a_source_reads_again_one_waiting_partition_does_not_keep_the_others_from_the_table(
        session: Session, stub: StubHttp, topic: str, producer: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "HAND_OVER_S", 0.1)
    stub.answers["/schemas/ids/2"] = Answer(b"", 503)
    producer.produce(topic, [event(2, 3, x=True)], partition=0)
    session.sql(f"CREATE SOURCE s FROM KAFKA k (TOPIC '{topic}', START 'latest'); WAIT SOURCE s")
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (START 'earliest', COMMIT_ROWS 1)")
    wait_until(lambda: one(session, "SELECT committed_rows FROM kshell.sinks") == 4)
    producer.produce(topic, [event(1, 3)], partition=1)
    wait_until(lambda: one(session, "SELECT committed_rows FROM kshell.sinks") == 5)
    with pytest.raises(DeadlineError):
        session.sql("FLUSH SINK s_lake TIMEOUT '300ms'")
    stub.answers["/schemas/ids/2"] = schema_answer(WIDER)
    session.sql("FLUSH SINK s_lake TIMEOUT '60s'")
    found = rows(session, "SELECT _kafka_partition, count(*), count(DISTINCT _kafka_offset) FROM s GROUP BY ALL ORDER BY 1")
    assert found == [(0, 3, 3), (1, 3, 3)]
    assert {r[-1] for r in rows(session, "CHECK SINK s_lake")} == {"ok"}
