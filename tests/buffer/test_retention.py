"""A ring keeps the newest rows within its limits and counts what it lets go; a buffer with a sink lets nothing go."""

from __future__ import annotations

import pytest

from kshell.buffer.budget import Budget
from kshell.buffer.values import BadRow, Outlet
from kshell.columns import Column, metadata_columns
from kshell.engine import Engine
from kshell.errors import InternalError
from tests.buffer.conftest import COLUMNS, FROM, Clock, Filler, TableLake, make, offsets

P0 = ("orders", 0)
BAD = BadRow("orders", 0, 3, None, None, None, b"x" * 1000, None, "JSON_SYNTAX", "no", 0)


def test_the_oldest_segments_go_when_there_are_too_many_rows(engine: Engine) -> None:
    buffer = make(engine, retain_rows=1000)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    for _ in range(40):
        filler.rows(P0, 50)
    kept = offsets(engine, "orders")
    assert kept == list(range(2000 - len(kept), 2000))
    assert 800 < len(kept) <= 1000
    assert (buffer.evicted_rows, buffer.rows) == (2000 - len(kept), len(kept))
    assert buffer.partitions()[P0].start == kept[0]


def test_the_oldest_segments_go_when_there_are_too_many_bytes(engine: Engine) -> None:
    buffer = make(engine, retain_bytes=4_000_000)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    for _ in range(60):
        filler.rows(P0, 2000, payload="_kafka_offset AS id, repeat('x', 100) || _kafka_offset AS name")
        assert buffer.bytes <= 4_600_000
    assert buffer.evicted_rows > 0
    assert buffer.rows > 5000


def test_rows_older_than_the_time_limit_go_without_further_input(engine: Engine) -> None:
    clock = Clock()
    buffer = make(engine, retain_time_s=60.0, clock=clock)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10, at_us=int(clock.now * 1e6))
    clock.now += 30
    buffer.tick()
    filler.rows(P0, 10, at_us=int(clock.now * 1e6))
    clock.now += 45
    buffer.tick()
    assert offsets(engine, "orders") == list(range(10, 20))
    clock.now += 60
    buffer.tick()
    buffer.tick()
    assert offsets(engine, "orders") == []


def test_a_segment_is_sealed_by_age_only_without_a_sink_and_when_it_is_worth_it(engine: Engine) -> None:
    clock = Clock()
    buffer = make(engine, clock=clock)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    clock.now += 61
    buffer.tick()
    assert buffer.sealed() == []
    filler.rows(P0, 10_000)
    buffer.tick()
    assert [s.rows for s in buffer.sealed()] == [10_010]
    filler.rows(P0, 10_000)
    buffer.attach(FROM)
    clock.now += 61
    buffer.tick()
    assert len(buffer.sealed()) == 1


def test_with_a_sink_pressure_rises_and_nothing_goes(engine: Engine) -> None:
    buffer = make(engine, retain_rows=1000)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    assert buffer.pressure() == 0.0
    buffer.attach(FROM)
    for _ in range(30):
        filler.rows(P0, 50)
    assert buffer.pressure() == pytest.approx(1.5)
    assert offsets(engine, "orders") == list(range(1500))
    assert buffer.pending("orders_lake")[0] == 1500


def test_a_commit_takes_the_pressure_away(engine: Engine) -> None:
    buffer, lake = make(engine, retain_rows=1000), TableLake(engine)
    buffer.cover({P0: 0})
    buffer.attach(FROM)
    Filler(engine, buffer).rows(P0, 1000)
    buffer.seal()
    buffer.publish(sink="orders_lake", cut={P0: 1000}, lake=lake.commit(buffer.sealed(), {}))
    assert (buffer.pressure(), buffer.rows, buffer.bytes) == (0.0, 0, 0)


def test_the_limit_of_all_sources_evicts_rings_and_stops_sinks(engine: Engine) -> None:
    budget = Budget(6_000_000)
    ring = make(engine, "ring", budget=budget)
    sink = make(engine, "other", budget=budget)
    ring.cover({P0: 0})
    sink.cover({P0: 0})
    sink.attach(Outlet("s", "other"))
    fill_ring, fill_sink = Filler(engine, ring), Filler(engine, sink)
    payload = "_kafka_offset AS id, repeat('x', 100) || _kafka_offset AS name"
    for _ in range(10):
        fill_ring.rows(P0, 2000, payload=payload)
        ring.seal()
    assert budget.used_bytes() <= 6_000_000
    before = ring.rows
    for _ in range(40):
        fill_sink.rows(P0, 2000, payload=payload)
    assert sink.pressure() > 1.0
    ring.tick()
    assert ring.rows < before
    assert sink.rows == 80_000


def test_bad_records_count_and_leave_with_their_segment(engine: Engine) -> None:
    buffer = make(engine)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 3)
    before = buffer.bytes
    filler.rows(P0, 1, bad=[BAD])
    assert buffer.bytes - before > 1000
    segment = buffer.seal()
    assert segment is not None
    assert segment.bad == [BAD]


def test_a_seal_without_movement_is_nothing(engine: Engine) -> None:
    buffer = make(engine)
    buffer.cover({P0: 0})
    assert buffer.seal() is None
    buffer.advance({P0: (0, 4)})
    segment = buffer.seal()
    assert segment is not None
    assert (segment.rows, segment.ranges[P0].lo, segment.ranges[P0].hi) == (0, 0, 4)
    assert buffer.seal() is None


def test_an_append_that_does_not_join_is_refused_and_leaves_nothing(engine: Engine) -> None:
    buffer = make(engine)
    buffer.cover({P0: 5})
    with pytest.raises(InternalError, match=r"a range \[7, 9\) does not join 5"):
        buffer.advance({P0: (7, 9)})
    filler = Filler(engine, buffer)
    with pytest.raises(ZeroDivisionError):
        buffer.append(filler.cursor, {P0: (5, 6)}, 1, lambda segment, meter: 1 // 0)
    assert buffer.decoded() == {P0: 5}
    filler.rows(P0, 1)
    assert offsets(engine, "orders") == [5]


def test_forgotten_partitions_show_no_rows_and_others_stay(engine: Engine) -> None:
    buffer = make(engine)
    p1 = ("orders", 1)
    buffer.cover({P0: 0, p1: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 3)
    filler.rows(p1, 3)
    buffer.forget([P0])
    assert offsets(engine, "orders") == []
    assert offsets(engine, "orders", 1) == [0, 1, 2]
    assert buffer.decoded() == {p1: 3}
    filler.rows(p1, 2)
    assert offsets(engine, "orders", 1) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("payload", "columns"), [
    ("_kafka_offset AS id, 'name ' || _kafka_offset AS name", COLUMNS),
    ("_kafka_offset AS id, repeat('x', 300) || _kafka_offset AS name", COLUMNS),
    ("{'x': _kafka_offset, 'y': 'abc' || _kafka_offset, 'z': [1::BIGINT, 2, 3]} AS n, [_kafka_offset, 1] AS l",
     (Column("n", "STRUCT(x BIGINT, y VARCHAR, z BIGINT[])"), Column("l", "BIGINT[]"), *metadata_columns())),
])
def test_the_estimate_is_what_duckdb_takes(engine: Engine, payload: str, columns: tuple[Column, ...]) -> None:
    buffer = make(engine, columns=columns)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    for _ in range(5):
        filler.rows(P0, 20_000, payload=payload)
    memory = "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag IN ('IN_MEMORY_TABLE', 'OVERFLOW_STRINGS')"
    real = float(engine.cursor().execute(memory).fetchall()[0][0])
    assert buffer.bytes / real == pytest.approx(1.0, abs=0.5)
