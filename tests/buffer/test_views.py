"""What readers may ask of a source: its views and its table function, under any name, at the price of the rows they need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kshell.buffer.buffer import Buffer
from kshell.buffer.generation import Filled
from kshell.buffer.values import Lake, Outlet
from kshell.columns import Column, literal, metadata_columns, quote
from kshell.engine import Engine
from tests.buffer.conftest import COLUMNS, FROM, Filler, TableLake, make, offsets

P0, P1 = ("orders", 0), ("orders", 1)
HOSTILE = ['a"b', "select", "a b", "é", "x'; DROP TABLE y; --", "a\nb", "{view:i}", "1", "A.B", "-- c\nSELECT 1"]


def plan(engine: Engine, query: str) -> tuple[set[str], list[str]]:
    """(operators, the filters of each table scan)."""
    top = json.loads(engine.cursor().execute(f"EXPLAIN (FORMAT json) {query}").fetchall()[0][1])
    nodes = list(_nodes(top))
    scans = [str(n["extra_info"].get("Filters", "")) for n in nodes if n["name"].strip() == "SEQ_SCAN"]
    return {n["name"].strip() for n in nodes}, scans


def _nodes(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        yield from _nodes(node["children"])


def tables(engine: Engine, query: str) -> str:
    return str(engine.cursor().execute(f"EXPLAIN (FORMAT json) {query}").fetchall()[0][1])


def ask(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    return engine.cursor().execute(query).fetchall()


@pytest.fixture
def both(engine: Engine) -> Buffer:
    """Offsets 0-9 of both partitions in the lake, 10-14 live; offset o was written o seconds after the first."""
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0, P1: 0})
    filler = Filler(engine, buffer)
    buffer.attach(FROM)
    for tp in (P0, P1):
        for o in range(10):
            filler.rows(tp, 1, at_us=1_700_000_000_000_000 + o * 1_000_000)
    buffer.seal()
    buffer.publish(sink="orders_lake", cut={P0: 10, P1: 10}, lake=lake.commit(buffer.sealed(), {}))
    for tp in (P0, P1):
        for o in range(10, 15):
            filler.rows(tp, 1, at_us=1_700_000_000_000_000 + o * 1_000_000)
    return buffer


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_only_a_name(engine: Engine, name: str) -> None:
    columns = (Column(name + "_c", "BIGINT"), *metadata_columns())
    buffer = Buffer(engine, name, columns, retain_bytes=1_000_000)
    buffer.cover({(name, 0): 0})
    Filler(engine, buffer).rows((name, 0), 3, payload="_kafka_offset")
    assert ask(engine, f"SELECT count(*), sum({quote(name + '_c')}) FROM {quote(name)}") == [(3, 3)]
    assert ask(engine, f"SELECT count(*) FROM {quote(name)}(start := 1)") == [(2,)]
    buffer.close()
    left = ask(engine, f"SELECT count(*) FROM duckdb_views() WHERE view_name = {literal(name)}")
    assert left == [(0,)]
    assert ask(engine, "SELECT count(*) FROM duckdb_tables()") == [(0,)]


def test_several_topics_are_cut_each_at_its_own_position(engine: Engine) -> None:
    columns = COLUMNS[:2] + metadata_columns(["topic"])
    buffer, lake = make(engine, columns=columns, multi_topic=True), TableLake(engine, columns)
    a, b = ("it's", 0), ("b", 0)
    buffer.cover({a: 0, b: 0})
    filler = Filler(engine, buffer)
    payload = "_kafka_offset AS id, 'x' AS name"
    for tp in (a, b):
        lo = buffer.decoded()[tp]
        filler.buffer.append(filler.cursor, {tp: (lo, 10)}, 10, lambda segment, meter, tp=tp: _fill(filler, segment, tp, payload))
    buffer.attach(FROM)
    lake.cursor.execute(f"INSERT INTO fake.data BY NAME SELECT *, 1 AS snapshot FROM live.orders WHERE _kafka_topic = {literal(a[0])}")
    buffer.publish(sink="orders_lake", cut={a: 10}, lake=lake.at(1))
    assert ask(engine, "SELECT _kafka_topic, count(*) FROM live.orders GROUP BY ALL") == [("b", 10)]
    assert ask(engine, "SELECT count(*), count(DISTINCT (_kafka_topic, _kafka_offset)) FROM orders") == [(20, 20)]


def _fill(filler: Filler, segment: Any, tp: tuple[str, int], payload: str) -> Any:
    filler.cursor.execute(f"""INSERT INTO {segment.relation} SELECT {payload}, {tp[1]}, range, now(), NULL, {literal(tp[0])}
                              FROM (SELECT range, range AS _kafka_offset FROM range(10))""")
    return Filled({tp: 10}, 500, 1, 1)


def test_the_function_takes_every_argument(engine: Engine, both: Buffer) -> None:
    def count(arguments: str) -> int:
        return int(ask(engine, f"SELECT count(*) FROM orders({arguments})")[0][0])

    assert count("") == 30
    assert count("since := TIMESTAMPTZ '2023-11-14 22:13:32+00'") == 6
    assert count("until := TIMESTAMPTZ '2023-11-14 22:13:22+00'") == 4
    assert count("since := TIMESTAMPTZ '2023-11-14 22:13:21+00', until := TIMESTAMPTZ '2023-11-14 22:13:22+00'") == 2
    assert count("since := INTERVAL '1 second'") == 0
    assert count("since := INTERVAL '100 years'") == 30
    assert count("until := INTERVAL '1 second'") == 30
    assert count('"partition" := 1') == 15
    assert count('"partition" := [0, 1]') == 30
    assert count('"partition" := [7]') == 0
    assert count("start := 12") == 6
    assert count("stop := 3") == 6
    assert count("start := 8, stop := 12") == 8
    assert count("start := MAP {0: 14}") == 16
    assert count("stop := MAP {0: 12, 1: 0}") == 12
    assert count("tier := 'live'") == 10
    assert count("tier := 'lake'") == 20
    assert count("tier := 'live', \"partition\" := 0, start := 14") == 1
    assert ask(engine, "SELECT _kafka_offset FROM orders(last := 3)") == [(14,), (14,), (13,)]
    assert ask(engine, "SELECT _kafka_offset FROM orders(last := 1, stop := 12, \"partition\" := 0)") == [(11,)]


def test_variables_and_parameters_are_arguments_too(engine: Engine, both: Buffer) -> None:
    cursor = engine.cursor()
    cursor.execute("SET VARIABLE since = TIMESTAMPTZ '2023-11-14 22:13:32+00'")
    assert cursor.execute("SELECT count(*) FROM orders(since := getvariable('since'))").fetchall() == [(6,)]
    assert cursor.execute("SELECT count(*) FROM orders(start := ?)", [12]).fetchall() == [(6,)]


def test_the_function_follows_the_view_through_a_hand_over(engine: Engine, both: Buffer) -> None:
    Filler(engine, both).rows(P0, 1)
    assert ask(engine, "SELECT count(*) FROM orders(start := 15)") == [(1,)]


def test_constant_arguments_reach_the_scans(engine: Engine, both: Buffer) -> None:
    bounds = "since := TIMESTAMPTZ '2023-11-14 22:13:25+00', until := TIMESTAMPTZ '2023-11-14 22:13:32+00', start := 5, \"partition\" := 1"
    operators, scans = plan(engine, f"SELECT * FROM orders({bounds})")
    assert len(scans) == 2
    for filters in scans:
        assert "_kafka_timestamp>=" in filters
        assert "_kafka_timestamp<" in filters
        assert "_kafka_partition=1" in filters
        assert "COALESCE" not in filters
    assert any("_kafka_offset>=5" in filters for filters in scans), "all live offsets are above it, which the statistics know"
    assert operators == {"UNION", "PROJECTION", "SEQ_SCAN"}


def test_arguments_left_out_cost_nothing(engine: Engine, both: Buffer) -> None:
    assert plan(engine, "SELECT * FROM orders()") == plan(engine, "SELECT * FROM orders")


def test_a_tier_leaves_the_other_side_out_of_the_plan(engine: Engine, both: Buffer) -> None:
    for query in ("SELECT * FROM orders WHERE _tier = 'live'", "FROM orders(tier := 'live')"):
        assert "kshell_buffer" in tables(engine, query)
        assert "fake" not in tables(engine, query)
    assert "kshell_buffer" not in tables(engine, "SELECT count(*) FROM orders WHERE _tier = 'lake'")


def test_filters_reach_both_sides_of_the_union(engine: Engine, both: Buffer) -> None:
    operators, scans = plan(engine, "SELECT * FROM orders WHERE id >= 5 AND id <= 12")
    assert len(scans) == 2
    assert all("id>=5" in filters and "id<=12" in filters for filters in scans)
    assert "FILTER" not in operators


AS_SELECT = Outlet("big", "big", """SELECT id * 2 AS twice, _kafka_partition, _kafka_offset, _kafka_timestamp, _kafka_key
                                    FROM orders WHERE id >= 3""")
BIG = (Column("twice", "BIGINT"), *metadata_columns())


def test_an_as_select_sink_has_its_own_union_and_its_source_keeps_its_rows(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine, BIG)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    buffer.attach(AS_SELECT)
    assert buffer.publish(sink="big", cut={P0: 0}, lake=lake.at(0))
    assert ask(engine, "SELECT count(*), sum(twice) FROM big") == [(7, 84)]
    buffer.seal()
    lake.cursor.execute("INSERT INTO fake.data BY NAME SELECT *, 1 AS snapshot FROM live.big")
    assert buffer.publish(sink="big", cut={P0: 10}, lake=lake.at(1))
    filler.rows(P0, 2)
    assert offsets(engine, "big") == list(range(3, 12))
    assert offsets(engine, "live.big") == [10, 11]
    assert ask(engine, "SELECT count(*) FROM big(tier := 'lake')") == [(7,)]
    assert offsets(engine, "orders") == list(range(12)), "its source promises a ring, and the rows are still within its limits"
    buffer.detach("big")
    assert ask(engine, "SELECT count(*) FROM duckdb_views() WHERE view_name = 'big'") == [(0,)]


def test_two_sinks_drop_what_both_have_committed(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    buffer.attach(FROM)
    buffer.attach(AS_SELECT)
    buffer.seal()
    segments = buffer.sealed("orders_lake")
    assert buffer.publish(sink="orders_lake", cut={P0: 10}, lake=lake.commit(segments, {}))
    assert buffer.sealed("orders_lake") == []
    assert buffer.sealed("big") == segments, "the other sink still needs it"
    assert offsets(engine, "orders") == list(range(10))
    engine.cursor().execute("CREATE SCHEMA other; CREATE TABLE other.big AS SELECT NULL::BIGINT AS twice")
    assert buffer.publish(sink="big", cut={P0: 10}, lake=Lake(None, BIG))
    assert buffer.sealed("big") == []
    assert ask(engine, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'kshell_buffer'") == [(0,)]
