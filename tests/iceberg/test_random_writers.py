"""Records of writers' schemas, from the bytes to the table: equal rows and types at both ends, also after a later writer has promoted
numbers and added fields everywhere, below records that are NULL too."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.buffer.views import shape
from kshell.columns import Column, column_list
from kshell.decode import Decoder, infer_schema, make
from kshell.decode.schema_types import recalled
from kshell.decode.types import of
from kshell.engine import Engine
from kshell.iceberg.catalogs import open_catalog
from kshell.iceberg.create import create_sink
from kshell.iceberg.evolve import evolve
from kshell.schemas import Schema
from kshell.session.evolution import merged
from tests.decode import avro, avro_growth, protobuf_random, protobuf_support
from tests.decode.support import batch
from tests.iceberg.conftest import HASTE, TOPIC, Pipe, facts, sink_spec
from tests.iceberg.journey import META, flush, same, segment
from tests.iceberg.random_types import allowed

ROWS = 8
EXAMPLES = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
Made = Callable[[Sequence[Column]], Decoder]


@pytest.mark.fault("F36")
@given(seed=st.integers(0, 2**32))
@EXAMPLES
def test_avro_is_equal_live_and_in_the_lake_also_after_its_writers_grew(engine: Engine, seed: int) -> None:
    random = Random(seed)
    schemas = avro_growth.Schemas(random)
    first = schemas.record()
    trees = (first, schemas.grown(first))
    source = avro.Source(*trees)

    def records(version: int) -> list[bytes]:
        return avro.values(trees[version], [avro_growth.value(trees[version], random) for _ in range(ROWS)], version + 1)

    _job(engine, "avro", source, source.by_id(1), (records(0), [*records(1), *records(0)]))


@pytest.mark.fault("F36")
@given(seed=st.integers(0, 2**32), syntax=st.sampled_from(["proto2", "proto3"]))
@EXAMPLES
def test_protobuf_is_equal_live_and_in_the_lake_also_after_its_writers_grew(engine: Engine, seed: int, syntax: str) -> None:
    random = Random(seed)
    first = protobuf_random.file_of(random, syntax)
    files = (first, protobuf_random.grown(first, random))
    schemas = tuple(replace(protobuf_support.set_of(file), id=id) for id, file in enumerate(files, 1))

    def records(version: int) -> list[bytes]:
        kind = protobuf_support.message(schemas[version])
        return [bytes((0, 0, 0, 0, version + 1, 0)) + protobuf_random.fill(kind(), random).SerializeToString() for _ in range(ROWS)]

    _job(engine, "protobuf", protobuf_support.Source(*schemas), schemas[0], (records(0), [*records(1), *records(0)]))


def _job(engine: Engine, format: str, source: Any, schema: Schema, records: tuple[list[bytes], list[bytes]]) -> None:
    def made(columns: Sequence[Column]) -> Decoder:
        return make(format, "raw", columns, schemas=source)

    with tempfile.TemporaryDirectory() as folder:
        _landed(engine.export_cursor(), Path(folder), made, infer_schema(format, schema).columns, records)


def _landed(cursor: duckdb.DuckDBPyConnection, folder: Path, made: Made, columns: tuple[Column, ...],
            records: tuple[list[bytes], list[bytes]]) -> None:
    lake = open_catalog("sql", "ice", f"sqlite:///{folder}/cat.db", f"file://{folder}/wh")
    try:
        spec = sink_spec(columns=(*columns, *META), errors_table=None)
        created = create_sink(lake, spec, facts(), lambda: {(TOPIC, 0): 0, (TOPIC, 1): 0}, HASTE)
        pipe = Pipe(lake, spec, created, created.head)
        _put(cursor, "one", made(columns), records[0], 0)
        flush(cursor, pipe, "one", 0, columns)
        same(cursor, pipe, columns, "FROM one")

        proposal = made(columns).prepare(batch(records[1], first=ROWS)).proposal
        assert proposal
        _, held = evolve(lake, created.sink, lambda _: proposal)
        grew = merged(columns, proposal, held)
        assert {c.name: c.type for c in grew} == {c.name: c.type for c in held if c.name not in {m.name for m in META}}
        assert all(recalled(of(replace(c, renames=()))) == recalled(of(c)) for c in grew)
        after = made(grew)
        assert after.prepare(batch(records[1])).proposal == ()
        pipe.head = pipe.again(columns=(*grew, *META)).head
        _put(cursor, "two", after, records[1], ROWS)
        flush(cursor, pipe, "two", ROWS, grew)
        same(cursor, pipe, grew, f"SELECT {shape((*columns, *META), (*grew, *META))} FROM one"
                                 f" UNION ALL SELECT {column_list((*grew, *META))} FROM two")
    finally:
        lake.close()


def _put(cursor: duckdb.DuckDBPyConnection, name: str, decoder: Decoder, records: Sequence[bytes], at: int) -> None:
    table, bad = decoder.judge(batch(records, first=at))
    assert bad == []
    assert all(allowed(field.type) for field in table.schema)
    segment(cursor, name, decoder.columns, table)
