"""Quarantined records: each once, in the error table or in the table and never in both, whatever dies between the two commits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.exceptions import CommitStateUnknownException

from kshell.errors import ConflictError
from kshell.iceberg import codec
from kshell.iceberg.errors_table import commit_errors, commit_skipped
from kshell.iceberg.head import load_head
from kshell.iceberg.resolve import skip
from kshell.iceberg.values import ERROR_COLUMNS, RESOLUTION_COLUMNS, Jump, Left, Range, Sink
from tests.iceberg.conftest import HASTE, TOPIC, Pipe
from tests.iceberg.faults import Script, first


def _bad(*positions: tuple[int, int]) -> pa.Table:
    return pa.table({"_kafka_topic": pa.array([TOPIC] * len(positions), pa.string()),
                     "_kafka_partition": pa.array([p for p, _ in positions], pa.int32()),
                     "_kafka_offset": pa.array([o for _, o in positions], pa.int64()),
                     "code": pa.array(["JSON_SYNTAX"] * len(positions), pa.string())})


def _skipped(offset: int) -> pa.Table:
    row = _bad((0, offset))
    return row.set_column(row.column_names.index("code"), "code", pa.array(["SKIPPED"]))


def _epochs(pipe: Pipe) -> list[tuple[int, int | None]]:
    assert pipe.spec.errors_table is not None
    table = pipe.lake.load(pipe.spec.errors_table).scan().to_arrow()
    return sorted(zip(table["_kafka_offset"].to_pylist(), table["_kafka_epoch"].to_pylist(), strict=True), key=str)


def _stored(pipe: Pipe) -> list[tuple[int, int]]:
    assert pipe.spec.errors_table is not None
    table = pipe.lake.load(pipe.spec.errors_table).scan().to_arrow()
    return sorted(zip(table["_kafka_partition"].to_pylist(), table["_kafka_offset"].to_pylist(), strict=True))


@pytest.fixture
def errors(pipe: Pipe) -> Sink:
    assert pipe.created.errors_sink is not None
    return pipe.created.errors_sink


def test_the_error_table_has_the_columns_of_the_types_page(pipe: Pipe) -> None:
    assert pipe.created.errors_head is not None
    assert pipe.created.errors_head.columns == (*ERROR_COLUMNS, *RESOLUTION_COLUMNS)


def test_bad_records_are_stored_and_nothing_is_committed_without_any(pipe: Pipe, errors: Sink) -> None:
    ranges = {(TOPIC, 0): Range(0, 10, 9), (TOPIC, 1): Range(0, 5, 5)}
    done = commit_errors(pipe.lake, errors, ranges, _bad((0, 4)), HASTE)
    assert (done.committed, done.already) == (1, frozenset())
    assert done.head.cut() == {(TOPIC, 0): 10, (TOPIC, 1): 0}
    before = done.head.snapshot_id
    done = commit_errors(pipe.lake, errors, {(TOPIC, 1): Range(5, 9, 4)}, _bad(), HASTE)
    assert (done.committed, done.head.snapshot_id) == (0, before)


def test_a_worker_that_died_between_the_commits_neither_loses_nor_repeats(pipe: Pipe, errors: Sink) -> None:
    commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(0, 10, 9)}, _bad((0, 4)), HASTE)
    # It died here. The next one has another batch over the same offsets, and a bad record more.
    done = commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(0, 20, 17)}, _bad((0, 4), (0, 12), (0, 13)), HASTE)
    assert done.already == {(TOPIC, 0, 4)}
    assert done.committed == 2
    assert _stored(pipe) == [(0, 4), (0, 12), (0, 13)]


def test_a_committed_verdict_is_final_even_if_the_record_decodes_today(pipe: Pipe, errors: Sink) -> None:
    commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(0, 10, 9)}, _bad((0, 4)), HASTE)
    done = commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(0, 10, 10)}, _bad(), HASTE)
    assert done.already == {(TOPIC, 0, 4)}


def test_a_late_bad_record_is_stored_and_marked(pipe: Pipe, errors: Sink) -> None:
    commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(0, 10, 9)}, _bad((0, 4)), HASTE)
    done = commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(0, 8, 6)}, _bad((0, 4), (0, 6)), HASTE)
    assert done.committed == 1
    assert done.head.cut()[TOPIC, 0] == 10
    record = pipe.lake.load(errors.table).current_snapshot().summary[codec.commit_key("orders_lake")]  # type: ignore[union-attr, index]
    assert codec.decode_commit(record).jumps == (Jump(TOPIC, 0, 0, 10, "LATE"),)


def test_of_two_workers_with_one_late_verdict_one_stores_it(pipe: Pipe, errors: Sink) -> None:
    """It moves no position, so the equality of positions does not tell the two apart."""
    ranges = {(TOPIC, 0): Range(0, 10, 8)}
    commit_errors(pipe.lake, errors, ranges, _bad((0, 4)), HASTE)
    Script(pipe.lake, first(lambda: commit_errors(pipe.lake, errors, ranges, _bad((0, 4), (0, 6)), HASTE)))
    done = commit_errors(pipe.lake, errors, ranges, _bad((0, 4), (0, 6), (0, 7)), HASTE)
    assert (done.already, done.committed) == ({(TOPIC, 0, 4), (TOPIC, 0, 6)}, 1)
    assert _stored(pipe) == [(0, 4), (0, 6), (0, 7)]


def test_a_late_verdict_whose_answer_is_lost_and_whose_snapshot_expired_is_stored_once(pipe: Pipe, errors: Sink) -> None:
    ranges = {(TOPIC, 0): Range(0, 10, 8)}
    commit_errors(pipe.lake, errors, ranges, _bad((0, 4)), HASTE)

    def landed_and_expired(send: Callable[[], Any]) -> Any:
        send()
        landed = pipe.lake.load(errors.table).metadata.current_snapshot_id
        commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(10, 20, 9)}, _bad((0, 14)), HASTE)
        pipe.lake.load(errors.table).maintenance.expire_snapshots().by_id(landed).commit()
        raise CommitStateUnknownException("504")

    Script(pipe.lake, landed_and_expired)
    done = commit_errors(pipe.lake, errors, ranges, _bad((0, 4), (0, 6)), HASTE)
    assert done.already == {(TOPIC, 0, 4), (TOPIC, 0, 6)}
    assert _stored(pipe) == [(0, 4), (0, 6), (0, 14)]


def test_the_error_chain_is_contiguous_over_what_had_no_bad_records(pipe: Pipe, errors: Sink) -> None:
    commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(500, 510, 9)}, _bad((0, 504)), HASTE)
    record = pipe.lake.load(errors.table).current_snapshot().summary[codec.commit_key("orders_lake")]  # type: ignore[union-attr, index]
    assert codec.decode_commit(record).ranges == {(TOPIC, 0): Range(0, 510, 1)}


def test_the_error_table_has_its_own_state_and_tag(pipe: Pipe, errors: Sink) -> None:
    commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(0, 10, 9)}, _bad((0, 4)), HASTE)
    assert load_head(pipe.lake, errors).cut()[TOPIC, 0] == 10
    assert load_head(pipe.lake, pipe.created.sink).cut()[TOPIC, 0] == 0
    assert "kshell_orders_lake" in pipe.lake.load(errors.table).metadata.refs


# ---- offsets that are used again ---------------------------------------------------------------------------------

def test_a_row_that_names_a_skip_judges_no_record(pipe: Pipe, errors: Sink) -> None:
    pipe.commit(0, 0, 10)
    commit_skipped(pipe.lake, errors, (TOPIC, 0), Range(10, 15), _skipped(10), HASTE)
    commit_skipped(pipe.lake, errors, (TOPIC, 0), Range(10, 15), _skipped(10), HASTE)
    assert _stored(pipe) == [(0, 10)], "said again after a crash, it is one row"
    done = commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(10, 13, 3)}, _bad(), HASTE)
    assert done.already == frozenset()
    done = commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(10, 13, 2)}, _bad((0, 10)), HASTE)
    assert (done.committed, _stored(pipe)) == (1, [(0, 10), (0, 10)])


def test_records_at_offsets_that_are_used_again_are_judged_by_themselves(pipe: Pipe, errors: Sink) -> None:
    commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(0, 10, 8)}, _bad((0, 4), (0, 7)), HASTE)
    pipe.commit(0, 0, 10)
    skip(pipe.lake, pipe.created.sink, TOPIC, 0, 2, control=HASTE, errors=errors)
    assert load_head(pipe.lake, errors).cut()[TOPIC, 0] == 2
    done = commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(2, 6, 3)}, _bad((0, 4)), HASTE)
    assert (done.already, done.committed) == (frozenset(), 1)
    again = commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(2, 9, 6)}, _bad((0, 4)), HASTE)
    assert (again.already, again.committed) == ({(TOPIC, 0, 4)}, 0), "the verdict of this epoch is final too"
    assert _epochs(pipe) == [(4, 1), (4, None), (7, None)]


def test_verdicts_of_partitions_that_did_not_begin_again_stay_final(pipe: Pipe, errors: Sink) -> None:
    commit_errors(pipe.lake, errors, {(TOPIC, 1): Range(0, 10, 9)}, _bad((1, 4)), HASTE)      # a worker died here
    pipe.commit(0, 0, 10)
    skip(pipe.lake, pipe.created.sink, TOPIC, 0, 2, control=HASTE, errors=errors)
    assert commit_errors(pipe.lake, errors, {(TOPIC, 1): Range(0, 10, 10)}, _bad(), HASTE).already == {(TOPIC, 1, 4)}


def test_a_skip_that_died_between_the_two_tables_is_said_again(pipe: Pipe, errors: Sink) -> None:
    pipe.commit(0, 0, 10)
    fails = replace(HASTE, cancelled=lambda: load_head(pipe.lake, errors).cut()[TOPIC, 0] == 2)
    with pytest.raises(Left):
        skip(pipe.lake, pipe.created.sink, TOPIC, 0, 2, control=fails, errors=errors)
    commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(2, 6, 3)}, _bad((0, 4)), HASTE)
    head = skip(pipe.lake, pipe.created.sink, TOPIC, 0, 2, control=HASTE, errors=errors)
    states = head.state, load_head(pipe.lake, errors).state
    assert [state and state.again(TOPIC, 0) for state in states] == [2, 2]
    assert commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(2, 6, 4)}, _bad(), HASTE).already == frozenset()


def test_a_verdict_about_a_record_of_the_epoch_before_is_not_committed(pipe: Pipe, errors: Sink) -> None:
    """Another process still holds what it read before the log was cut."""
    epochs = {(TOPIC, 0): 0, (TOPIC, 1): 0}
    pipe.commit(0, 0, 10)
    skip(pipe.lake, pipe.created.sink, TOPIC, 0, 2, control=HASTE, errors=errors)
    with pytest.raises(ConflictError, match="moved back"):
        commit_errors(pipe.lake, errors, {(TOPIC, 0): Range(10, 15, 4)}, _bad((0, 12)), HASTE, epochs=epochs)
    assert commit_errors(pipe.lake, errors, {(TOPIC, 1): Range(0, 5, 4)}, _bad((1, 2)), HASTE, epochs=epochs).committed == 1
    assert _stored(pipe) == [(1, 2)]
