"""CREATE SINK: makes what is missing, resumes what is there, refuses what it cannot explain; after a crash it is run again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kshell import testing
from kshell.columns import Column, metadata_columns
from kshell.errors import BadValueError, ConflictError, NotFoundError, RefusedError
from kshell.iceberg import codec
from kshell.iceberg.catalogs import Lake
from kshell.iceberg.create import create_sink, explain_sink
from kshell.iceberg.values import Outcome, Result, SinkSpec, Stop, StopState
from tests.iceberg.conftest import COLUMNS, HASTE, TOPIC, Pipe, facts, rows, sink_spec

STARTS = {(TOPIC, 0): 3, (TOPIC, 1): 0}


def _create(lake: Lake, spec: SinkSpec, starts: dict[tuple[str, int], int] | None = None) -> Any:
    return create_sink(lake, spec, facts(), lambda: starts or STARTS, HASTE)


def _their_table(lake: Lake, arrow: pa.Table | None = None) -> Any:
    arrow = arrow if arrow is not None else pa.table({"id": pa.array([-1], pa.int64()), "v": ["old"], "extra": ["kept"]})
    lake.catalog.create_namespace("shop")
    table = lake.catalog.create_table(("shop", "orders"), schema=arrow.schema)
    table.append(arrow)
    return table


def test_the_first_commit_records_the_start_once(sql_lake: Lake) -> None:
    created = _create(sql_lake, sink_spec())
    assert not created.resumed
    assert created.head.cut() == STARTS
    record = codec.decode_commit(sql_lake.load(("shop", "orders")).current_snapshot().summary[codec.commit_key("orders_lake")])
    assert {(j.topic, j.partition, j.hi, j.kind) for j in record.jumps} == {(TOPIC, 0, 3, "START"), (TOPIC, 1, 0, "START")}
    assert created.errors_head.cut() == STARTS


def test_a_table_made_by_kshell_keeps_500_snapshots_and_statistics_of_positions(sql_lake: Lake) -> None:
    _create(sql_lake, sink_spec(properties={"owner": "me"}))
    properties = sql_lake.load(("shop", "orders")).properties
    assert properties["kshell.orders_lake.keep-snapshots"] == "100"
    assert properties["write.metadata.metrics.column._kafka_offset"] == "full"
    assert properties["write.metadata.previous-versions-max"] == "100"
    assert properties["owner"] == "me"


def test_the_layout_is_that_of_the_statement(sql_lake: Lake) -> None:
    _create(sql_lake, sink_spec(partition_by=("day(_kafka_timestamp)", "bucket(16, id)"), sort_by=("id DESC",)))
    table = sql_lake.load(("shop", "orders"))
    assert [f.name for f in table.spec().fields] == ["_kafka_timestamp_day", "id_bucket"]
    assert str(table.sort_order().fields[0].direction) == "DESC"


def test_create_table_false_refuses_a_missing_table(sql_lake: Lake) -> None:
    with pytest.raises(NotFoundError, match="CREATE_TABLE is false"):
        _create(sql_lake, sink_spec(create_table=False))
    assert sql_lake.tables() == []


def test_properties_of_kshell_cannot_be_written(sql_lake: Lake) -> None:
    with pytest.raises(BadValueError, match="kshell's own"):
        _create(sql_lake, sink_spec(properties={"kshell.x": "1"}))


@pytest.mark.parametrize("where", ["create.after_table", "create.after_errors_table", "create.after_start"])
def test_a_crash_in_the_middle_is_repeated_by_running_it_again(where: str, sql_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", f"{where}=raise:KeyboardInterrupt@1")
    with pytest.raises(KeyboardInterrupt):
        _create(sql_lake, sink_spec())
    created = _create(sql_lake, sink_spec(), {(TOPIC, 0): 8, (TOPIC, 1): 8})
    assert created.head.cut() == (STARTS if where == "create.after_start" else {(TOPIC, 0): 8, (TOPIC, 1): 8})
    assert created.errors_head.state is not None


def test_two_processes_record_one_start(sql_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is started from within the first, between its look at the table and its commit."""
    from kshell.iceberg import create

    original, other = create.run, []

    def run(*arguments: Any) -> Any:
        if not other:
            other.append(None)
            other.append(_create(sql_lake, sink_spec(), {(TOPIC, 0): 50, (TOPIC, 1): 50}))
        return original(*arguments)

    monkeypatch.setattr(create, "run", run)
    first = _create(sql_lake, sink_spec())
    assert first.head.cut() == other[1].head.cut() == {(TOPIC, 0): 50, (TOPIC, 1): 50}
    assert first.resumed


# ---- a table that is there ---------------------------------------------------------------------------------------

def test_an_existing_table_keeps_its_rows_and_gets_the_metadata_columns(sql_lake: Lake) -> None:
    _their_table(sql_lake)
    spec = sink_spec()
    assert explain_sink(sql_lake, spec)[1:4] == ["add column _kafka_partition INTEGER", "add column _kafka_offset BIGINT",
                                                 "add column _kafka_timestamp TIMESTAMP WITH TIME ZONE"]
    assert "_kafka_offset" not in sql_lake.load(spec.table).schema().column_names
    created = _create(sql_lake, spec)
    pipe = Pipe(sql_lake, spec, created, created.head)
    assert pipe.commit(0, 3, 5).result is Result.APPLIED
    table = sql_lake.load(spec.table).scan().to_arrow()
    assert sorted(table["v"].to_pylist()) == ["old", "v3", "v4"]
    assert "kshell.orders_lake.keep-snapshots" not in sql_lake.load(spec.table).properties


def test_options_written_down_later_take_the_place_of_the_tables(pipe: Pipe) -> None:
    pipe.commit(0, 0, 3)
    head = pipe.again(compact=False, keep_snapshots=20).head
    assert (head.properties["kshell.orders_lake.compact"], head.properties["kshell.orders_lake.keep-snapshots"]) == ("false", "20")
    assert head.cut()[TOPIC, 0] == 3
    snapshots = len(pipe.table.metadata.snapshots)
    assert pipe.again(keep_snapshots=None).head.properties["kshell.orders_lake.keep-snapshots"] == "all"
    assert pipe.again().head.properties["kshell.orders_lake.compact"] == "false"
    assert len(pipe.table.metadata.snapshots) == snapshots + 1, "what is the same is not written again"
    assert pipe.commit(0, 3, 5).result is Result.APPLIED


def test_keep_snapshots_written_down_holds_for_an_existing_table(sql_lake: Lake) -> None:
    _their_table(sql_lake)
    _create(sql_lake, sink_spec(keep_snapshots=20))
    assert sql_lake.load(("shop", "orders")).properties["kshell.orders_lake.keep-snapshots"] == "20"


def test_rows_with_positions_and_no_progress_are_not_built_upon(sql_lake: Lake) -> None:
    _their_table(sql_lake, rows(0, 0, 3))
    with pytest.raises(Stop) as stop:
        _create(sql_lake, sink_spec(columns=COLUMNS))
    assert stop.value.state is StopState.STATE_LOST


def test_one_sink_id_per_table(pipe: Pipe) -> None:
    with pytest.raises(ConflictError, match="orders_lake") as caught:
        pipe.again(id="another")
    assert "ID 'orders_lake'" in (caught.value.hint or "")


def test_format_version_3_is_refused(sql_lake: Lake) -> None:
    # PyIceberg writes no version 3, so the file is made one.
    path = Path(_their_table(sql_lake).metadata_location.removeprefix("file://"))
    path.write_text(path.read_text().replace('"format-version":2', '"format-version":3,"next-row-id":9'))
    with pytest.raises(RefusedError, match="FORMAT_VERSION"):
        _create(sql_lake, sink_spec())


def test_another_layout_than_the_tables_is_an_error_before_the_first_commit_and_a_note_afterwards(sql_lake: Lake) -> None:
    _their_table(sql_lake)
    with pytest.raises(BadValueError, match="PARTITION_BY"):
        _create(sql_lake, sink_spec(partition_by=("id",)))
    _create(sql_lake, sink_spec())
    again = _create(sql_lake, sink_spec(partition_by=("id",), sort_by=("v",)))
    assert any("PARTITION_BY" in n for n in again.notes)
    assert any("SORT_BY" in n for n in again.notes)


# ---- resuming ----------------------------------------------------------------------------------------------------

def test_start_is_not_resolved_again_where_progress_is_there(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    again = pipe.again()                      # fails the test when it asks for START
    assert (again.resumed, again.head.cut()[TOPIC, 0]) == (True, 4)


def test_another_definition_is_refused_and_replace_takes_it(pipe: Pipe) -> None:
    with pytest.raises(Stop) as stop:
        pipe.again(definition="d2")
    assert stop.value.state is StopState.DEFINITION_CHANGED
    replaced = pipe.again(definition="d2", replace=True)
    assert replaced.head.state is not None
    assert replaced.head.state.definition == "d2"
    assert pipe.again(definition="d2").resumed


def test_a_dropped_error_table_is_made_again_at_the_main_position(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    assert pipe.spec.errors_table is not None
    pipe.lake.catalog.drop_table(pipe.spec.errors_table)
    again = pipe.again()
    assert again.errors_head is not None
    assert again.errors_head.cut()[TOPIC, 0] == 4
    record = pipe.lake.load(pipe.spec.errors_table).current_snapshot().summary[codec.commit_key("orders_lake")]
    assert {j.kind for j in codec.decode_commit(record).jumps} == {"RECOVER"}


def test_a_state_that_is_too_large_is_refused(sql_lake: Lake) -> None:
    wide = 12_000
    with pytest.raises(RefusedError, match="STATE_TOO_LARGE"):
        create_sink(sql_lake, sink_spec(), facts(partitions=wide), lambda: {(TOPIC, p): 1_000_000 for p in range(wide)}, HASTE)


def test_contradictions_with_kafka_come_with_the_sink(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    again = pipe.again(facts(end=2))
    assert [s.state for s in again.stops] == [StopState.AHEAD_OF_LOG]


def test_durable_false_is_kept_in_the_table(sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    assert make_pipe(sql_lake, durable=False).table.properties["kshell.durable"] == "false"
    assert "kshell.durable" not in make_pipe(sql_lake, durable=True).table.properties


def test_inferred_columns_yield_to_the_tables_types(sql_lake: Lake) -> None:
    _their_table(sql_lake)
    columns = (Column("id", "VARCHAR"), Column("v", "VARCHAR"), Column("later", "BIGINT"), *COLUMNS[2:])
    created = _create(sql_lake, replace(sink_spec(columns=columns), inferred=True))
    assert [(c.name, c.type) for c in created.columns][:2] == [("id", "BIGINT"), ("v", "VARCHAR")]
    assert "later" not in [c.name for c in created.columns]
    assert any("later" in n for n in created.notes)


# ---- failpoints --------------------------------------------------------------------------------------------------

def test_a_failpoint_is_silent_unless_testing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_FAILPOINTS", "commit.after_load=raise:OSError")
    monkeypatch.delenv("KSHELL_TESTING", raising=False)
    testing.failpoint("commit.after_load")


@pytest.mark.parametrize("text", ["commit.nowhere=kill", "commit.after_load=explode"])
def test_a_misspelled_failpoint_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="named"):
        testing.parse(text)


def test_a_failpoint_acts_on_its_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", "expire.before=raise:OSError@2;expire.after=sleep:0")
    testing.failpoint("expire.before")
    with pytest.raises(OSError, match=r"expire\.before"):
        testing.failpoint("expire.before")
    testing.failpoint("expire.before")
    testing.failpoint("expire.after")


@pytest.mark.fault("F36")
def test_bytes_of_another_length_than_a_fixed_column_stop_the_sink_with_their_place(sql_lake: Lake) -> None:
    nested = pa.struct([("g", pa.binary(2))])
    _their_table(sql_lake, pa.schema([("id", pa.int64()), ("f", pa.binary(3)), ("s", nested)]).empty_table())
    columns = (Column("id", "BIGINT"), Column("f", "BLOB"), Column("s", "STRUCT(g BLOB)"), *metadata_columns())
    spec = sink_spec(columns=columns)
    created = _create(sql_lake, spec)
    pipe = Pipe(sql_lake, spec, created, created.head)

    def put(lo: int, f: list[bytes | None], s: list[bytes | None]) -> Outcome:
        structs = pa.StructArray.from_arrays([pa.array(s, pa.binary())], ["g"])
        given = rows(0, lo, lo + len(f), f=pa.array(f, pa.binary()), s=structs).drop_columns("v")
        return pipe.commit(0, lo, lo + len(f), rows=lambda: given)

    put(3, [b"abc", None], [None, b"xy"])
    found = sql_lake.load(("shop", "orders")).scan().to_arrow().sort_by("_kafka_offset")
    assert (found["f"].to_pylist(), found["s"].to_pylist()) == ([b"abc", None], [{"g": None}, {"g": b"xy"}])
    for f, s, name in ((b"abcd", b"xy", "f"), (b"abc", b"x", "s")):
        with pytest.raises(Stop, match=rf"TYPE_MISMATCH: A value of column {name} of partition 0, offset 6, does not fit") as stopped:
            put(5, [b"abc", f], [b"xy", s])
        assert "AS SELECT" in stopped.value.cure
