"""Recorded progress: found where it is, and refused where it cannot be trusted. `neighbour` is another engine on the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from kshell.errors import ConflictError, RefusedError
from kshell.iceberg import codec, lineage, resolve
from kshell.iceberg.commit import commit
from kshell.iceberg.head import load_head
from kshell.iceberg.resolve import accept_rollback, recover_from_data, skip
from kshell.iceberg.state import read_state
from kshell.iceberg.values import Jump, Result, State, Stop, StopState, TopicState
from tests.iceberg.conftest import HASTE, TOPIC, Pipe, facts

FOREIGN = pa.table({"id": pa.array([-1], pa.int64())})


def _expire(pipe: Pipe) -> None:
    table = pipe.table
    keep = {ref.snapshot_id for ref in table.metadata.refs.values()}
    table.maintenance.expire_snapshots().by_ids([s.snapshot_id for s in table.metadata.snapshots if s.snapshot_id not in keep]).commit()


def _roll_back(pipe: Pipe, steps: int = 1) -> None:
    table = pipe.table
    snapshot = table.current_snapshot()
    for _ in range(steps):
        snapshot = table.snapshot_by_id(snapshot.parent_snapshot_id)
    table.manage_snapshots().set_current_snapshot(snapshot_id=snapshot.snapshot_id).commit()


def _stopped(action: Callable[[], Any]) -> StopState:
    with pytest.raises(Stop) as stop:
        action()
    assert "ALTER SINK orders_lake" in (stop.value.hint or "")
    return stop.value.state


@pytest.mark.fault("F61")
def test_foreign_snapshots_are_walked_past(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    pipe.table.append(FOREIGN)
    pipe.table.delete("id = -1")
    pipe.table.overwrite(pipe.table.scan().to_arrow())
    assert pipe.again().head.cut()[TOPIC, 0] == 4
    assert pipe.commit(0, 4, 6).result is Result.APPLIED
    assert pipe.rows() == [(0, o) for o in range(6)]


@pytest.mark.fault("F62")
def test_the_tag_carries_the_progress_when_the_ancestors_are_expired(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    pipe.table.append(FOREIGN)
    pipe.table.append(FOREIGN)
    _expire(pipe)
    assert read_state(pipe.table.metadata, pipe.created.sink).by_tag
    assert pipe.again().head.cut()[TOPIC, 0] == 4
    assert pipe.commit(0, 4, 6).result is Result.APPLIED


def test_the_tag_is_believed_after_compaction_by_the_offsets(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    pipe.table.overwrite(pipe.table.scan().to_arrow())
    pipe.table.append(FOREIGN)
    _expire(pipe)
    assert pipe.again().head.cut()[TOPIC, 0] == 4


@pytest.mark.fault("F64")
def test_a_rollback_below_the_tag_is_noticed_although_the_tag_is_older_than_the_head(pipe: Pipe) -> None:
    for n in range(3):
        pipe.commit(0, n, n + 1)
    _roll_back(pipe, 2)
    pipe.table.append(FOREIGN)
    _expire(pipe)
    assert not lineage.contained(pipe.table, pipe.table.metadata.refs["kshell_orders_lake"].snapshot_id)
    assert _stopped(pipe.again) is StopState.ROLLED_BACK
    assert _stopped(lambda: pipe.commit(0, 3, 4)) is StopState.ROLLED_BACK


@pytest.mark.fault("F63")
def test_progress_that_nothing_carries_is_lost_and_nothing_is_written(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    pipe.table.append(FOREIGN)
    pipe.table.append(FOREIGN)
    pipe.table.manage_snapshots().remove_tag("kshell_orders_lake").commit()
    _expire(pipe)
    assert _stopped(pipe.again) is StopState.STATE_LOST
    assert _stopped(lambda: pipe.commit(0, 4, 6)) is StopState.STATE_LOST


@pytest.mark.fault("F64")
@pytest.mark.parametrize("tagged", [True, False], ids=["tag", "mirror"])
def test_a_rollback_while_nobody_ran_does_not_pass_for_a_restart(tagged: bool, pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    pipe.commit(0, 4, 8)
    _roll_back(pipe)
    if not tagged:
        pipe.table.manage_snapshots().remove_tag("kshell_orders_lake").commit()
    assert _stopped(pipe.again) is StopState.ROLLED_BACK
    accept_rollback(pipe.lake, pipe.created.sink, HASTE)
    again = pipe.again()
    assert again.head.cut()[TOPIC, 0] == 4
    pipe.head = again.head
    assert pipe.commit(0, 4, 10).result is Result.APPLIED
    assert pipe.rows() == [(0, o) for o in range(10)]


def test_a_worker_above_an_accepted_rollback_is_rewound(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    pipe.commit(0, 4, 8)
    _roll_back(pipe)
    accept_rollback(pipe.lake, pipe.created.sink, HASTE)
    done = pipe.commit(0, 8, 9)
    assert (done.result, done.head.cut()[TOPIC, 0]) == (Result.REWOUND, 4)


def test_a_rollback_to_before_the_first_commit_is_lost_progress(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    table = pipe.table
    pipe.lake.catalog.drop_table(pipe.spec.table)
    # The table as a restore from before the sink leaves it: properties are there, snapshots are not.
    pipe.lake.catalog.create_table(pipe.spec.table, table.schema(), properties=table.properties)
    assert _stopped(pipe.again) is StopState.STATE_LOST


def test_recovery_from_data_takes_the_highest_offsets_and_is_recorded(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    pipe.commit(1, 0, 2)
    pipe.table.append(FOREIGN)
    pipe.table.manage_snapshots().remove_tag("kshell_orders_lake").commit()
    _expire(pipe)
    found = recover_from_data(pipe.lake, pipe.created.sink, facts(), HASTE)
    assert found.cut() == {(TOPIC, 0): 4, (TOPIC, 1): 2}
    assert found.state is not None
    assert found.state.rows() == {(TOPIC, 0): 4, (TOPIC, 1): 2}
    record = codec.decode_commit(pipe.table.current_snapshot().summary[codec.commit_key("orders_lake")])
    assert [j.kind for j in record.jumps] == ["RECOVER", "RECOVER"]
    pipe.head = found
    assert pipe.commit(0, 4, 6).result is Result.APPLIED


def test_skip_moves_one_position_and_is_recorded(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    found = skip(pipe.lake, pipe.created.sink, TOPIC, 0, 9, "retention", HASTE)
    assert found.cut() == {(TOPIC, 0): 9, (TOPIC, 1): 0}
    record = codec.decode_commit(pipe.table.current_snapshot().summary[codec.commit_key("orders_lake")])
    assert record.jumps == (Jump(TOPIC, 0, 4, 9, "SKIP", "retention"),)


def test_skip_backwards_begins_a_topic_epoch_that_rows_carry(pipe: Pipe) -> None:
    pipe.commit(0, 0, 4)
    pipe.head = skip(pipe.lake, pipe.created.sink, TOPIC, 0, 0, control=HASTE)
    assert pipe.head.state is not None
    assert pipe.head.state.topics[TOPIC].epoch == 1
    assert pipe.commit(0, 0, 2).result is Result.APPLIED
    epochs = pipe.table.scan().to_arrow()["_kafka_epoch"].to_pylist()
    assert sorted(epochs, key=str) == [1, 1, None, None, None, None]


def test_a_skip_is_refused_when_the_position_moves_meanwhile(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe.commit(0, 0, 10)
    with pytest.raises(ConflictError, match="from 4 to 10"):
        skip(pipe.lake, pipe.created.sink, TOPIC, 0, 15, control=HASTE, seen=4)

    def another_worker(*at: Any) -> int:
        found = position(*at)
        pipe.commit(0, 10, 20)
        return found
    position = resolve._position
    monkeypatch.setattr(resolve, "_position", another_worker)
    with pytest.raises(ConflictError, match="from 10 to 20"):
        skip(pipe.lake, pipe.created.sink, TOPIC, 0, 15, control=HASTE, seen=10)
    head = load_head(pipe.lake, pipe.created.sink)
    assert head.state is not None
    assert (head.cut()[TOPIC, 0], head.state.topics[TOPIC].epoch) == (20, 0)


def test_a_batch_of_the_epoch_before_is_refused_at_the_same_offsets(pipe: Pipe) -> None:
    pipe.commit(0, 0, 10)
    zombie = pipe.batch(0, 10, 12, again={(TOPIC, 0): 0})
    pipe.head = skip(pipe.lake, pipe.created.sink, TOPIC, 0, 8, control=HASTE)
    pipe.commit(0, 8, 10)
    zombie = replace(zombie, schema_id=pipe.head.schema_id)
    assert commit(pipe.lake, pipe.created.sink, zombie, HASTE).result is Result.REWOUND
    assert pipe.commit(0, 10, 12, again={(TOPIC, 0): 1}).result is Result.APPLIED


def test_recovery_from_data_goes_on_in_the_epoch_of_each_partition(pipe: Pipe) -> None:
    pipe.commit(0, 0, 9)
    pipe.commit(1, 0, 7)
    pipe.head = skip(pipe.lake, pipe.created.sink, TOPIC, 0, 2, control=HASTE)
    pipe.commit(0, 2, 4)
    found = recover_from_data(pipe.lake, pipe.created.sink, facts(), HASTE)
    assert found.cut() == {(TOPIC, 0): 4, (TOPIC, 1): 7}
    assert found.state is not None
    assert [found.state.again(TOPIC, p) for p in (0, 1)] == [1, 0]


def test_an_existing_table_with_expired_history_that_was_never_ours_is_free(pipe: Pipe) -> None:
    identifier = (pipe.spec.table[0], "theirs")
    table = pipe.lake.catalog.create_table(identifier, pipe.table.schema())
    for _ in range(3):
        pipe.lake.load(identifier).append(FOREIGN)
    table = pipe.lake.load(identifier)
    table.maintenance.expire_snapshots().by_ids([s.snapshot_id for s in table.metadata.snapshots[:-1]]).commit()
    assert read_state(pipe.lake.load(identifier).metadata, pipe.created.sink).state is None


# ---- codec -------------------------------------------------------------------------------------------------------

STATE = State(seq=42, definition="9f2c41d07be83a55", cluster="c",
              topics={"orders": TopicState("t", 0, (1201, 988, -1), (7, 7, -1), (3, 2, 0))})
GOLDEN = ('{"cluster":"c","def":"9f2c41d07be83a55","seq":42,"topics":{"orders":{"epoch":0,"id":"t","leader":[7,7,-1],"next":[1201,988,-1],'
          '"rows":[3,2,0]}},"v":1}')


@pytest.mark.fault("F83")
def test_the_state_is_spelled_as_it_always_was() -> None:
    assert codec.encode_state(STATE) == GOLDEN
    assert codec.decode_state(GOLDEN) == STATE


@pytest.mark.fault("F83")
def test_a_later_version_is_refused() -> None:
    with pytest.raises(RefusedError, match="version 2"):
        codec.decode_state(GOLDEN.replace('"v":1', '"v":2'))


def test_unknown_members_of_a_minor_version_are_read_over() -> None:
    assert codec.decode_state(GOLDEN.replace('"seq"', '"more":{},"seq"')) == STATE


def test_positions_of_partitions_that_appear_later_begin_at_zero() -> None:
    assert (STATE.next("orders", 2), STATE.next("orders", 9), STATE.next("another", 0)) == (-1, 0, 0)


def test_the_order_of_a_definition_does_not_matter() -> None:
    assert codec.definition_hash({"a": 1, "b": [2]}) == codec.definition_hash({"b": [2], "a": 1})
    assert codec.definition_hash({"a": 1, "b": [2]}) != codec.definition_hash({"a": 2, "b": [2]})


def test_ranges_are_left_out_above_256_partitions(pipe: Pipe) -> None:
    batch = pipe.batch(0, 0, 4)
    assert "ranges" in json.loads(codec.encode_commit(batch, pipe.created.sink, 256))
    assert codec.decode_commit(codec.encode_commit(batch, pipe.created.sink, 257)).ranges is None
