"""Whatever columns a decoder makes: its rows are equal in the segment and in the table, and so are the types, also after they grew."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.buffer.views import shape
from kshell.columns import Column, column_list
from kshell.decode import make
from kshell.decode.types import Type, printed
from kshell.engine import Engine
from kshell.iceberg.catalogs import open_catalog
from kshell.iceberg.create import create_sink
from kshell.iceberg.evolve import evolve
from kshell.iceberg.schema import iceberg_type
from tests.decode import protobuf_random
from tests.decode.protobuf_support import decoder, message
from tests.decode.support import batch
from tests.iceberg.conftest import HASTE, TOPIC, Pipe, facts, sink_spec
from tests.iceberg.journey import META, flush, same, segment
from tests.iceberg.random_types import allowed, grown, record, type_of

ROWS = 8


@pytest.mark.fault("F36")
@given(seed=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_and_types_are_equal_live_and_in_the_lake_also_after_they_grew(engine: Engine, seed: int) -> None:
    random = Random(seed)
    first = {f"c{i}": type_of(random) for i in range(random.randint(1, 5))}
    later = {name: grown(type_, random) for name, type_ in first.items()} | {"later": type_of(random)}
    with tempfile.TemporaryDirectory() as folder:
        _job(engine.export_cursor(), Path(folder), first, later, random)


def _job(cursor: duckdb.DuckDBPyConnection, folder: Path, first: dict[str, Type], later: dict[str, Type], random: Random) -> None:
    lake = open_catalog("sql", "ice", f"sqlite:///{folder}/cat.db", f"file://{folder}/wh")
    try:
        columns, grew = _columns(first), _columns(later)
        spec = sink_spec(columns=(*columns, *META), errors_table=None)
        created = create_sink(lake, spec, facts(), lambda: {(TOPIC, 0): 0, (TOPIC, 1): 0}, HASTE)
        pipe = Pipe(lake, spec, created, created.head)
        _put(cursor, "one", columns, [record(first, random) for _ in range(ROWS)], 0)
        flush(cursor, pipe, "one", 0, columns)
        same(cursor, pipe, columns, "FROM one")
        _, held = evolve(lake, created.sink, lambda _: grew)
        assert {c.name: c.type for c in held if c.name in later} == {c.name: c.type for c in grew}
        pipe.head = pipe.again(columns=(*grew, *META)).head
        _put(cursor, "two", grew, [record(later, random) for _ in range(ROWS)], ROWS)
        flush(cursor, pipe, "two", ROWS, grew)
        same(cursor, pipe, grew, f"SELECT {shape((*columns, *META), (*grew, *META))} FROM one"
                                  f" UNION ALL SELECT {column_list((*grew, *META))} FROM two")
    finally:
        lake.close()


def _columns(types: dict[str, Type]) -> tuple[Column, ...]:
    return tuple(Column(name, printed(type_)) for name, type_ in types.items())


def _put(cursor: duckdb.DuckDBPyConnection, name: str, columns: Sequence[Column], records: Sequence[str], at: int) -> None:
    table, bad = make("json", "raw", columns).judge(batch(records, first=at))
    assert bad == []
    assert all(allowed(field.type) for field in table.schema)
    segment(cursor, name, columns, table)


@pytest.mark.fault("F36")
@given(seed=st.integers(0, 2**32), syntax=st.sampled_from(["proto2", "proto3"]))
@settings(max_examples=40, deadline=None)
def test_what_a_schema_makes_is_within_the_types_of_a_table(seed: int, syntax: str) -> None:
    random = Random(seed)
    schema = protobuf_random.schema(random, syntax)
    made = decoder(schema)
    kind = message(schema)
    table, bad = made.judge(batch([b"\0\0\0\0\x07\0" + protobuf_random.fill(kind(), random).SerializeToString() for _ in range(ROWS)]))
    assert bad == []
    assert all(allowed(field.type) for field in table.schema)
    for column in made.columns:
        iceberg_type(column.type)
    cursor = duckdb.connect(config={"threads": "1"})
    try:
        segment(cursor, "segment", made.columns, table)
        assert cursor.execute("SELECT count(*) FROM segment").fetchall() == [(ROWS,)]
    finally:
        cursor.close()
