"""Compaction: fewer files with the same rows, and the progress of the sink as it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table.snapshots import Operation
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import DoubleType, LongType, StringType
from requests.exceptions import ReadTimeout

from kshell.columns import Column
from kshell.engine import Engine
from kshell.errors import DeadlineError, RefusedError
from kshell.iceberg import compact as compacting
from kshell.iceberg import data_files, tiers
from kshell.iceberg.catalogs import Lake
from kshell.iceberg.check import Verdict, check
from kshell.iceberg.compact import Merging, compact, optimize
from kshell.iceberg.values import Control, Left, Progress, Result, Stop, StopState
from tests.iceberg.conftest import COLUMNS, HASTE, TOPIC, Pipe, rows
from tests.iceberg.faults import Script, after, before, first
from tests.support import wait_until


def files(pipe: Pipe) -> int:
    return len(list(pipe.table.scan().plan_files()))


def filled(pipe: Pipe, commits: int = 6) -> Pipe:
    for n in range(commits):
        pipe.commit(0, n * 3, n * 3 + 3)
    return pipe


def by_duckdb(pipe: Pipe) -> list[tuple[Any, ...]]:
    engine = Engine()
    engine.need_iceberg()
    try:
        return engine.cursor().execute(
            f"SELECT * FROM iceberg_scan('{pipe.table.metadata_location}') ORDER BY _kafka_partition, _kafka_offset").fetchall()
    finally:
        engine.close()


@pytest.mark.fault("F61")
def test_rows_positions_and_tag_are_as_they_were(pipe: Pipe) -> None:
    for n in range(20):
        pipe.commit(n % 2, n // 2, n // 2 + 1)
    rows_before, duckdb_before, head = pipe.rows(), by_duckdb(pipe), pipe.head
    done = optimize(pipe.lake, pipe.created.sink, HASTE)
    assert (done.files, done.rows, len(done.written), files(pipe)) == (20, 20, 1, 1)
    assert done.bytes_after < done.bytes_before
    assert (pipe.rows(), by_duckdb(pipe)) == (rows_before, duckdb_before)
    assert done.head.state == head.state
    table = pipe.table
    assert table.metadata.refs["kshell_orders_lake"].snapshot_id == head.snapshot_id
    assert table.current_snapshot().summary.operation is Operation.REPLACE
    assert int(table.current_snapshot().summary["total-records"]) == 20
    assert pipe.commit(0, 10, 12).result is Result.APPLIED
    assert pipe.again().head.cut() == {(TOPIC, 0): 12, (TOPIC, 1): 10}


def test_every_kind_of_catalog_takes_it(lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = filled(make_pipe(lake), 3)
    assert optimize(lake, pipe.created.sink, HASTE).files == 3
    assert pipe.commit(0, 9, 12).result is Result.APPLIED
    assert pipe.rows() == [(0, n) for n in range(12)]


def test_every_record_is_counted_once_before_and_after(pipe: Pipe) -> None:
    filled(pipe)
    optimize(pipe.lake, pipe.created.sink, HASTE)
    engine = Engine()
    engine.need_iceberg()
    found = check(engine.cursor(), pipe.lake, pipe.created.sink, pipe.created.errors_sink)
    engine.close()
    assert next((c.partition, c.rows, c.missing, c.duplicates, c.result) for c in found) == (0, 18, 0, 0, Verdict.OK)


def test_nothing_to_do_makes_no_snapshot(pipe: Pipe) -> None:
    filled(pipe, 1)
    snapshots = len(pipe.table.metadata.snapshots)
    assert optimize(pipe.lake, pipe.created.sink, HASTE).files == 0
    assert compact(pipe.lake, pipe.created.sink, HASTE).files == 0
    assert len(pipe.table.metadata.snapshots) == snapshots


def test_the_number_of_files_grows_with_the_logarithm_of_the_commits(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "FAN", 4)
    most, rewritten = 0, 0
    for n in range(40):
        pipe.commit(0, n, n + 1)
        rewritten += compact(pipe.lake, pipe.created.sink, HASTE).rows
        most = max(most, files(pipe))
    assert most <= 3 * 4
    assert rewritten <= 40 * 4
    assert pipe.rows() == [(0, n) for n in range(40)]


def test_older_snapshots_keep_their_files(pipe: Pipe) -> None:
    filled(pipe)
    older = pipe.table
    optimize(pipe.lake, pipe.created.sink, HASTE)
    assert older.scan().to_arrow().num_rows == 18


# ---- layouts and schemas -----------------------------------------------------------------------------------------

def test_each_partition_is_merged_by_itself(sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(sql_lake, partition_by=("v",))
    for n in range(3):
        pipe.commit(0, n * 2, n * 2 + 2, rows=lambda n=n: rows(0, n * 2, n * 2 + 2, v=pa.array(["a/b", None])))
    expected = by_duckdb(pipe)
    assert optimize(pipe.lake, pipe.created.sink, HASTE).files == 6
    assert sorted((t.file.partition[0] or "", t.file.record_count) for t in pipe.table.scan().plan_files()) == [("", 3), ("a/b", 3)]
    assert by_duckdb(pipe) == expected
    assert pipe.table.scan(row_filter="v = 'a/b'").to_arrow().num_rows == 3


def test_partitions_by_a_transform_keep_their_values_and_paths(sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(sql_lake, partition_by=("day(_kafka_timestamp)", "bucket(4, id)"))
    day_us = 86_400_000_000
    for n in range(4):
        stamps = pa.array([day_us * 20_000 + n, day_us * 20_001 + n], pa.timestamp("us", "UTC"))
        pipe.commit(0, n * 2, n * 2 + 2, rows=lambda n=n, stamps=stamps: rows(0, n * 2, n * 2 + 2, _kafka_timestamp=stamps,
                                                                            id=pa.array([7, 7], pa.int64())))
    expected = by_duckdb(pipe)
    places = {task.file.file_path.rpartition("/")[0] for task in pipe.table.scan().plan_files()}
    assert optimize(pipe.lake, pipe.created.sink, HASTE).files == 8
    assert {task.file.file_path.rpartition("/")[0] for task in pipe.table.scan().plan_files()} == places
    assert by_duckdb(pipe) == expected
    assert pipe.table.scan(row_filter="_kafka_timestamp >= '2024-10-05T00:00:00+00:00'").to_arrow().num_rows == 4


def test_files_of_an_older_schema_are_read_as_the_table_stands(pipe: Pipe) -> None:
    pipe.commit(0, 0, 2)
    with pipe.table.update_schema() as update:
        update.add_column(("note",), StringType())
        update.update_column("_kafka_partition", LongType())
        update.rename_column("v", "w")
    pipe.commit(0, 2, 4)
    pipe.commit(0, 2, 4, rows=lambda: rows(0, 2, 4).rename_columns(["id", "w", "_kafka_partition", "_kafka_offset"]))
    expected = by_duckdb(pipe)
    assert optimize(pipe.lake, pipe.created.sink, HASTE).files == 2
    assert by_duckdb(pipe) == expected
    assert pipe.table.scan().to_arrow()["w"].to_pylist() == ["v0", "v1", "v2", "v3"]


NESTED = (Column("id", "BIGINT"), Column("v", "VARCHAR"), Column("a b", "STRUCT(\"x-y\" INTEGER, l VARCHAR[])"),
          Column("m", "MAP(VARCHAR, DOUBLE)"), Column("u", "UUID"), Column("d", "DECIMAL(9,2)"), Column("t", "TIME"), *COLUMNS[2:])


def test_nested_and_rare_types_come_back_as_they_were(sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(sql_lake, columns=NESTED, sort_by=("d DESC",))
    made = duckdb.connect().execute("""
        SELECT range::BIGINT AS id, 'v' AS v, {'x-y': range::INTEGER, 'l': ['a', NULL]} AS "a b", MAP {'k': range / 2} AS m,
               (range / 4)::DECIMAL(9,2) AS d, TIME '10:00:00.5' AS t, 0 AS _kafka_partition, range::BIGINT AS _kafka_offset,
               TIMESTAMPTZ '2026-01-01 00:00:00+00' AS _kafka_timestamp
        FROM range(6)""").to_arrow_table()
    for n in range(3):
        pipe.commit(0, n * 2, n * 2 + 2, rows=lambda n=n: made.slice(n * 2, 2))
    expected = by_duckdb(pipe)
    engine = Engine()
    cursor = engine.export_cursor()
    done = optimize(pipe.lake, pipe.created.sink, HASTE,
                    sort=lambda reader: cursor.from_arrow(reader).order(", ".join(pipe.head.sort_by)).to_arrow_reader())
    engine.close()
    assert done.files == 3
    assert by_duckdb(pipe) == expected
    assert pipe.table.scan().to_arrow()["id"].to_pylist() == [5, 4, 3, 2, 1, 0], "in the table's order"


# ---- files of others ---------------------------------------------------------------------------------------------

def test_files_of_other_writers_are_left_alone(pipe: Pipe) -> None:
    for _ in range(3):
        pipe.table.append(pa.table({"id": pa.array([-1], pa.int64())}))
    filled(pipe, 2)
    assert optimize(pipe.lake, pipe.created.sink, HASTE).files == 2
    assert files(pipe) == 4


def _delete_file(pipe: Pipe, content: DataFileContent, partition: Record) -> None:
    """As another engine writes one; only its entry matters here."""
    from pyiceberg.table.update.snapshot import _FastAppendFiles

    table = pipe.table
    file = DataFile.from_args(content=content, file_path=f"{table.location()}/data/deletes.parquet", file_format=FileFormat.PARQUET,
                              partition=partition, record_count=1, file_size_in_bytes=100, spec_id=table.metadata.default_spec_id,
                              equality_ids=[1] if content is DataFileContent.EQUALITY_DELETES else None, column_sizes={}, value_counts={},
                              null_value_counts={}, nan_value_counts={}, lower_bounds={}, upper_bounds={}, split_offsets=[],
                              sort_order_id=None, key_metadata=None)
    writer = _FastAppendFiles.new_manifest_writer
    try:
        _FastAppendFiles.new_manifest_writer = _of_deletes(writer)  # type: ignore[method-assign]
        with table.transaction() as change:
            producer = change.update_snapshot().fast_append()
            producer.append_data_file(file)
            producer._summary = lambda properties: _append_summary()  # type: ignore[method-assign, assignment]
            producer.commit()
    finally:
        _FastAppendFiles.new_manifest_writer = writer  # type: ignore[method-assign]


def _append_summary() -> Any:
    from pyiceberg.table.snapshots import Summary

    return Summary(Operation.APPEND)


def _of_deletes(made: Callable[..., Any]) -> Callable[..., Any]:
    from pyiceberg.manifest import ManifestContent

    def new(producer: Any, spec: Any) -> Any:
        writer = made(producer, spec)
        writer.content = lambda: ManifestContent.DELETES
        return writer
    return new


@pytest.mark.parametrize("content", [DataFileContent.POSITION_DELETES, DataFileContent.EQUALITY_DELETES])
def test_a_partition_with_a_delete_file_is_left_alone(content: DataFileContent, sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(sql_lake, partition_by=("v",))
    for n in range(2):
        pipe.commit(0, n * 2, n * 2 + 2, rows=lambda n=n: rows(0, n * 2, n * 2 + 2, v=pa.array(["a", "b"])))
    _delete_file(pipe, content, Record("a"))
    found = compacting.standing_files(pipe.table)
    assert [[f.partition for f in standing.files] for standing in found] == [[Record("b")] * 2]


def test_a_delete_file_of_no_partition_is_about_every_file(pipe: Pipe) -> None:
    filled(pipe, 3)
    _delete_file(pipe, DataFileContent.EQUALITY_DELETES, Record())
    assert compacting.standing_files(pipe.table) == []


def test_files_of_another_partitioning_are_left_alone(pipe: Pipe) -> None:
    filled(pipe, 3)
    with pipe.table.update_spec() as update:
        update.add_field("id", IdentityTransform(), "id_itself")
    assert optimize(pipe.lake, pipe.created.sink, HASTE).files == 0


# ---- races and lost answers --------------------------------------------------------------------------------------

def test_a_lost_race_is_tried_again_with_what_was_written(pipe: Pipe) -> None:
    filled(pipe)
    script = Script(pipe.lake, first(lambda: pipe.table.append(pa.table({"id": pa.array([-1], pa.int64())}))))
    done = optimize(pipe.lake, pipe.created.sink, HASTE)
    assert (done.files, len(done.written), script.sent) == (6, 1, 3), "the intruder sends one of them"
    assert sorted(pipe.table.scan().to_arrow()["id"].to_pylist()) == list(range(-1, 18))


@pytest.mark.fault("F61")
def test_what_another_engine_rewrote_meanwhile_is_not_exchanged_again(pipe: Pipe) -> None:
    filled(pipe)
    Script(pipe.lake, first(lambda: pipe.table.delete("id < 6")))
    optimize(pipe.lake, pipe.created.sink, HASTE)
    assert pipe.rows() == [(0, n) for n in range(6, 18)]


def test_a_schema_change_meanwhile_is_seen(pipe: Pipe) -> None:
    filled(pipe)

    def widen() -> None:
        with pipe.table.update_schema() as update:
            update.add_column(("more",), DoubleType())

    Script(pipe.lake, first(widen))
    assert optimize(pipe.lake, pipe.created.sink, HASTE).files == 6
    assert pipe.table.scan().to_arrow()["more"].null_count == 18


@pytest.mark.fault("F52")
@pytest.mark.parametrize("landed", [True, False], ids=["landed", "lost"])
def test_a_lost_answer_is_looked_up_and_never_sent_blindly(landed: bool, pipe: Pipe) -> None:
    filled(pipe)
    script = Script(pipe.lake, (after if landed else before)(ReadTimeout("60 s")))
    done = optimize(pipe.lake, pipe.created.sink, HASTE)
    assert (done.files, files(pipe), script.sent) == (6, 1, 1 if landed else 2)
    assert pipe.rows() == [(0, n) for n in range(18)]


def test_it_gives_up_where_commits_would_wait_behind_it(pipe: Pipe) -> None:
    filled(pipe)
    Script(pipe.lake, *[before(CommitFailedException("409"))] * 20)
    with pytest.raises(DeadlineError, match="given up after 5 attempts: 409"):
        optimize(pipe.lake, pipe.created.sink, HASTE)


def test_it_is_left_when_the_sink_ends(pipe: Pipe) -> None:
    filled(pipe)
    script = Script(pipe.lake)
    asked: list[Progress] = []
    with pytest.raises(Left) as left:
        optimize(pipe.lake, pipe.created.sink, Control(wait=lambda _: None, report=asked.append, cancelled=lambda: len(asked) > 0))
    assert (script.sent, left.value.unresolved) == (0, False)


@pytest.mark.fault("F67")
def test_a_lost_data_file_stops_a_compaction_by_name(pipe: Pipe) -> None:
    filled(pipe)
    lost = next(iter(pipe.table.scan().plan_files())).file.file_path
    Path(lost.removeprefix("file://")).unlink()
    with pytest.raises(RefusedError, match=lost.rpartition("/")[2]):
        optimize(pipe.lake, pipe.created.sink, HASTE)
    assert pipe.commit(0, 18, 20).result is Result.APPLIED


def test_a_table_whose_progress_is_in_doubt_is_not_compacted(pipe: Pipe) -> None:
    filled(pipe)
    parent = pipe.table.current_snapshot().parent_snapshot_id
    pipe.table.manage_snapshots().set_current_snapshot(snapshot_id=parent).commit()
    with pytest.raises(Stop) as stop:
        optimize(pipe.lake, pipe.created.sink, HASTE)
    assert stop.value.state is StopState.ROLLED_BACK


# ---- bit by bit --------------------------------------------------------------------------------------------------

@pytest.fixture
def merging(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> Merging:
    """Eighteen rows in six files, one row a step."""
    monkeypatch.setattr(tiers, "FAN", 4)
    monkeypatch.setattr(data_files, "_BATCH_ROWS", 1)
    filled(pipe)
    begun = Merging(pipe.lake, pipe.created.sink, HASTE)
    begun.step(0.0)
    assert not begun.empty
    assert not begun.written
    return begun


def steps(merging: Merging) -> int:
    taken = 0
    while not merging.written:
        merging.step(0.0)
        taken += 1
    return taken


def test_commits_come_in_between_the_steps_of_a_compaction(pipe: Pipe, merging: Merging) -> None:
    assert pipe.commit(0, 18, 21).result is Result.APPLIED
    assert steps(merging) >= 17, "a step is no more than a batch"
    assert pipe.commit(0, 21, 24).result is Result.APPLIED
    head = pipe.head
    done = merging.exchange()
    assert (done.files, done.rows, len(done.written), files(pipe)) == (6, 18, 1, 3)
    assert pipe.rows() == [(0, n) for n in range(24)]
    assert done.head.state == head.state
    assert pipe.commit(0, 24, 25).result is Result.APPLIED


@pytest.mark.fault("F61")
@pytest.mark.parametrize("written", [True, False], ids=["when all is written", "while it is written"])
@pytest.mark.parametrize("meanwhile", ["a file goes", "the schema grows", "a delete file comes"])
def test_where_something_moved_under_a_compaction_nothing_is_exchanged(meanwhile: str, written: bool, pipe: Pipe, merging: Merging) -> None:
    if written:
        steps(merging)
    if meanwhile == "a file goes":
        pipe.table.delete("id < 6")
    elif meanwhile == "the schema grows":
        with pipe.table.update_schema() as update:
            update.add_column(("more",), DoubleType())
    else:
        _delete_file(pipe, DataFileContent.POSITION_DELETES, Record())
    steps(merging)
    before = pipe.table.metadata.current_snapshot_id
    done = merging.exchange()
    assert (done.files, done.written) == (0, ())
    assert done.room == 0, "it is worth looking again at once"
    assert pipe.table.metadata.current_snapshot_id == before


@pytest.mark.fault("F67")
def test_a_data_file_lost_between_two_steps_ends_the_compaction_by_name(pipe: Pipe, merging: Merging) -> None:
    for task in pipe.table.scan().plan_files():
        Path(task.file.file_path.removeprefix("file://")).unlink()
    with pytest.raises(RefusedError, match=r"data file .*\.parquet cannot be read"):
        steps(merging)
    assert pipe.commit(0, 18, 20).result is Result.APPLIED


def test_a_full_disk_ends_a_compaction_and_no_commit(pipe: Pipe, merging: Merging, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(data_files, "as_written", full)
        with pytest.raises(DeadlineError, match=r"was given up: .*No space left"):
            steps(merging)
    assert pipe.commit(0, 18, 20).result is Result.APPLIED


def test_between_two_batches_of_a_file_most_of_it_is_not_in_memory(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "_BATCH_ROWS", 1000)
    many = 120_000
    wide = rows(0, 0, many, v=pa.array([f"{i:0400}" for i in range(many)]))
    whole = wide.nbytes
    pipe.commit(0, 0, many, rows=lambda: wide)
    (task,) = pipe.table.scan().plan_files()
    before = pa.total_allocated_bytes()
    batches = data_files.read_file(pipe.table, task.file)
    assert next(batches).num_rows <= data_files._BATCH_ROWS
    wait_until(lambda: pa.total_allocated_bytes() - before < whole / 2)            # a page of each column, and not 120 batches
    assert sum(b.num_rows for b in batches) == many - data_files._BATCH_ROWS


# ---- progress below a compaction ---------------------------------------------------------------------------------

@pytest.mark.fault("F62")
def test_progress_is_found_by_the_tag_when_everything_else_is_expired(pipe: Pipe) -> None:
    """The tagged snapshot's files are rewritten at the head, so its offsets are compared."""
    filled(pipe)
    optimize(pipe.lake, pipe.created.sink, HASTE)
    pipe.table.append(pa.table({"id": pa.array([-1], pa.int64())}))
    table = pipe.table
    keep = {ref.snapshot_id for ref in table.metadata.refs.values()}
    table.maintenance.expire_snapshots().by_ids([s.snapshot_id for s in table.metadata.snapshots if s.snapshot_id not in keep]).commit()
    assert pipe.again().head.cut()[TOPIC, 0] == 18
    assert pipe.commit(0, 18, 20).result is Result.APPLIED


@pytest.mark.fault("F64")
def test_a_rollback_below_a_compaction_is_seen(pipe: Pipe) -> None:
    filled(pipe)
    optimize(pipe.lake, pipe.created.sink, HASTE)
    head = pipe.table.current_snapshot()
    before_it = pipe.table.snapshot_by_id(head.parent_snapshot_id)
    pipe.table.manage_snapshots().set_current_snapshot(snapshot_id=before_it.snapshot_id).commit()
    assert pipe.again().head.cut()[TOPIC, 0] == 18, "to the snapshot before it: the same rows"
    pipe.table.manage_snapshots().set_current_snapshot(snapshot_id=before_it.parent_snapshot_id).commit()
    with pytest.raises(Stop, match="ROLLED_BACK"):
        pipe.again()


# ---- which files -------------------------------------------------------------------------------------------------

def _file(number: int, rows: int, size: int = 1000) -> DataFile:
    return DataFile.from_args(file_path=f"f{number}", record_count=rows, file_size_in_bytes=size)


def test_a_row_is_rewritten_once_per_tier_whatever_the_commits_hold() -> None:
    draw, standing, written, total = random.Random(3), [], 0, 0
    for number in range(4000):
        fresh = draw.choice([1, 7, 100, 500])
        total += fresh
        standing.append(_file(number, fresh))
        for group in tiers.crowded([tiers.Standing(tuple(standing))]).groups:
            merged = sum(f.record_count for f in group)
            written += merged
            standing = [f for f in standing if f not in group] + [_file(10_000 + number, merged)]
        assert len(standing) <= tiers.FAN * (tiers.tier(total) + 1)
    assert written <= total * (tiers.tier(total) + 1)


def test_a_closed_partition_is_merged_whole_and_full_files_stay() -> None:
    small = tuple(_file(n, 10) for n in range(5))
    full = _file(9, 10, tiers.FULL_BYTES)
    assert tiers.crowded([tiers.Standing((*small, full))]).groups == ()
    assert tiers.crowded([tiers.Standing((*small, full), closed=True)]).groups == (small,)


def test_where_rows_are_sorted_a_compaction_is_as_small_as_one_step() -> None:
    standing = [tiers.Standing(tuple(_file(n, 10, 3_000_000) for n in range(16)))]
    choice = tiers.crowded(standing, tiers.SORTED_BYTES)
    assert 2 <= len(choice.files()) < 16
    assert sum(f.file_size_in_bytes for f in choice.files()) <= tiers.SORTED_BYTES
    large = [tiers.Standing(tuple(_file(n, 10, tiers.SORTED_BYTES // 2) for n in range(16)))]
    assert tiers.crowded(large, tiers.SORTED_BYTES) == tiers.Choice(), "else every commit would look at them again"


def test_one_compaction_reads_a_bounded_number_of_bytes() -> None:
    standing = [tiers.Standing(tuple(_file(p * 100 + n, 10, 20_000_000) for n in range(16))) for p in range(3)]
    choice = tiers.crowded(standing)
    assert sum(f.file_size_in_bytes for f in choice.files()) <= tiers.MOST_BYTES
    assert choice.room == 0, "the rest is looked at after the next commit"
