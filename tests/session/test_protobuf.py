"""A topic of Protobuf, and one of CSV, from the broker to the lake: types, several writers, broken records, keys; equal on both sides."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from kshell.errors import RefusedError
from kshell.schemas import Schema
from kshell.session import Session
from tests.decode import protobuf_random
from tests.decode.protobuf_support import message, proto3
from tests.decode.test_protobuf_types import SCHEMA
from tests.session.conftest import Notes, OpenSession, one, rows
from tests.support.framed_topics import CAUGHT_UP, framed_source
from tests.support.producing import Recorder
from tests.support.stub_http import StubHttp, schema_answer

V1 = proto3("message Order { int32 no = 1; Item item = 2; message Item { string sku = 1; } } message Refund { int32 no = 1; }", id=1)
V2 = proto3("message Order { int64 no = 1; Item item = 2; repeated string tags = 3; message Item { string sku = 1; uint64 qty = 2; } } "
            "message Refund { int32 no = 1; }", id=2)


def register(stub: StubHttp, subject: str, schema: Schema, id: int) -> None:
    stub.register(subject, id, schema.text, "PROTOBUF")


def frame(id: int, indexes: bytes = b"\0") -> bytes:
    return b"\0" + id.to_bytes(4, "big") + indexes


def source(session: Session, topic: str, stub: StubHttp, options: str = "") -> None:
    framed_source(session, topic, stub, "protobuf", options)


def test_every_type_is_the_same_row_live_and_in_the_lake_and_again_from_show_create(
        session: Session, open_session: OpenSession, topic: str, stub: StubHttp, producer: Recorder) -> None:
    random, kind = Random(11), message(SCHEMA)
    register(stub, f"{topic}-value", SCHEMA, 7)
    producer.produce(topic, [frame(7, b"\2\6") + protobuf_random.fill(kind(), random).SerializeToString() for _ in range(40)] + [None])
    source(session, topic, stub, ", MESSAGE 't.M'")
    assert rows(session, "FROM kshell.errors") == []
    session.sql("CREATE TABLE before AS SELECT * EXCLUDE (_tier) FROM s")
    live = rows(session, "SELECT column_name, column_type FROM (DESCRIBE live.s) ORDER BY ALL")
    again = open_session("again")
    again.sql(f"{rows(session, 'SHOW CREATE SOURCE s')[0][1]}; {CAUGHT_UP}")
    assert repr(rows(again, "FROM s")) == repr(rows(session, "FROM s"))
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s; FLUSH SINK s_lake TIMEOUT '60s'")
    assert one(session, "SELECT count(*) FROM (FROM lake.s INTERSECT ALL FROM before)") == 41
    assert rows(session, "SELECT column_name, column_type FROM (DESCRIBE lake.s) ORDER BY ALL") == live


def test_a_newer_writer_widens_the_source_and_its_table(session: Session, topic: str, stub: StubHttp, producer: Recorder) -> None:
    register(stub, f"{topic}-value", V1, 1)
    first, later = message(V1, "t.Order"), message(V2, "t.Order")
    producer.produce(topic, [frame(1) + first(no=n, item={"sku": "a"}).SerializeToString() for n in range(3)])
    source(session, topic, stub, ", SCHEMA_EVOLUTION add")
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s; FLUSH SINK s_lake TIMEOUT '60s'")
    register(stub, f"{topic}-value", V2, 2)
    producer.produce(topic, [frame(2) + later(no=2**40, item={"sku": "b", "qty": 2**64 - 1}, tags=["x"]).SerializeToString(),
                             frame(1) + first(no=4).SerializeToString()])
    session.sql(CAUGHT_UP)
    wanted = [(0, "a", None, None), (1, "a", None, None), (2, "a", None, None), (4, None, None, None), (2**40, "b", 2**64 - 1, ["x"])]
    query = "SELECT no, item.sku, item.qty::HUGEINT, tags FROM {} ORDER BY no"
    assert rows(session, query.format("s")) == wanted
    session.sql("FLUSH SINK s_lake TIMEOUT '60s'")
    assert rows(session, query.format("lake.s")) == wanted


@pytest.mark.fault("F39")
def test_broken_records_are_in_the_error_table_and_keys_are_typed(
        session: Session, topic: str, stub: StubHttp, producer: Recorder, notes: Notes) -> None:
    key = proto3("message Key { string tenant = 1; int64 n = 2; }")
    register(stub, f"{topic}-value", V1, 1)
    register(stub, f"{topic}-key", key, 3)
    stub.answers["/schemas/ids/8"] = schema_answer(proto3("message Order { Order more = 1; }").text, "PROTOBUF")
    stub.answers["/schemas/ids/9"] = schema_answer(proto3("message Order { int32 no = 1; }", ["gone.proto"]).text, "PROTOBUF")
    good = frame(1) + message(V1, "t.Order")(no=1).SerializeToString()
    producer.produce(topic, [good], key=frame(3) + message(key, "t.Key")(tenant="acme", n=7).SerializeToString())
    producer.produce(topic, [frame(1, b"\2\2"), b"{}", good + b"\x08", frame(8), frame(9), good])
    producer.produce(topic, [good], key=b"acme")
    source(session, topic, stub, ", KEY_FORMAT protobuf")
    assert "s: records are of the message t.Order, the first of 3; MESSAGE names another" in notes
    assert rows(session, "SELECT no, _kafka_key.tenant, _kafka_key.n FROM s ORDER BY _kafka_offset") == [(1, "acme", 7), (1, None, None)]
    assert rows(session, "SELECT _kafka_offset, schema_id, code FROM kshell.errors ORDER BY ALL") == [
        (1, 1, "PROTO_INDEX"), (2, None, "PROTO_MAGIC"), (3, 1, "PROTO_TRUNCATED"), (4, 8, "TYPE_RECURSIVE"), (5, 9, "SCHEMA_INVALID"),
        (7, None, "PROTO_MAGIC")]
    session.sql("DESCRIBE SOURCE s")
    assert "decoder: fast (ptars)" in notes


@pytest.mark.fault("F39")
@pytest.mark.parametrize(("text", "said"), [
    ("message Node { repeated Node children = 1; }", "message Node contains itself at Node.children[]"),
    ('import "gone.proto"; message M { int32 n = 1; }', "it imports gone.proto, which is not there"),
])
def test_a_schema_that_cannot_be_used_is_refused_at_create(
        session: Session, topic: str, stub: StubHttp, producer: Recorder, text: str, said: str) -> None:
    register(stub, f"{topic}-value", Schema("protobuf", f'syntax = "proto3"; {text}'), 1)
    producer.produce(topic, [b"x"])
    with pytest.raises(RefusedError) as caught:
        source(session, topic, stub)
    assert said in caught.value.message
    assert f'Schema "{topic}-value" (id 1)' in caught.value.message


def test_a_proto_file_reads_values_without_a_frame(session: Session, topic: str, producer: Recorder, tmp_path: Path) -> None:
    (tmp_path / "orders.proto").write_text(V1.text)
    producer.produce(topic, [message(V1, "t.Order")(no=5, item={"sku": "a"}).SerializeToString(), b"\x08"])
    session.sql(f"CREATE SOURCE s FROM KAFKA (TOPIC '{topic}', SCHEMA '{tmp_path}/orders.proto', MESSAGE 'Order'); {CAUGHT_UP}")
    assert rows(session, "SELECT no, item FROM s") == [(5, {"sku": "a"})]
    assert rows(session, "SELECT _kafka_offset, code FROM kshell.errors") == [(1, "PROTO_TRUNCATED")]


def test_lines_of_csv_are_rows_live_and_in_the_lake(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, ["1,ada,2026-01-01", '2,"b,c",', "3,x", "four,y,2026-01-01", None])
    session.sql(f"CREATE SOURCE s (id BIGINT, name VARCHAR, day DATE) FROM KAFKA (TOPIC '{topic}', FORMAT csv); {CAUGHT_UP}")
    wanted = [(1, "ada", "2026-01-01"), (2, "b,c", None), (None, None, None)]
    assert rows(session, "SELECT id, name, day::VARCHAR FROM s ORDER BY _kafka_offset") == wanted
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s; FLUSH SINK s_lake TIMEOUT '60s'")
    assert rows(session, "SELECT id, name, day::VARCHAR FROM lake.s ORDER BY _kafka_offset") == wanted
    assert rows(session, "SELECT _kafka_offset, code FROM kshell.errors ORDER BY ALL") == [(2, "CSV_FIELDS"), (3, "TYPE_MISFIT")]
    session.sql(f"CREATE SOURCE t FROM KAFKA (TOPIC '{topic}', FORMAT csv); WAIT SOURCE t UNTIL CAUGHT UP TIMEOUT '60s'")
    assert rows(session, "SELECT column0, column2 FROM t ORDER BY _kafka_offset LIMIT 1") == [("1", "2026-01-01")]
