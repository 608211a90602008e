"""Fields that records bring: live at once, first in the table, one type on both sides, and what happens when that cannot be."""

from __future__ import annotations

import io
import json
import random
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest
from pyiceberg.types import DoubleType, LongType, StringType

from kshell.columns import Column
from kshell.errors import ConflictError, ExistsError, NotFoundError, RefusedError
from kshell.iceberg import Stop
from kshell.iceberg.catalogs import open_catalog
from kshell.session import Session, evolution
from tests.session.conftest import Notes, OpenSession, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder
from tests.support.stub_http import StubHttp, schema_answer

Put = Callable[..., None]


@pytest.fixture
def topic(kafka_topic: Callable[..., str]) -> str:
    return kafka_topic(2)


@pytest.fixture
def put(topic: str, producer: Recorder) -> Put:
    def records(*values: dict[str, Any], partition: int = 0) -> None:
        producer.produce(topic, [json.dumps(value) for value in values], partition=partition)

    return records


def source(session: Session, topic: str, options: str = "", columns: str = "") -> None:
    session.sql(f"CREATE SOURCE s {columns} FROM KAFKA kafka (TOPIC '{topic}'{options})")
    caught_up(session)


def sink(session: Session) -> None:
    session.sql("CREATE SINK k FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')")


def caught_up(session: Session) -> None:
    session.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")


def flush(session: Session) -> None:
    session.sql("FLUSH SINK k TIMEOUT '30s'")


def described(session: Session, relation: str) -> list[tuple[str, str]]:
    return [row[:2] for row in rows(session, f"DESCRIBE {relation}")]


def types(session: Session, *names: str) -> list[str]:
    """Of live columns, which are those of the lake."""
    live = described(session, "live.s")
    assert live == described(session, "lake.s")
    return [dict(live)[name] for name in names]


def metric(session: Session, name: str) -> float:
    found = rows(session, f"SELECT value FROM kshell.metrics WHERE labels->>'event' = '{name}'")
    return float(found[0][0]) if found else 0.0


@pytest.mark.fault("F34")
def test_new_fields_are_live_at_once_and_in_the_table_with_one_type(session: Session, topic: str, put: Put) -> None:
    put({"id": 1, "customer": {"name": "ann"}, "items": [{"sku": "a"}]})
    source(session, topic)
    sink(session)
    put({"id": 2, "customer": None, "items": None, "extra": 7, "late": None})
    caught_up(session)
    assert types(session, "extra", "customer") == ["BIGINT", 'STRUCT("name" VARCHAR)']
    put({"id": 3, "customer": {"name": "bob", "address": {"city": "Graz"}}, "items": [{"sku": "b", "price": 2.5}], "late": True})
    caught_up(session)
    assert types(session, "customer", "items", "late") == [
        'STRUCT("name" VARCHAR, address STRUCT(city VARCHAR))', "STRUCT(sku VARCHAR, price DOUBLE)[]", "BOOLEAN"]
    picked = "SELECT id, extra, customer.address.city, items[1].price, late FROM {} ORDER BY id"
    expected = [(1, None, None, None, None), (2, 7, None, None, None), (3, None, "Graz", 2.5, True)]
    assert rows(session, picked.format("live.s")) == expected
    flush(session)
    assert rows(session, picked.format("lake.s")) == rows(session, picked.format("s")) == expected
    assert rows(session, "SELECT late FROM s(since => '1 hour') WHERE id = 3") == [(True,)]
    assert one(session, "SELECT count(*) FROM live.s") == 0
    shown = rows(session, "SHOW CREATE SOURCE s")[0][1]
    assert all(text in shown for text in ("extra BIGINT", "late BOOLEAN"))
    assert "SCHEMA_EVOLUTION" not in shown, "a script fixes the columns unless the user asked for more"
    assert rows(session, "CHECK SINK k")[0][-1] == "ok"


def test_a_restart_takes_the_committed_columns_and_goes_on(open_session: OpenSession, topic: str, put: Put) -> None:
    put({"id": 1})
    first = open_session()
    source(first, topic)
    sink(first)
    put({"id": 2, "n": 1, "N": 2})
    caught_up(first)
    flush(first)
    first.close(flush=False, timeout_s=2.0)
    put({"id": 3, "N": 5, "n": 4, "more": {"a": 1}})
    again = open_session()
    source(again, topic)
    sink(again)
    flush(again)
    assert types(again, "n", "N_1", "more") == ["BIGINT", "BIGINT", "STRUCT(a BIGINT)"]
    assert rows(again, "SELECT id, n, N_1, more.a FROM lake.s ORDER BY id") == [(1, None, None, None), (2, 1, 2, None), (3, 4, 5, 1)]
    assert rows(again, "CHECK SINK k")[0][-1] == "ok"


def test_what_show_create_prints_goes_on_with_the_same_sink(open_session: OpenSession, topic: str, put: Put) -> None:
    put({"id": 1, "a": 1})
    first = open_session()
    source(first, topic)
    sink(first)
    early = rows(first, "SHOW CREATE SOURCE s")[0][1]
    put({"id": 2, "A": 2, "_file": "x", "s": {"b": 1, "B": 2}})
    caught_up(first)
    flush(first)
    late = rows(first, "SHOW CREATE SOURCE s")[0][1]
    first.close(flush=False, timeout_s=2.0)
    for number, text in enumerate((early, late), start=3):
        again = open_session()
        again.sql(text.replace(f"'{topic}'", f"'{topic}', SCHEMA_EVOLUTION add"))
        put({"id": number, "A": number, "s": {"B": number}})
        sink(again)
        caught_up(again)
        flush(again)
        assert rows(again, f"SELECT A_1, s.B_1 FROM lake.s WHERE id = {number}") == [(number, number)]
        assert rows(again, "CHECK SINK k")[0][-1] == "ok"
        again.close(flush=False, timeout_s=2.0)


@pytest.mark.fault("F33")
def test_a_column_keeps_its_type_and_a_misfit_is_quarantined(session: Session, topic: str, put: Put) -> None:
    put({"id": 1, "v": 1})
    source(session, topic)
    sink(session)
    put({"id": 2, "v": "text"}, {"id": 3, "v": {"a": 1}}, {"id": 4, "v": 2.5}, {"id": 5, "v": 5, "w": "new"}, {"id": 6, "w": "other"})
    caught_up(session)
    assert types(session, "v", "w") == ["BIGINT", "VARCHAR"]
    flush(session)
    assert rows(session, "SELECT id, v, w FROM s ORDER BY id") == [(1, 1, None), (5, 5, "new"), (6, None, "other")]
    assert rows(session, "SELECT code, count(*) FROM kshell.errors GROUP BY ALL") == [("TYPE_MISFIT", 3)]


@pytest.mark.fault("F34")
def test_two_processes_agree_on_the_type_that_landed(open_session: OpenSession, topic: str, put: Put) -> None:
    put({"id": 1}, partition=0)
    put({"id": 2}, partition=1)
    sessions = [open_session(), open_session()]
    for each in sessions:
        each.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}', PARTITIONS [0, 1])")
        caught_up(each)
        sink(each)
    put({"id": 3, "x": 1, "y": {"a": 1}}, partition=0)
    put({"id": 4, "x": 2.5, "y": {"b": "t"}}, partition=1)
    for each in sessions:
        caught_up(each)
    wait_until(lambda: len({tuple(described(each, "live.s")) for each in sessions}) == 1)
    assert described(sessions[0], "live.s") == described(sessions[0], "lake.s")
    for each in sessions:
        flush(each)
    landed = rows(sessions[0], "SELECT count(*), count(DISTINCT id) FROM lake.s")[0][0]
    quarantined = one(sessions[0], "SELECT count(*) FROM local.web.s__errors")
    assert landed + quarantined == 4
    assert rows(sessions[0], "CHECK SINK k")[0][-1] == "ok"


@pytest.mark.fault("F34")
def test_no_field_of_a_record_is_lost_while_two_processes_add_columns(open_session: OpenSession, topic: str, put: Put,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evolution, "MOST_AN_HOUR", 10_000)
    draw = random.Random(7)
    sent: dict[int, dict[str, Any]] = {}

    def record(stage: int) -> dict[str, Any]:
        keys = [f"{kind}{i}" for i in range(3 * stage) for kind in ("n", "t")]
        values = {key: draw.randrange(9) if key[0] == "n" else f"t{draw.randrange(9)}" for key in keys}
        found: dict[str, Any] = {"id": len(sent), **{key: values[key] for key in draw.sample(keys, 3)}}
        found["o"] = {key: values[key] for key in draw.sample(keys, 2)}
        sent[len(sent)] = found
        return found

    put(record(1))
    sessions = [open_session(), open_session()]
    for each in sessions:
        source(each, topic)
        sink(each)
    for stage in range(1, 5):
        for partition in (0, 1):
            put(*(record(stage) for _ in range(draw.choice((1, 5, 150)))), partition=partition)
        flush(sessions[stage % 2])
    for each in sessions:
        caught_up(each)
    assert described(sessions[0], "live.s") == described(sessions[1], "live.s")
    for each in sessions:
        names = [name for name, _ in described(each, "live.s") if not name.startswith("_kafka_")]
        landed = rows(each, f"SELECT {', '.join(names)} FROM s")
        shown = {row[0]: dict(zip(names, row, strict=True)) for row in landed}
        assert {i: _without_null(row) for i, row in shown.items()} == sent
        flush(each)
    assert rows(sessions[0], "CHECK SINK k")[0][-1] == "ok"


def _without_null(value: Any) -> Any:
    return {k: _without_null(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def test_while_the_catalog_is_away_only_partitions_with_new_fields_wait(session: Session, topic: str, put: Put,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    put({"id": 1})
    source(session, topic)
    sink(session)
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", "schema.before_commit=raise:ConnectionError")
    put({"id": 2, "x": 1}, partition=0)
    put({"id": 3}, partition=1)
    session.sql("WAIT SOURCE s UNTIL ROWS 2 TIMEOUT '60s'")
    wait_until(lambda: "columns could not be added" in str(one(session, "SELECT last_error FROM kshell.sources")))
    assert rows(session, "SELECT id FROM s ORDER BY id") == [(1,), (3,)]
    monkeypatch.delenv("KSHELL_FAILPOINTS")
    caught_up(session)
    assert rows(session, "SELECT x FROM s WHERE id = 2") == [(1,)]


def test_a_lost_answer_is_found_by_looking_again(session: Session, topic: str, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put({"id": 1})
    source(session, topic)
    sink(session)
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", "schema.after_commit=raise:ConnectionError@1")
    put({"id": 2, "x": 1})
    caught_up(session)
    assert types(session, "x") == ["BIGINT"]
    assert rows(session, "SELECT id, x FROM s ORDER BY id") == [(1, None), (2, 1)]


def test_what_changed_is_told_once_in_the_words_of_a_definition(session: Session, topic: str, put: Put, notes: Notes) -> None:
    put({"id": 1, "geo": {"lat": 1.5}})
    source(session, topic)
    notes.lines.clear()
    put({"id": 2, "country": "DE", "geo": {"lat": 1.5, "lon": 2.5}, "in stock": True})
    caught_up(session)
    told = [line for line in notes.lines if "column" in line]
    assert told == ['note: source s: new columns country VARCHAR, "in stock" BOOLEAN; changed: geo STRUCT(lat DOUBLE, lon DOUBLE)']


def test_a_flood_of_columns_is_told_in_one_short_line() -> None:
    columns = [Column(f"c{n}", "STRUCT(" + ", ".join(f"f{n} BIGINT" for n in range(90)) + ")") for n in range(40)]
    said = evolution.told([], columns)
    assert said.startswith("new columns c0 STRUCT(f0 BIGINT, ")
    assert said.endswith(" and 32 more")
    assert len(said) < 800


def test_too_many_new_columns_end_evolution_until_it_is_resumed(session: Session, topic: str, put: Put, notes: Notes) -> None:
    put({"id": 1})
    source(session, topic, ", INCLUDE [rest]")
    sink(session)
    put({f"f{i}": i for i in range(51)})
    caught_up(session)
    assert [name for name, _ in described(session, "live.s")][:2] == ["id", "_kafka_partition"]
    assert "SCHEMA_RUNAWAY: source s: over 50 new columns in an hour" in notes
    assert "new fields go to _kafka_rest until ALTER SINK k RESUME EVOLUTION" in notes
    assert json.loads(one(session, "SELECT _kafka_rest FROM s WHERE _kafka_offset = 1"))["f50"] == 50
    session.sql("ALTER SINK k RESUME EVOLUTION")
    put({"id": 3, "x": 1})
    caught_up(session)
    assert types(session, "x") == ["BIGINT"]


def test_without_a_sink_too_many_columns_end_evolution_and_fields_are_counted(session: Session, topic: str, put: Put, notes: Notes) -> None:
    put({"id": 1})
    source(session, topic)
    put({f"f{i}": i for i in range(50)})
    caught_up(session)
    assert len(described(session, "live.s")) == 1 + 50 + 4
    put({"one_more": 1}, {"one_more": 1})
    caught_up(session)
    assert "until it is made again: CREATE OR REPLACE SOURCE s" in notes
    wait_until(lambda: metric(session, "fields_without_column") == 2)


def test_declared_columns_do_not_evolve_and_other_fields_are_counted(session: Session, topic: str, put: Put) -> None:
    put({"id": 1, "x": 1, "y": None}, {"id": 2, "x": 2})
    source(session, topic, columns="(id BIGINT)")
    assert [name for name, _ in described(session, "live.s")][:2] == ["id", "_kafka_partition"]
    wait_until(lambda: metric(session, "fields_without_column") == 3)


def test_a_sink_as_select_keeps_its_columns(session: Session, topic: str, put: Put) -> None:
    put({"id": 1})
    source(session, topic)
    session.sql("CREATE SINK k AS SELECT id, _kafka_partition, _kafka_offset FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')")
    put({"id": 2, "x": 1})
    caught_up(session)
    flush(session)
    assert rows(session, "SELECT id, x FROM s ORDER BY id") == [(1, None), (2, 1)]
    assert "x" not in [name for name, _ in described(session, "lake.k")]
    assert rows(session, "SELECT id FROM lake.k ORDER BY id") == [(1,), (2,)]
    with pytest.raises(RefusedError, match="takes no new columns"):
        session.sql("ALTER SINK k RESUME EVOLUTION")


# ---- by statement ----------------------------------------------------------------------------------------------------

def test_a_column_is_added_to_and_dropped_from_a_source_by_statement(session: Session, topic: str, put: Put) -> None:
    put({"id": 1, "x": {"a": 1}}, {"id": 2, "x": {"a": 2}})
    source(session, topic, columns="(id BIGINT)")
    session.sql("ALTER SOURCE s ADD COLUMN a BIGINT FROM '$.x.a'")
    wait_until(lambda: rows(session, "SELECT id, a FROM s ORDER BY id") == [(1, 1), (2, 2)])
    with pytest.raises(ExistsError, match="has a column A already"):
        session.sql("ALTER SOURCE s ADD COLUMN A BIGINT")
    session.sql("ALTER SOURCE s DROP COLUMN id")
    wait_until(lambda: [name for name, _ in described(session, "live.s")][:2] == ["a", "_kafka_partition"])
    with pytest.raises(NotFoundError, match="has no column id"):
        session.sql("ALTER SOURCE s DROP COLUMN id")
    with pytest.raises(RefusedError, match="the only column"):
        session.sql("ALTER SOURCE s DROP COLUMN a")


def test_an_added_column_is_in_the_table_first_and_rows_that_have_not_landed_get_it(session: Session, topic: str, put: Put) -> None:
    put({"id": 1, "x": "a"})
    source(session, topic, columns="(id BIGINT)")
    sink(session)
    flush(session)
    put({"id": 2, "x": "b"})
    caught_up(session)
    with pytest.raises(ConflictError, match="decide which records are rows"):
        session.sql("ALTER SOURCE s ADD COLUMN y VARCHAR FROM '$.x'")
    with pytest.raises(ConflictError, match="feeds the sink k"):
        session.sql("ALTER SOURCE s DROP COLUMN id")
    session.sql("ALTER SOURCE s ADD COLUMN x VARCHAR")
    wait_until(lambda: rows(session, "SELECT id, x FROM s ORDER BY id") == [(1, None), (2, "b")])
    assert types(session, "x") == ["VARCHAR"]
    flush(session)
    assert rows(session, "SELECT id, x FROM lake.s ORDER BY id") == [(1, None), (2, "b")]
    assert rows(session, "CHECK SINK k")[0][-1] == "ok"


def test_a_column_that_records_would_bring_back_is_not_dropped(session: Session, topic: str, put: Put) -> None:
    put({"id": 1, "x": 1})
    source(session, topic)
    with pytest.raises(RefusedError, match="would bring the column back"):
        session.sql("ALTER SOURCE s DROP COLUMN x")


# ---- by a further writer's schema -------------------------------------------------------------------------------------

FIRST = [("id", "int"), ("f", "float"), ("price", {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2})]
SECOND = [("id", "long"), ("f", "double"), ("price", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}),
          ("who", {"type": "record", "name": "W", "fields": [{"name": "name", "type": "string"}]})]
THIRD = [("id", "string"), ("f", "double")]


def avro(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": name, "type": type_} for name, type_ in fields]}


def written(number: int, fields: list[tuple[str, Any]], record: dict[str, Any]) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(avro(fields)), record)
    return b"\0" + number.to_bytes(4, "big") + body.getvalue()


@pytest.mark.fault("F34")
def test_a_further_writer_promotes_columns_and_nothing_else(session: Session, topic: str, producer: Recorder) -> None:
    with StubHttp() as registry:
        newest = schema_answer(json.dumps(avro(FIRST)), subject=f"{topic}-value", version=1, id=1)
        registry.answers = {f"/subjects/{topic}-value/versions/latest": newest,
                            **{f"/schemas/ids/{i}": schema_answer(json.dumps(avro(f))) for i, f in ((1, FIRST), (2, SECOND))}}
        producer.produce(topic, [written(1, FIRST, {"id": 1, "f": 1.5, "price": Decimal("1.25")})])
        source(session, topic, f", FORMAT avro, SCHEMA_REGISTRY '{registry.url}'")
        sink(session)
        flush(session)
        assert types(session, "id", "f", "price") == ["INTEGER", "FLOAT", "DECIMAL(6,2)"]
        producer.produce(topic, [written(1, FIRST, {"id": 2, "f": 2.5, "price": Decimal("2.25")})])
        caught_up(session)
        big = {"id": 5_000_000_000, "f": 0.1, "price": Decimal("1234567890.25"), "who": {"name": "ann"}}
        producer.produce(topic, [written(2, SECOND, big), written(1, FIRST, {"id": 4, "f": 4.5, "price": Decimal("4.25")})])
        caught_up(session)
        assert types(session, "id", "f", "price", "who") == ["BIGINT", "DOUBLE", "DECIMAL(12,2)", 'STRUCT("name" VARCHAR)']
        expected = [(1, 1.5, Decimal("1.25"), None), (2, 2.5, Decimal("2.25"), None), (4, 4.5, Decimal("4.25"), None),
                    (5_000_000_000, 0.1, Decimal("1234567890.25"), "ann")]
        assert rows(session, "SELECT id, f, price, who.name FROM s ORDER BY id") == expected
        flush(session)
        assert rows(session, "SELECT id, f, price, who.name FROM lake.s ORDER BY id") == expected
        registry.answers["/schemas/ids/3"] = schema_answer(json.dumps(avro(THIRD)))
        producer.produce(topic, [written(3, THIRD, {"id": "text", "f": 1.0})])
        caught_up(session)
        assert types(session, "id") == ["BIGINT"]
        assert rows(session, "SELECT code FROM kshell.errors") == [("TYPE_MISFIT",)]


# ---- another engine changes the table --------------------------------------------------------------------------------

@pytest.fixture
def foreign(tmp_path: Path) -> Callable[[Callable[[Any], object]], None]:
    """Changes the schema as another engine would."""
    def change(how: Callable[[Any], object]) -> None:
        lake = open_catalog("local", "local", data_dir=tmp_path / "data")
        with lake.load(("web", "s")).update_schema(allow_incompatible_changes=True) as update:
            how(update)
        lake.close()

    return change


def look(session: Session) -> None:
    session.sql("REFRESH SINK k")


def test_columns_that_others_add_or_widen_are_accepted(session: Session, topic: str, put: Put,
                                                       foreign: Callable[[Callable[[Any], object]], None]) -> None:
    put({"id": 1, "f": 1.5, "s": {"a": 1}})
    source(session, topic, columns="(id INTEGER, f FLOAT, s STRUCT(a INTEGER))")
    sink(session)
    flush(session)
    put({"id": 2, "f": 2.5, "s": {"a": 2}})
    caught_up(session)

    def widen(update: Any) -> None:
        update.update_column("id", LongType())
        update.update_column("f", DoubleType())
        update.update_column("s.a", LongType())
        update.add_column("theirs", StringType())
        update.add_column(("s", "b"), StringType())

    foreign(widen)
    flush(session)
    assert types(session, "id", "f", "theirs", "s") == ["BIGINT", "DOUBLE", "VARCHAR", "STRUCT(a BIGINT, b VARCHAR)"]
    put({"id": 5_000_000_000, "f": 3.5, "s": {"a": 3}})
    caught_up(session)
    flush(session)
    assert rows(session, "SELECT id, s.a FROM lake.s ORDER BY id") == [(1, 1), (2, 2), (5_000_000_000, 3)]
    assert rows(session, "CHECK SINK k")[0][-1] == "ok"


@pytest.mark.parametrize(("how", "back"), [
    (lambda update: update.delete_column("url"), lambda update: update.add_column("url", StringType())),
    (lambda update: update.rename_column("url", "link"), lambda update: update.rename_column("link", "url"))])
def test_a_column_that_others_drop_or_rename_stops_the_sink(session: Session, topic: str, put: Put, how: Any, back: Any,
                                                            foreign: Callable[[Callable[[Any], object]], None]) -> None:
    put({"id": 1, "url": "/a"})
    source(session, topic)
    sink(session)
    flush(session)
    foreign(how)
    put({"id": 2, "url": "/b"})
    caught_up(session)
    with pytest.raises(Stop, match="COLUMN_MISSING") as caught:
        flush(session)
    assert "Column url of local.web.s was dropped or renamed by another writer." in caught.value.message
    assert one(session, "SELECT state FROM kshell.sinks") == "COLUMN_MISSING"
    foreign(back)
    session.sql("RESUME SINK k")
    flush(session)
    assert rows(session, "SELECT id, url FROM lake.s WHERE id = 2") == [(2, "/b")]
    assert rows(session, "CHECK SINK k")[0][-1] == "ok"


def test_a_column_that_others_make_required_stops_the_sink(session: Session, topic: str, put: Put,
                                                           foreign: Callable[[Callable[[Any], object]], None]) -> None:
    put({"id": 1})
    source(session, topic)
    sink(session)
    flush(session)
    foreign(lambda update: update.add_column("region", StringType()))
    foreign(lambda update: update.update_column("region", required=True))
    put({"id": 2})
    caught_up(session)
    with pytest.raises(Stop, match=r"Table local\.web\.s requires column region, which the source does not have"):
        flush(session)
    assert one(session, "SELECT state FROM kshell.sinks") == "SCHEMA_REFUSED"
    foreign(lambda update: update.update_column("region", required=False))
    session.sql("RESUME SINK k")
    flush(session)
    assert rows(session, "SELECT id FROM lake.s ORDER BY id") == [(1,), (2,)]



def test_a_field_that_comes_while_the_sink_opens_is_in_the_table_too(session: Session, topic: str, put: Put,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has been made and the views do not show it yet."""
    put({"id": 1})
    source(session, topic)
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", "publish.before_begin=sleep:2@1")
    opening = threading.Thread(target=sink, args=(session,))
    opening.start()
    tables = Path(session._context.data_dir) / "iceberg" / "warehouse" / "web"
    wait_until(lambda: (tables / "s__errors").exists())
    put({"id": 2, "who": "b"})
    opening.join(30)
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == 2)
    flush(session)
    assert rows(session, "SELECT id, who FROM lake.s ORDER BY id") == [(1, None), (2, "b")]
