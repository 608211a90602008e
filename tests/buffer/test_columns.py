"""Columns that come later: what an append left behind when it was taken back has neither their place nor stands in anybody's way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kshell.buffer.buffer import Buffer
from kshell.buffer.generation import Filled
from kshell.buffer.meter import Meter
from kshell.buffer.values import Segment
from kshell.columns import Column
from kshell.engine import Engine
from tests.buffer.conftest import COLUMNS, FROM, Filler, TableLake, make, offsets

P0 = ("orders", 0)
WIDER = (Column("id", "BIGINT"), Column("name", "VARCHAR"), Column("more", "BIGINT"), *COLUMNS[2:])


def fail(segment: Segment, meter: Meter) -> Filled:
    raise ValueError(segment.table)


@pytest.fixture
def buffer(engine: Engine) -> Buffer:
    """With an open segment that is empty."""
    buffer = make(engine)
    buffer.cover({P0: 0})
    with pytest.raises(ValueError, match="orders_1"):
        buffer.append(engine.cursor(), {P0: (0, 5)}, 5, fail)
    return buffer


def test_rows_with_a_further_column_go_into_a_segment_that_has_it(engine: Engine, buffer: Buffer) -> None:
    buffer.set_columns(WIDER)
    Filler(engine, buffer).rows(P0, 3, payload="_kafka_offset AS id, 'n' AS name, 7 AS more")
    assert engine.cursor().execute("SELECT id, more FROM orders ORDER BY id").fetchall() == [(0, 7), (1, 7), (2, 7)]
    tables = engine.cursor().execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'kshell_buffer'").fetchall()
    assert tables == [("orders_2",)]


def _jump(engine: Engine, buffer: Buffer) -> None:
    buffer.jump(P0, 9)


def _commit_ahead(engine: Engine, buffer: Buffer) -> None:
    lake = TableLake(engine)
    buffer.attach(FROM)
    buffer.publish(sink=FROM.sink, cut={P0: 9}, lake=lake.at(0))


@pytest.mark.parametrize("move", [_jump, _commit_ahead])
def test_a_position_moves_on_past_it(engine: Engine, buffer: Buffer, move: Callable[[Engine, Buffer], None]) -> None:
    move(engine, buffer)
    assert buffer.decoded() == {P0: 9}
    Filler(engine, buffer).rows(P0, 2)
    assert offsets(engine, "live.orders") == [9, 10]
