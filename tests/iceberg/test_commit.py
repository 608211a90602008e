"""The commit: applied exactly once whatever the catalog answers, and refused when the table is not what the batch was made for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.exceptions import (
    BadRequestError,
    CommitFailedException,
    CommitStateUnknownException,
    ForbiddenError,
    ServerError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthorizedError,
)
from pyiceberg.types import LongType, StringType
from requests.exceptions import ChunkedEncodingError, ConnectionError, ReadTimeout
from sqlalchemy.exc import OperationalError

from kshell.errors import InternalError
from kshell.iceberg import codec, files, outcome, tiers
from kshell.iceberg.commit import commit, trim
from kshell.iceberg.values import Batch, Control, Left, Phase, Progress, Range, Result, Stop, StopState
from tests.iceberg.conftest import HASTE, TOPIC, Pipe, rows
from tests.iceberg.faults import Script, after, before, first

ERRORS: dict[str, tuple[Exception, outcome.Kind]] = {
    "409": (CommitFailedException("409"), outcome.Kind.CONFLICT),
    "500, 502, 504": (CommitStateUnknownException("504"), outcome.Kind.UNKNOWN),
    "503": (ServiceUnavailableError("503"), outcome.Kind.UNKNOWN),
    "429": (TooManyRequestsError("429"), outcome.Kind.UNKNOWN),
    "another 5xx": (ServerError("599"), outcome.Kind.UNKNOWN),
    "time-out": (ReadTimeout("60 s"), outcome.Kind.UNKNOWN),
    "reset": (ConnectionError("reset"), outcome.Kind.UNKNOWN),
    "end of file": (ChunkedEncodingError("eof"), outcome.Kind.UNKNOWN),
    "HTML": (ValueError("1 validation error for CommitTableResponse"), outcome.Kind.UNKNOWN),
    "locked": (OperationalError("UPDATE", {}, Exception("database is locked")), outcome.Kind.UNKNOWN),
    "disk full": (OSError(28, "No space left on device"), outcome.Kind.UNKNOWN),
    "not named anywhere": (RuntimeError("?"), outcome.Kind.UNKNOWN),
    "403": (ForbiddenError("403"), outcome.Kind.ALARM),
    "401": (UnauthorizedError("401"), outcome.Kind.ALARM),
    "400": (BadRequestError("400"), outcome.Kind.ALARM),
}


@pytest.mark.fault("F52")
@pytest.mark.fault("F53")
@pytest.mark.fault("F54")
@pytest.mark.fault("F55")
@pytest.mark.parametrize("landed", [True, False], ids=["landed", "lost"])
@pytest.mark.parametrize("name", ERRORS)
def test_rows_are_there_once_after_any_answer(name: str, landed: bool, pipe: Pipe) -> None:
    error, kind = ERRORS[name]
    assert outcome.classify(error, sending=True) is kind
    script = Script(pipe.lake, after(error) if landed else before(error))
    done = pipe.commit(0, 0, 4)
    assert done.result is Result.APPLIED
    assert script.sent == (1 if landed else 2)
    assert pipe.rows() == [(0, o) for o in range(4)]


def test_every_attempt_is_one_request_and_uses_the_same_files(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    original = files.write
    monkeypatch.setattr(files, "write", lambda *a: written.append(1) or original(*a))  # type: ignore[func-returns-value]
    script = Script(pipe.lake, *[before(ServiceUnavailableError("503"))] * 4)
    assert pipe.commit(0, 0, 4).attempts == 5
    assert (script.sent, len(written)) == (5, 1)


@pytest.mark.fault("F51")
def test_a_foreign_commit_in_the_window_is_built_upon(pipe: Pipe) -> None:
    foreign = pa.table({"id": pa.array([-1], pa.int64())})
    script = Script(pipe.lake)

    def intrude() -> None:
        pipe.table.append(foreign)

    script._steps.append(first(intrude))
    done = pipe.commit(0, 0, 4)
    assert done.result is Result.APPLIED
    assert pipe.table.scan().to_arrow().num_rows == 5


@pytest.mark.fault("F57")
def test_an_attempt_that_arrives_after_its_retry_is_rejected(pipe: Pipe) -> None:
    held: list[Callable[[], Any]] = []

    def hold(send: Callable[[], Any]) -> Any:
        held.append(send)
        raise ReadTimeout("60 s")

    Script(pipe.lake, hold)
    assert pipe.commit(0, 0, 4).result is Result.APPLIED
    with pytest.raises(CommitFailedException):
        held[0]()
    assert len(pipe.rows()) == 4


@pytest.mark.fault("F60")
def test_a_zombie_is_overtaken_and_trims(pipe: Pipe) -> None:
    pipe.commit(0, 0, 6)
    ranges = {(TOPIC, 0): Range(0, 10, 10), (TOPIC, 1): Range(0, 2, 2)}
    done = commit(pipe.lake, pipe.created.sink, Batch(ranges, lambda: rows(0, 0, 10), 0, 0), HASTE)
    assert done.result is Result.OVERTAKEN
    assert done.state is not None
    assert trim(ranges, done.state) == {(TOPIC, 0): Range(6, 10, 10), (TOPIC, 1): Range(0, 2, 2)}


def test_a_range_above_the_recorded_position_is_never_committed(pipe: Pipe) -> None:
    with pytest.raises(Stop) as stop:
        pipe.commit(0, 5, 9)
    assert stop.value.state is StopState.ROLLED_BACK
    assert pipe.rows() == []


@pytest.mark.fault("F66")
def test_a_column_added_by_another_engine_asks_for_the_batch_again(pipe: Pipe) -> None:
    def widen() -> None:
        with pipe.table.update_schema() as update:
            update.add_column(("note",), StringType())

    Script(pipe.lake, first(widen))
    batch = pipe.batch(0, 0, 4)
    done = commit(pipe.lake, pipe.created.sink, batch, HASTE)
    assert done.result is Result.RE_ENCODE
    pipe.head = done.head
    assert pipe.commit(0, 0, 4).result is Result.APPLIED
    assert "note" in [c.name for c in pipe.head.columns]
    assert pipe.table.scan().to_arrow()["note"].null_count == 4


@pytest.mark.fault("F66")
def test_a_new_partitioning_asks_for_the_batch_again(pipe: Pipe) -> None:
    with pipe.table.update_spec() as update:
        update.add_identity("v")
    done = pipe.commit(0, 0, 4)
    assert done.result is Result.RE_ENCODE
    assert pipe.commit(0, 0, 4).files == 4


@pytest.mark.fault("F66")
def test_a_dropped_column_stops_the_sink_by_name(pipe: Pipe) -> None:
    with pipe.table.update_schema() as update:
        update.delete_column("v")
    pipe.commit(0, 0, 4)
    with pytest.raises(Stop, match="Column v of") as stop:
        pipe.commit(0, 0, 4)
    assert stop.value.state is StopState.COLUMN_MISSING
    assert pipe.rows() == []


def test_a_widened_column_is_written_as_the_wider_type(pipe: Pipe) -> None:
    with pipe.table.update_schema() as update:
        update.update_column("_kafka_partition", LongType())
    pipe.commit(0, 0, 4)
    assert pipe.commit(0, 0, 4).result is Result.APPLIED
    assert next(c.type for c in pipe.head.columns if c.name == "_kafka_partition") == "BIGINT"


@pytest.mark.fault("F65")
def test_a_table_that_was_replaced_stops_the_sink(pipe: Pipe) -> None:
    schema = pipe.table.schema()
    pipe.lake.catalog.drop_table(pipe.spec.table)
    with pytest.raises(Stop) as gone:
        pipe.commit(0, 0, 4)
    pipe.lake.catalog.create_table(pipe.spec.table, schema)
    with pytest.raises(Stop) as replaced:
        pipe.commit(0, 0, 4)
    assert gone.value.state is replaced.value.state is StopState.TABLE_REPLACED


def test_another_definition_stops_the_sink(pipe: Pipe) -> None:
    with pytest.raises(Stop) as stop:
        commit(pipe.lake, replace(pipe.created.sink, definition="d2"), pipe.batch(0, 0, 4), HASTE)
    assert stop.value.state is StopState.DEFINITION_CHANGED


@pytest.mark.fault("F74")
def test_a_clock_behind_the_table_waits(pipe: Pipe) -> None:
    seen: list[Progress] = []
    clocks = iter([time.time() - 3600, time.time() - 3600, time.time()])
    done = pipe.commit(0, 0, 4, Control(wait=lambda _: None, clock=lambda: next(clocks), report=seen.append))
    assert done.attempts == 3
    assert any("CLOCK_SKEW" in (p.error or "") for p in seen)


@pytest.mark.fault("F56")
def test_an_unknown_outcome_is_visible_and_may_be_left(pipe: Pipe) -> None:
    seen: list[Progress] = []
    leave = False

    def report(progress: Progress) -> None:
        nonlocal leave
        seen.append(progress)
        leave = progress.phase is Phase.RESOLVING and progress.attempt >= 3

    load = pipe.lake.catalog.load_table

    def land_and_leave(send: Callable[[], Any]) -> Any:
        send()
        pipe.lake.catalog.load_table = _away  # type: ignore[method-assign]
        raise ReadTimeout("lost")

    Script(pipe.lake, land_and_leave)
    with pytest.raises(Left) as left:
        pipe.commit(0, 0, 4, Control(wait=lambda _: None, report=report, cancelled=lambda: leave))
    pipe.lake.catalog.load_table = load  # type: ignore[method-assign]
    assert left.value.unresolved
    assert [p.phase for p in seen if p.error][:2] == [Phase.RESOLVING] * 2
    assert pipe.again().head.cut()[TOPIC, 0] == 4


def _away(_: object) -> Any:
    raise ConnectionError("the catalog is away")


def test_a_commit_left_before_anything_was_sent_is_resolved(pipe: Pipe) -> None:
    with pytest.raises(Left) as left:
        pipe.commit(0, 0, 4, Control(deadline=time.monotonic() - 1))
    assert not left.value.unresolved


def test_permissions_raise_the_alarm(pipe: Pipe) -> None:
    seen: list[Progress] = []
    Script(pipe.lake, before(ForbiddenError("403")))
    pipe.commit(0, 0, 4, Control(wait=lambda _: None, report=seen.append))
    assert [p.alarm for p in seen if p.error] == [True]


@pytest.mark.fault("F70")
@pytest.mark.fault("F72")
def test_a_full_disk_is_tried_again_under_another_name(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    from kshell.iceberg import adapter

    original, names = adapter.write_parquet, []

    def write(table: Any, arrow: Any, cid: str, number: int) -> Any:
        made = original(table, arrow, cid, number)
        names.append(made[0].file_path)
        if len(names) < 3:
            raise OSError(28, "No space left on device")
        return made

    monkeypatch.setattr(adapter, "write_parquet", write)
    assert pipe.commit(0, 0, 4).result is Result.APPLIED
    assert len(set(names)) == 3
    assert len(pipe.rows()) == 4


def test_a_defect_of_ours_is_not_tried_for_ever(pipe: Pipe) -> None:
    with pytest.raises(InternalError):
        pipe.commit(0, 0, 4, rows=lambda: rows(0, 0, 4, id=pa.array(["x"] * 4)))


def test_a_file_carries_the_id_of_its_commit(pipe: Pipe) -> None:
    batch = pipe.batch(0, 0, 4)
    commit(pipe.lake, pipe.created.sink, batch, HASTE)
    assert all(batch.cid in task.file.file_path for task in pipe.table.scan().plan_files())


def test_the_snapshot_the_tag_and_the_mirror_say_the_same(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4, leaders={(TOPIC, 0): 7}, errors=2)
    table = pipe.table
    snapshot = table.current_snapshot()
    state = codec.decode_state(snapshot.summary[codec.state_key("orders_lake")])
    record = codec.decode_commit(snapshot.summary[codec.commit_key("orders_lake")])
    mirrored, named, sequence = codec.decode_mirror(table.properties[codec.state_key("orders_lake")])
    tag = table.metadata.refs["kshell_orders_lake"]
    assert (mirrored, named, sequence) == (state, snapshot.snapshot_id, snapshot.sequence_number)
    assert (tag.snapshot_id, tag.max_ref_age_ms) == (snapshot.snapshot_id, 2**63 - 1)
    assert state.topics[TOPIC].leader == (7, -1)
    assert state.rows() == {(TOPIC, 0): 4, (TOPIC, 1): 0}
    assert (record.ranges, record.errors) == ({(TOPIC, 0): Range(0, 4, 4)}, 2)
    assert int(snapshot.summary["added-records"]) == 4


def test_positions_may_move_without_rows(pipe: Pipe) -> None:
    batch = replace(pipe.batch(0, 0, 4), ranges={(TOPIC, 0): Range(0, 4, 0)}, rows=lambda: pytest.fail("no rows were asked for"))
    done = commit(pipe.lake, pipe.created.sink, batch, HASTE)
    assert (done.files, done.state.next(TOPIC, 0) if done.state else None) == (0, 4)


def test_the_head_after_a_commit_is_one_snapshot(pipe: Pipe) -> None:
    done = pipe.commit(0, 0, 4)
    table = pipe.table
    assert done.head.metadata_location == table.metadata_location
    assert done.head.snapshot_id == table.current_snapshot().snapshot_id
    assert done.head.cut() == {(TOPIC, 0): 4, (TOPIC, 1): 0}


@pytest.mark.fault("F75")
def test_properties_for_retries_change_nothing(pipe: Pipe) -> None:
    with pipe.table.transaction() as change:
        change.set_properties({"commit.retry.num-retries": "50", "commit.retry.min-wait-ms": "1"})
    script = Script(pipe.lake, before(CommitFailedException("409")))
    assert pipe.commit(0, 0, 4).attempts == 2
    assert script.sent == 2


def test_the_pause_between_attempts_grows_to_half_a_minute() -> None:
    longest = [max(outcome.pause_s(outcome.Kind.UNKNOWN, n) for _ in range(200)) for n in (1, 5, 60)]
    assert longest[0] <= 0.05
    assert 0.4 < longest[1] <= 0.8
    assert 20 < longest[2] <= 30
    assert outcome.pause_s(outcome.Kind.CONFLICT, 1) == 0


def test_manifests_are_merged_when_a_head_has_many(pipe: Pipe) -> None:
    for n in range(18):
        pipe.commit(0, n, n + 1)
        table = pipe.table
        assert len(table.current_snapshot().manifests(table.io)) <= tiers.FEW_MANIFESTS + 1
    assert "commit.manifest-merge.enabled" not in table.properties
    assert len(pipe.rows()) == 18


@pytest.mark.fault("F67")
def test_a_lost_data_file_does_not_stop_ingestion(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    for task in pipe.table.scan().plan_files():
        Path(task.file.file_path.removeprefix("file://")).unlink()
    assert pipe.commit(0, 4, 6).result is Result.APPLIED
