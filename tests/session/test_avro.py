"""A topic of Avro from the registry to the lake: types, several writers, broken records, keys; equal on both sides of the cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kshell.errors import Error, RefusedError
from kshell.session import Session
from tests.decode.avro import frame, record, values
from tests.decode.test_avro_types import NODE, TABLE
from tests.session.conftest import Notes, OpenSession, one, rows
from tests.support import wait_until
from tests.support.framed_topics import CAUGHT_UP, framed_source
from tests.support.producing import Recorder
from tests.support.stub_http import Answer, StubHttp, missing, schema_answer

V1 = record(("id", "int"), ("amount", "int"))
V2 = record(("id", "int"), ("amount", "long"), ("tag", ["null", "string"]), ("pos", ["null", record(("x", "double"), name="Pos")]))
IGNORED = ("too many digits", "more places")      # rows whose logical type no writer would write


def register(stub: StubHttp, subject: str, id: int, tree: Any) -> None:
    stub.register(subject, id, json.dumps(tree))


def source(session: Session, topic: str, stub: StubHttp, options: str = "") -> None:
    framed_source(session, topic, stub, "avro", options)


def own(tree: Any, number: int) -> Any:
    """The same type, with names that no other field has."""
    if isinstance(tree, list):
        return [own(branch, number) for branch in tree]
    if not isinstance(tree, dict):
        return tree
    made = {key: own(value, number) for key, value in tree.items()}
    return made | {"name": f"{made['name']}_{number}"} if made["type"] in ("record", "enum", "fixed") else made


def test_every_type_is_the_same_row_live_and_in_the_lake(session: Session, topic: str, stub: StubHttp, producer: Recorder) -> None:
    fields, row = [], {}
    for number, (name, kind, value, _, _) in enumerate(row for row in TABLE if not any(word in row[0] for word in IGNORED)):
        fields.append((f"c{number}", own(kind, number)))
        row[f"c{number}"] = (f"{value[0]}_{number}", value[1]) if isinstance(value, tuple) else value
        assert name
    tree = record(*fields)
    register(stub, f"{topic}-value", 7, tree)
    producer.produce(topic, [*values(tree, [row] * 40, 7), None])
    source(session, topic, stub)
    session.sql("CREATE TABLE before AS SELECT * EXCLUDE (_tier) FROM s")
    live = rows(session, "SELECT column_name, column_type FROM (DESCRIBE live.s) ORDER BY ALL")
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s; FLUSH SINK s_lake TIMEOUT '60s'")
    assert one(session, "SELECT count(*) FROM (FROM lake.s INTERSECT ALL FROM before)") == 41
    assert rows(session, "SELECT column_name, column_type FROM (DESCRIBE lake.s) ORDER BY ALL") == live


def test_a_newer_writer_widens_the_source_and_its_table(session: Session, topic: str, stub: StubHttp, producer: Recorder) -> None:
    register(stub, f"{topic}-value", 1, V1)
    producer.produce(topic, values(V1, [{"id": n, "amount": n} for n in range(3)], 1))
    source(session, topic, stub, ", SCHEMA_EVOLUTION add")
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s; FLUSH SINK s_lake TIMEOUT '60s'")
    register(stub, f"{topic}-value", 2, V2)
    producer.produce(topic, [*values(V2, [{"id": 3, "amount": 2**40, "tag": "new", "pos": {"x": 0.5}}], 2),
                             *values(V1, [{"id": 4, "amount": 4}], 1)])
    wanted = [(0, 0, None, None), (1, 1, None, None), (2, 2, None, None), (3, 2**40, "new", 0.5), (4, 4, None, None)]
    session.sql(CAUGHT_UP)
    query = "SELECT id, amount, tag, pos.x FROM {} ORDER BY id"
    assert rows(session, query.format("s")) == wanted
    session.sql("FLUSH SINK s_lake TIMEOUT '60s'")
    assert rows(session, query.format("lake.s")) == wanted
    assert one(session, "SELECT typeof(amount) FROM lake.s LIMIT 1") == "BIGINT"


@pytest.mark.fault("F37")
def test_broken_records_are_in_the_error_table_with_the_schema_that_they_name(
        session: Session, topic: str, stub: StubHttp, producer: Recorder) -> None:
    register(stub, f"{topic}-value", 1, V1)
    stub.answers["/schemas/ids/9"] = missing(40403)
    stub.answers["/schemas/ids/8"] = schema_answer(json.dumps(NODE))
    good = values(V1, [{"id": 1, "amount": 1}], 1)[0]
    producer.produce(topic, [good, frame(b"\2\2", 9), b"{}", good[:-1], good + b"\0", frame(b"\2\0", 8), good])
    source(session, topic, stub)
    assert one(session, "SELECT count(*) FROM s") == 2
    assert rows(session, "SELECT _kafka_offset, schema_id, code FROM kshell.errors ORDER BY ALL") == [
        (1, 9, "AVRO_SCHEMA_UNKNOWN"), (2, None, "AVRO_MAGIC"), (3, 1, "AVRO_TRUNCATED"), (4, 1, "AVRO_TRAILING"), (5, 8, "TYPE_RECURSIVE")]


def test_a_record_whose_schema_cannot_be_had_waits_and_is_no_error(
        session: Session, topic: str, stub: StubHttp, producer: Recorder) -> None:
    register(stub, f"{topic}-value", 1, V1)
    producer.produce(topic, values(V1, [{"id": 1, "amount": 1}], 1))
    source(session, topic, stub, ", SCHEMA_EVOLUTION add")
    stub.answers["/schemas/ids/2"] = Answer({"error_code": 50001, "message": "store"}, 500)
    producer.produce(topic, values(V2, [{"id": 2, "amount": 2, "tag": None, "pos": None}], 2))
    wait_until(lambda: one(session, "SELECT last_error FROM kshell.sources") is not None)
    assert one(session, "SELECT count(*) FROM s") == 1
    register(stub, f"{topic}-value", 2, V2)
    session.sql(CAUGHT_UP)
    assert rows(session, "SELECT id, amount FROM s ORDER BY id") == [(1, 1), (2, 2)]
    assert rows(session, "FROM kshell.errors") == []


def test_keys_of_avro_are_typed(session: Session, topic: str, stub: StubHttp, producer: Recorder) -> None:
    key = record(("tenant", "string"), ("n", "long"), name="Key")
    register(stub, f"{topic}-value", 1, V1)
    register(stub, f"{topic}-key", 2, key)
    value = values(V1, [{"id": 1, "amount": 1}], 1)[0]
    for name in (values(key, [{"tenant": "acme", "n": 7}], 2)[0], None, b"acme"):
        producer.produce(topic, [value], key=name)
    source(session, topic, stub, ", KEY_FORMAT avro")
    assert rows(session, "SELECT _kafka_key.tenant, _kafka_key.n FROM s ORDER BY _kafka_offset") == [("acme", 7), (None, None)]
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s; FLUSH SINK s_lake TIMEOUT '60s'")
    assert rows(session, "SELECT _kafka_key FROM lake.s WHERE _kafka_offset = 0") == [({"tenant": "acme", "n": 7},)]
    assert rows(session, "SELECT _kafka_offset, code FROM kshell.errors") == [(2, "AVRO_MAGIC")]


def test_beside_keys_of_avro_fields_of_json_without_a_column_are_counted(
        session: Session, topic: str, stub: StubHttp, producer: Recorder, notes: Notes) -> None:
    key = record(("n", "long"), name="Key")
    register(stub, f"{topic}-key", 2, key)
    for value in (b'{"id": 1, "x": 1, "y": 2}', b'{"id": 2, "x": 3}', b'{"id": }', None):
        producer.produce(topic, [value], key=values(key, [{"n": 7}], 2)[0])
    framed_source(session, topic, stub, "json", ", KEY_FORMAT avro", "(id BIGINT)")
    assert rows(session, "SELECT _kafka_key.n, id FROM s ORDER BY _kafka_offset") == [(7, 1), (7, 2), (7, None)]
    assert rows(session, "SELECT code FROM kshell.errors") == [("JSON_SYNTAX",)]
    wait_until(lambda: rows(session, "SELECT value FROM kshell.metrics WHERE labels->>'event' = 'fields_without_column'") == [(3,)])
    session.sql("DESCRIBE SOURCE s")
    assert "decoder: exact: KEY_FORMAT is avro" in notes


@pytest.mark.parametrize(("tree", "said"), [
    (NODE, "TYPE_RECURSIVE: Schema"),
    (record(("price", {"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 2})), "Column price: Avro decimal(40,2) needs"),
])
def test_a_schema_without_columns_is_refused_at_create(
        session: Session, topic: str, stub: StubHttp, producer: Recorder, tree: Any, said: str) -> None:
    register(stub, f"{topic}-value", 1, tree)
    producer.produce(topic, [b"x"])
    with pytest.raises(RefusedError) as caught:
        source(session, topic, stub)
    assert said in caught.value.message
    assert caught.value.hint in ("keep the bytes: FORMAT raw", 'declare it: ("price" VARCHAR)')


def test_describe_says_which_form_decodes_and_why(
        session: Session, topic: str, stub: StubHttp, producer: Recorder, notes: Notes) -> None:
    register(stub, f"{topic}-value", 1, V1)
    producer.produce(topic, values(V1, [{"id": 1, "amount": 1}], 1))
    source(session, topic, stub)
    session.sql("DESCRIBE SOURCE s")
    assert "decoder: fast (pyruhvro)" in notes
    session.sql(f"CREATE SOURCE r (id INTEGER) FROM KAFKA (TOPIC '{topic}', FORMAT avro, SCHEMA_REGISTRY '{stub.url}', INCLUDE [rest])")
    session.sql("WAIT SOURCE r UNTIL CAUGHT UP TIMEOUT '60s'; DESCRIBE SOURCE r")
    assert "decoder: exact: fields without a column become JSON text" in notes
    assert rows(session, "SELECT id, _kafka_rest FROM r") == [(1, '{"amount":1}')]


def test_a_source_is_the_same_again_from_what_show_create_prints(
        session: Session, open_session: OpenSession, topic: str, stub: StubHttp, producer: Recorder) -> None:
    register(stub, f"{topic}-value", 2, V2)
    producer.produce(topic, values(V2, [{"id": 1, "amount": 1, "tag": "t", "pos": {"x": 2.5}}], 2))
    source(session, topic, stub)
    text = rows(session, "SHOW CREATE SOURCE s")[0][1]
    other = open_session("other")
    try:
        other.sql(f"{text}; {CAUGHT_UP}")
    except Error as error:
        raise AssertionError(text) from error
    assert rows(other, "FROM s") == rows(session, "FROM s")
