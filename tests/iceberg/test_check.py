"""CHECK SINK: each kind of damage is reported as what it is, and a hole between offsets is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest

from kshell.engine import Engine
from kshell.iceberg.check import PartitionCheck, Verdict, check
from kshell.iceberg.commit import commit
from kshell.iceberg.errors_table import commit_errors
from kshell.iceberg.resolve import skip
from kshell.iceberg.values import Range
from tests.iceberg.conftest import HASTE, TOPIC, Pipe, rows


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    engine = Engine(threads=1)
    engine.need_iceberg()
    yield engine.cursor()
    engine.close()


def _check(pipe: Pipe, cursor: duckdb.DuckDBPyConnection) -> PartitionCheck:
    return check(cursor, pipe.lake, pipe.created.sink, pipe.created.errors_sink)[0]


def test_committed_rows_are_ok(pipe: Pipe, cursor: duckdb.DuckDBPyConnection) -> None:
    pipe.commit(0, 0, 4)
    pipe.commit(0, 4, 6)
    assert _check(pipe, cursor) == PartitionCheck(TOPIC, 0, 0, 6, 6, 6, 0, 0, 0, Verdict.OK)


def test_a_hole_is_legal(pipe: Pipe, cursor: duckdb.DuckDBPyConnection) -> None:
    holed = replace(pipe.batch(0, 0, 9), ranges={(TOPIC, 0): Range(0, 9, 4)}, rows=lambda: rows(0, 2, 6))
    commit(pipe.lake, pipe.created.sink, holed, HASTE)
    found = _check(pipe, cursor)
    assert (found.first_offset, found.next_offset, found.rows, found.result) == (2, 9, 4, Verdict.OK)


def test_rows_that_another_engine_deleted_are_missing(pipe: Pipe, cursor: duckdb.DuckDBPyConnection) -> None:
    pipe.commit(0, 0, 4)
    pipe.table.delete("_kafka_offset = 2")
    found = _check(pipe, cursor)
    assert (found.missing, found.duplicates, found.result) == (1, 0, Verdict.GAP)


def test_an_offset_that_is_used_again_is_no_duplicate_and_a_lost_row_of_either_epoch_is_missing(pipe: Pipe,
                                                                                                cursor: duckdb.DuckDBPyConnection) -> None:
    pipe.commit(0, 0, 6)
    pipe.head = skip(pipe.lake, pipe.created.sink, TOPIC, 0, 2, control=HASTE, errors=pipe.created.errors_sink)
    pipe.commit(0, 2, 5)
    found = _check(pipe, cursor)
    assert (found.next_offset, found.rows, found.distinct_offsets, found.result) == (5, 9, 9, Verdict.OK)
    pipe.table.delete("_kafka_offset = 3 AND _kafka_epoch = 1")
    assert (_check(pipe, cursor).missing, _check(pipe, cursor).result) == (1, Verdict.GAP)


def test_a_row_that_stands_twice_is_a_duplicate(pipe: Pipe, cursor: duckdb.DuckDBPyConnection) -> None:
    pipe.commit(0, 0, 4)
    pipe.table.append(rows(0, 2, 3))
    found = _check(pipe, cursor)
    assert (found.rows, found.distinct_offsets, found.duplicates, found.result) == (5, 4, 1, Verdict.DUPLICATE)


def test_rows_that_no_commit_recorded_are_unverified(pipe: Pipe, cursor: duckdb.DuckDBPyConnection) -> None:
    pipe.commit(0, 0, 4)
    pipe.table.append(rows(0, 100, 102))
    assert _check(pipe, cursor).result is Verdict.UNVERIFIED


def test_errors_are_counted_and_foreign_rows_are_not(pipe: Pipe, cursor: duckdb.DuckDBPyConnection) -> None:
    assert pipe.created.errors_sink is not None
    bad = pa.table({"_kafka_topic": [TOPIC], "_kafka_partition": pa.array([0], pa.int32()), "_kafka_offset": pa.array([1], pa.int64())})
    commit_errors(pipe.lake, pipe.created.errors_sink, {(TOPIC, 0): Range(0, 4, 3)}, bad, HASTE)
    good = pa.concat_tables([rows(0, 0, 1), rows(0, 2, 4)])
    commit(pipe.lake, pipe.created.sink, replace(pipe.batch(0, 0, 4), ranges={(TOPIC, 0): Range(0, 4, 3)}, rows=lambda: good), HASTE)
    pipe.table.append(pa.table({"id": pa.array([-1], pa.int64())}))
    found = _check(pipe, cursor)
    assert (found.errors, found.rows, found.result) == (1, 3, Verdict.OK)


def test_an_empty_partition_is_ok(pipe: Pipe, cursor: duckdb.DuckDBPyConnection) -> None:
    assert _check(pipe, cursor) == PartitionCheck(TOPIC, 0, None, 0, 0, 0, 0, 0, 0, Verdict.OK)
