"""After a commit readers see each row once: live or in the lake, never both, never neither."""

from __future__ import annotations

import threading

import pytest

from kshell.buffer.values import Lake, Outlet
from kshell.columns import Column
from kshell.engine import Engine
from kshell.errors import ConflictError
from tests.buffer.conftest import COLUMNS, FROM, Filler, TableLake, make, offsets

P0, P1 = ("orders", 0), ("orders", 1)


def test_rows_are_visible_as_soon_as_they_are_appended(engine: Engine) -> None:
    buffer = make(engine)
    buffer.cover({P0: 5})
    Filler(engine, buffer).rows(P0, 3)
    assert offsets(engine, "live.orders") == [5, 6, 7]
    assert engine.cursor().execute("SELECT DISTINCT _tier FROM orders").fetchall() == [("live",)]
    assert buffer.decoded() == {P0: 8}


def test_a_commit_moves_rows_from_live_to_lake_and_the_union_stays_the_same(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0, P1: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    filler.rows(P1, 4)
    buffer.attach(FROM)
    buffer.seal()
    filler.rows(P0, 5)
    flushed = buffer.sealed("orders_lake")
    assert buffer.publish(sink="orders_lake", cut={P0: 10, P1: 4}, lake=lake.commit(flushed, {}), drop=flushed)
    assert offsets(engine, "orders") == list(range(15))
    assert offsets(engine, "live.orders") == list(range(10, 15))
    assert offsets(engine, "lake.orders") == list(range(10))
    assert buffer.sealed("orders_lake") == []
    assert engine.cursor().execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'kshell_buffer'").fetchall() == [(1,)]


def test_a_straddled_segment_shows_only_what_the_lake_lacks(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0, P1: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    filler.rows(P1, 10)
    buffer.attach(FROM)
    lake.cursor.execute("""INSERT INTO fake.data BY NAME SELECT *, 1 AS snapshot FROM live.orders
                           WHERE _kafka_partition = 0 AND _kafka_offset < 4""")
    assert buffer.publish(sink="orders_lake", cut={P0: 4, P1: -1}, lake=lake.at(1))
    assert offsets(engine, "live.orders") == list(range(4, 10))
    assert offsets(engine, "live.orders", 1) == list(range(10))
    assert offsets(engine, "orders") == list(range(10))
    assert (buffer.rows, buffer.pending("orders_lake")[0]) == (16, 16), "rows that the table has are counted as waiting"


def test_the_open_segment_is_straddled_too_and_dropped_when_all_of_it_is_committed(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    buffer.attach(FROM)
    lake.cursor.execute("INSERT INTO fake.data BY NAME SELECT *, 1 AS snapshot FROM live.orders")
    assert buffer.publish(sink="orders_lake", cut={P0: 10}, lake=lake.at(1))
    assert offsets(engine, "live.orders") == []
    filler.rows(P0, 2)
    assert offsets(engine, "orders") == list(range(12))


def test_others_committed_beyond_what_is_decoded(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0, P1: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    filler.rows(P1, 3)
    buffer.attach(FROM)
    lake.cursor.execute("""INSERT INTO fake.data SELECT range, 'n' || range, 0, range, now(), NULL, 1 FROM range(40)""")
    assert buffer.publish(sink="orders_lake", cut={P0: 40, P1: 0}, lake=lake.at(1))
    assert buffer.take_seeks() == {P0: 40}
    assert buffer.decoded() == {P0: 40, P1: 3}
    filler.rows(P0, 5)
    assert offsets(engine, "orders") == list(range(45))
    assert offsets(engine, "orders", 1) == [0, 1, 2]


def test_a_buffer_that_begins_after_the_commit_is_read_from_there_before_views_change(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 50})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    buffer.attach(FROM)
    lake.cursor.execute("""INSERT INTO fake.data SELECT range, 'n' || range, 0, range, now(), NULL, 1 FROM range(20)""")
    assert not buffer.publish(sink="orders_lake", cut={P0: 20}, lake=lake.at(1))
    assert buffer.take_seeks() == {P0: 20}
    assert offsets(engine, "orders") == list(range(50, 60))
    assert buffer.reading_gap() == {P0: (20, 60)}
    filler.rows(P0, 30)
    assert offsets(engine, "orders") == list(range(50, 60)), "no row vanishes, none appears before the cut is covered"
    filler.rows(P0, 15)
    assert buffer.reading_gap() == {}
    assert offsets(engine, "orders") == list(range(65))
    assert offsets(engine, "lake.orders") == list(range(20))


def test_segments_read_for_a_gap_can_be_committed_before_they_are_shown(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 50})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    buffer.attach(FROM)
    buffer.publish(sink="orders_lake", cut={P0: 0}, lake=lake.commit([], {}))
    filler.rows(P0, 30)
    buffer.seal()
    flushed = buffer.sealed("orders_lake")
    assert [s.ranges[P0].lo for s in flushed] == [0]
    assert not buffer.publish(sink="orders_lake", cut={P0: 30}, lake=lake.commit(flushed, {}))
    assert buffer.sealed("orders_lake") == []
    filler.rows(P0, 30)
    assert offsets(engine, "orders") == list(range(60))
    assert offsets(engine, "lake.orders") == list(range(30))


def test_a_cut_below_what_is_being_read_again_is_read_from_there_as_well(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 50})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    buffer.attach(FROM)
    buffer.reread({})
    assert not buffer.publish(sink="orders_lake", cut={P0: 20}, lake=lake.commit([], {}))
    assert buffer.take_seeks() == {P0: 20}
    filler.rows(P0, 40)
    assert offsets(engine, "orders") == list(range(20, 60))


def test_a_partition_that_left_before_its_first_commit_is_no_step_back(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0, P1: 0})
    buffer.attach(FROM)
    assert buffer.publish(sink="orders_lake", cut={P0: 0, P1: 0}, lake=lake.commit([], {}))
    buffer.forget([P1])
    assert buffer.publish(sink="orders_lake", cut={P0: 0}, lake=lake.at(1))
def test_offsets_that_are_used_again_are_not_waited_for(engine: Engine) -> None:
    """The log of P0 was cut to 5; another sink has not gone back yet."""
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0, P1: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 20)
    filler.rows(P1, 4)
    buffer.attach(FROM)
    buffer.attach(Outlet("part", "part", "SELECT * FROM orders"))
    buffer.publish(sink="part", cut={P0: 20, P1: 0}, lake=Lake(None, COLUMNS))
    buffer.reread({P0: 5}, again=[P0])
    assert buffer.take_seeks() == {P0: 5, P1: 0}
    assert not buffer.publish(sink="orders_lake", cut={P0: 5, P1: 2}, lake=lake.commit([], {}))
    assert buffer.reading_gap() == {P1: (0, 4)}, "the other partition's rows do not vanish"
    filler.rows(P1, 4)
    assert (buffer.reading_gap(), buffer.decoded()) == ({}, {P0: 5, P1: 4})
    assert (offsets(engine, "live.orders"), offsets(engine, "live.orders", 1)) == ([], [2, 3])
    filler.rows(P0, 3)
    assert offsets(engine, "live.orders") == [5, 6, 7]


def test_what_another_sink_needs_is_read_again_too(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 50, P1: 50})
    buffer.attach(FROM)
    buffer.publish(sink="orders_lake", cut={P0: 50, P1: 20}, lake=lake.commit([], {}))
    buffer.reread({P0: 60})
    assert buffer.take_seeks() == {P0: 60, P1: 20}, "a gap that was being read goes on being read"


def test_a_cut_below_the_published_one_is_refused(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0})
    Filler(engine, buffer).rows(P0, 10)
    buffer.attach(FROM)
    buffer.seal()
    buffer.publish(sink="orders_lake", cut={P0: 10}, lake=lake.commit(buffer.sealed(), {}))
    with pytest.raises(ConflictError, match="ROLLED_BACK"):
        buffer.publish(sink="orders_lake", cut={P0: 5}, lake=lake.at(1))
    assert offsets(engine, "orders") == list(range(10))


def test_what_was_ordered_back_goes_forward_again_while_it_is_being_read(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 10)
    buffer.attach(FROM)
    buffer.seal()
    buffer.publish(sink="orders_lake", cut={P0: 10}, lake=lake.commit(buffer.sealed(), {}))
    filler.rows(P0, 5)
    assert not buffer.publish(sink="orders_lake", cut={P0: 2}, lake=lake.at(1), rewound=True)
    filler.rows(P0, 6)
    assert not buffer.publish(sink="orders_lake", cut={P0: 8}, lake=lake.at(1)), "refused as a rollback"
    with pytest.raises(ConflictError, match="ROLLED_BACK"):
        buffer.publish(sink="orders_lake", cut={P0: 7}, lake=lake.at(1))


def test_a_type_that_differs_is_not_published(engine: Engine) -> None:
    buffer = make(engine)
    lake = TableLake(engine, (Column("id", "VARCHAR"), *COLUMNS[1:]))
    buffer.cover({P0: 0})
    Filler(engine, buffer).rows(P0, 2)
    buffer.attach(FROM)
    with pytest.raises(ConflictError, match="TYPE_MISMATCH: column id is BIGINT live and VARCHAR in the table"):
        buffer.publish(sink="orders_lake", cut={P0: 0}, lake=lake.at(0))
    assert offsets(engine, "orders") == [0, 1]
    assert engine.cursor().execute("SELECT count(*) FROM duckdb_views() WHERE schema_name = 'lake' AND NOT internal").fetchall() == [(0,)]


def test_live_takes_the_tables_columns_order_and_wider_types(engine: Engine) -> None:
    buffer = make(engine, columns=(Column("id", "INTEGER"), *COLUMNS[1:]))
    table = (Column("extra", "STRUCT(a INTEGER)"), *COLUMNS[2:], Column("name", "VARCHAR"), Column("id", "BIGINT"))
    lake = TableLake(engine, table)
    buffer.cover({P0: 0})
    Filler(engine, buffer).rows(P0, 2)
    buffer.attach(FROM)
    assert buffer.publish(sink="orders_lake", cut={P0: 0}, lake=lake.at(0))
    described = {r: engine.cursor().execute(f"DESCRIBE {r}.orders").fetchall() for r in ("live", "lake")}
    assert described["live"] == described["lake"]
    assert [row[0] for row in described["live"]] == ["extra", "name", "id", *(c.name for c in COLUMNS[2:])]
    assert engine.cursor().execute("SELECT extra, id, name FROM orders ORDER BY id").fetchall() == [(None, 0, "n0"), (None, 1, "n1")]


def test_a_table_without_a_snapshot_is_an_empty_lake(engine: Engine) -> None:
    buffer = make(engine)
    buffer.cover({P0: 0})
    Filler(engine, buffer).rows(P0, 2)
    buffer.attach(FROM)
    assert buffer.publish(sink="orders_lake", cut={}, lake=Lake(None, COLUMNS))
    assert offsets(engine, "lake.orders") == []
    assert offsets(engine, "orders") == [0, 1]


def test_detaching_a_sink_leaves_the_live_rows_and_no_lake(engine: Engine) -> None:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0})
    filler = Filler(engine, buffer)
    filler.rows(P0, 4)
    buffer.attach(FROM)
    buffer.seal()
    buffer.publish(sink="orders_lake", cut={P0: 4}, lake=lake.commit(buffer.sealed(), {}))
    filler.rows(P0, 3)
    buffer.detach("orders_lake")
    assert offsets(engine, "orders") == [4, 5, 6]
    assert engine.cursor().execute("SELECT count(*) FROM duckdb_views() WHERE schema_name = 'lake' AND NOT internal").fetchall() == [(0,)]


def _prefix_errors(engine: Engine, query: str, stop: threading.Event, errors: list[object], reads: list[int]) -> None:
    """V3: count = distinct offsets = the prefix up to the maximum, which never falls."""
    cursor, before = engine.cursor(), 0
    while not stop.is_set():
        count, distinct, top = cursor.execute(query).fetchall()[0]
        if not count == distinct == (top or 0) or (top or 0) < before:
            errors.append((count, distinct, top))
        before = top or 0
        reads.append(count)


UNION = "SELECT count(*), count(DISTINCT _kafka_offset), max(_kafka_offset) + 1 FROM orders"
NAIVE = """SELECT count(*), count(DISTINCT _kafka_offset), max(_kafka_offset) + 1 FROM
           (FROM live.orders UNION ALL SELECT * EXCLUDE (snapshot) FROM fake.data)"""


def _under_fire(engine: Engine, query: str, flushes: int) -> tuple[list[object], list[int]]:
    buffer, lake = make(engine), TableLake(engine)
    buffer.cover({P0: 0})
    buffer.attach(FROM)
    buffer.publish(sink="orders_lake", cut={P0: 0}, lake=lake.at(0))
    filler = Filler(engine, buffer)
    stop, errors, reads = threading.Event(), [], []
    readers = [threading.Thread(target=_prefix_errors, args=(engine, query, stop, errors, reads)) for _ in range(2)]
    ingest = threading.Thread(target=lambda: [filler.rows(P0, 500) for _ in iter(stop.is_set, True)])
    for thread in (*readers, ingest):
        thread.start()
    try:
        for _ in range(flushes):
            buffer.seal()
            flushed = buffer.sealed("orders_lake")
            cut = {P0: flushed[-1].ranges[P0].hi} if flushed else {P0: 0}
            buffer.publish(sink="orders_lake", cut=cut if flushed else _cut(buffer), lake=lake.commit(flushed, cut))
    finally:
        stop.set()
        for thread in (*readers, ingest):
            thread.join(30)
    return errors, reads


def _cut(buffer: object) -> dict[tuple[str, int], int]:
    return {tp: state.cut or 0 for tp, state in buffer.partitions().items()}  # type: ignore[attr-defined]


def test_readers_under_fire_see_each_row_once(engine: Engine) -> None:
    errors, reads = _under_fire(engine, UNION, 40)
    assert errors == []
    assert len(reads) > 20


def test_the_naive_union_fails_the_same_harness(engine: Engine) -> None:
    errors, _ = _under_fire(engine, NAIVE, 40)
    assert errors
