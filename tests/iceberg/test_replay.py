"""Replayed records: each in the table once, below positions that do not move, and marked, whatever answers are lost in between."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException

from kshell.engine import Engine
from kshell.errors import RefusedError
from kshell.iceberg import codec, data_files, files
from kshell.iceberg.catalogs import Lake, open_catalog
from kshell.iceberg.check import Verdict, check
from kshell.iceberg.commit import commit
from kshell.iceberg.compact import optimize
from kshell.iceberg.errors_table import commit_errors
from kshell.iceberg.marks import mark
from kshell.iceberg.replay import Landed, land, landed_in
from kshell.iceberg.resolve import accept_rollback, skip
from kshell.iceberg.values import Position, Range, Result
from tests.iceberg.conftest import HASTE, TOPIC, Pipe, rows
from tests.iceberg.faults import Script, after, before, first
from tests.protocol import verify
from tests.protocol.faulty import History

BAD = (4, 7)
LOST = CommitStateUnknownException("504")


def place(offset: int) -> Position:
    return TOPIC, 0, offset


@dataclass
class Replays:
    """Offsets 0 to 9, of which 4 and 7 went to the error table."""

    pipe: Pipe
    bad: tuple[int, ...] = BAD
    end: int = 10

    def __post_init__(self) -> None:
        assert self.pipe.created.errors_sink is not None
        self.errors = self.pipe.created.errors_sink
        self.quarantine(self.bad, 0, self.end)

    def quarantine(self, bad: tuple[int, ...], lo: int, hi: int) -> None:
        """A flush of [lo, hi) with these bad records."""
        n = len(bad)
        quarantined = pa.table({"_kafka_topic": pa.array([TOPIC] * n), "_kafka_partition": pa.array([0] * n, pa.int32()),
                                "_kafka_offset": pa.array(bad, pa.int64()), "_kafka_value": pa.array([b"{"] * n, pa.binary())})
        commit_errors(self.pipe.lake, self.errors, {(TOPIC, 0): Range(lo, hi)}, quarantined, HASTE)
        good = rows(0, lo, hi).filter(pa.array([o not in bad for o in range(lo, hi)]))
        batch = replace(self.pipe.batch(0, lo, hi), ranges={(TOPIC, 0): Range(lo, hi, hi - lo - n)}, rows=lambda: good, errors=n)
        self.pipe.head = commit(self.pipe.lake, self.pipe.created.sink, batch, HASTE).head

    def land(self, *offsets: int) -> Landed:
        chosen = pa.concat_tables([rows(0, o, o + 1) for o in offsets])
        return land(self.pipe.lake, self.pipe.created.sink, chosen, [place(o) for o in offsets], HASTE)

    def mark(self, *offsets: int, snapshot: int | None = 1) -> None:
        mark(self.pipe.lake, self.errors, {place(o): snapshot for o in offsets}, HASTE)

    def offsets(self) -> list[int]:
        return [o for _, o in self.pipe.rows()]

    def marks(self) -> dict[int, int | None]:
        """Of every error row; -1: not marked."""
        table = self.pipe.lake.load(self.errors.table).scan().to_arrow()
        found = zip(*(table[c].to_pylist() for c in ("_kafka_offset", "resolved_at", "resolved_snapshot", "_kafka_value")), strict=True)
        listed = [(o, snapshot if at else -1, value) for o, at, snapshot, value in found]
        assert len({o for o, _, _ in listed}) == len(listed), "an error row twice"
        assert {value for _, _, value in listed} == {b"{"}
        return {o: snapshot for o, snapshot, _ in sorted(listed)}


@pytest.fixture
def replays(pipe: Pipe) -> Replays:
    return Replays(pipe)


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    engine = Engine(threads=1)
    engine.need_iceberg()
    yield engine.cursor()
    engine.close()


def chain(table: Any) -> list[str]:
    """V2, with the sink's id in the place of the protocol's."""
    history = History({s.snapshot_id: (s.parent_snapshot_id, dict(s.summary.additional_properties)) for s in table.metadata.snapshots})
    found = verify.Findings()
    verify.verify_chain(history, table.metadata.current_snapshot_id, found)
    return found.chain


# ---- what lands ----------------------------------------------------------------------------------------------------

def test_rows_land_below_positions_that_stay_and_are_counted(lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    replays = Replays(make_pipe(lake))
    done = replays.land(*BAD)
    assert done.outcome.result is Result.APPLIED
    assert done.fresh == {place(4), place(7)}
    assert replays.offsets() == list(range(10))
    state = done.outcome.state
    assert state is not None
    assert (state.positions()[TOPIC, 0], state.rows()[TOPIC, 0]) == (10, 10)
    snapshot = done.outcome.head.snapshot_id
    replays.mark(*BAD, snapshot=snapshot)
    assert replays.marks() == {4: snapshot, 7: snapshot}
    assert chain(replays.pipe.table) == []
    assert chain(replays.pipe.lake.load(replays.errors.table)) == []
    replays.quarantine((12,), 10, 15)
    assert replays.offsets() == [o for o in range(15) if o != 12]


def test_the_commit_says_what_was_replayed(replays: Replays) -> None:
    done = replays.land(7)
    summary = replays.pipe.table.metadata.current_snapshot().summary.additional_properties
    record = codec.decode_commit(summary[codec.commit_key("orders_lake")])
    assert record.replayed == {(TOPIC, 0): Range(7, 8, 1)}
    assert record.ranges == {(TOPIC, 0): Range(10, 10, 1)}
    assert landed_in(replays.pipe.lake, replays.pipe.created.sink, [place(7), place(4)]) == {
        place(7): done.outcome.head.snapshot_id, place(4): done.outcome.head.snapshot_id}


def test_what_is_in_the_table_is_not_appended_again(replays: Replays) -> None:
    before_ = replays.land(4).outcome.head.snapshot_id
    done = replays.land(4)
    assert (done.outcome.result, done.outcome.head.snapshot_id) == (Result.OVERTAKEN, before_)
    assert done.present == {place(4): before_}
    assert replays.land(4, 7).fresh == {place(7)}
    assert replays.offsets() == list(range(10))


def test_what_lies_above_the_position_waits_for_it(replays: Replays) -> None:
    done = replays.land(4, 11)
    assert done.above == {place(11)}
    assert replays.offsets() == [0, 1, 2, 3, 4, 5, 6, 8, 9]


def test_an_offset_that_stands_for_two_records_is_refused(replays: Replays) -> None:
    skip(replays.pipe.lake, replays.pipe.created.sink, TOPIC, 0, 2, control=HASTE)
    with pytest.raises(RefusedError, match="began again"):
        replays.land(4)


# ---- whatever the catalog answers, whoever is there too --------------------------------------------------------------

@pytest.mark.fault("F54")
@pytest.mark.parametrize("step", [before(LOST), after(LOST), before(CommitFailedException("409")), after(CommitFailedException("409"))],
                         ids=["lost on the way", "answer lost", "refused", "refused after its landing"])
def test_rows_land_once_after_any_answer(step: Any, replays: Replays) -> None:
    Script(replays.pipe.lake, step)
    assert replays.land(*BAD).fresh == {place(4), place(7)}
    assert replays.offsets() == list(range(10))
    Script(replays.pipe.lake, step)
    replays.mark(*BAD)
    assert replays.marks() == {4: 1, 7: 1}


def test_of_two_that_replay_at_once_each_record_lands_once(replays: Replays) -> None:
    Script(replays.pipe.lake, first(lambda: replays.land(4)))
    done = replays.land(*BAD)
    assert done.fresh == {place(7)}
    assert done.present.keys() == {place(4)}
    assert replays.offsets() == list(range(10))


def test_a_flush_in_between_is_built_upon_without_reading_the_table_again(replays: Replays, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    original = files.write
    monkeypatch.setattr(files, "write", lambda *a: written.append(1) or original(*a))  # type: ignore[func-returns-value]
    Script(replays.pipe.lake, first(lambda: replays.pipe.commit(0, 10, 12)))
    monkeypatch.setattr("kshell.iceberg.replay._held", _once(lambda: set()))
    replays.land(*BAD)
    assert replays.offsets() == list(range(12))
    assert len(written) == 2, "its own files once, and those of the flush"


def _once(answer: Callable[[], Any]) -> Callable[..., Any]:
    asked: list[int] = []

    def ask(*_: Any) -> Any:
        assert not asked, "asked a second time"
        asked.append(1)
        return answer()

    return ask


def test_an_offset_that_the_position_passes_between_attempts_is_asked_about(replays: Replays) -> None:
    """The clock stops the first attempt after the table was asked; a flush then brings the record itself."""
    def flush(_: float) -> None:
        if replays.pipe.head.cut()[TOPIC, 0] == 10:
            replays.quarantine((), 10, 15)

    slow = iter([0.0])
    control = replace(HASTE, wait=flush, clock=lambda: next(slow, time.time()))
    done = land(replays.pipe.lake, replays.pipe.created.sink, pa.concat_tables([rows(0, o, o + 1) for o in (4, 11)]), [place(4), place(11)],
                control)
    assert (done.fresh, done.present.keys()) == ({place(4)}, {place(11)})
    assert replays.offsets() == [o for o in range(15) if o != 7]


def test_a_compaction_in_between_is_built_upon(replays: Replays, monkeypatch: pytest.MonkeyPatch) -> None:
    for lo in range(10, 40, 2):
        replays.pipe.commit(0, lo, lo + 2)
    Script(replays.pipe.lake, first(lambda: optimize(replays.pipe.lake, replays.pipe.created.sink, HASTE)))
    monkeypatch.setattr("kshell.iceberg.replay._held", _once(lambda: set()))
    replays.land(*BAD)
    assert [s.summary.operation.value for s in replays.pipe.table.metadata.snapshots[-2:] if s.summary] == ["replace", "append"]
    assert replays.offsets() == list(range(40))


def test_under_faults_and_beside_each_other_each_record_lands_once(tmp_path: Path, sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    """Three that replay what they like, one that flushes, and a catalog that loses requests and answers."""
    pipe = make_pipe(sql_lake)
    bad = tuple(range(1, 60, 2))
    replays = Replays(pipe, bad, 60)

    def worker(seed: int) -> None:
        draw = random.Random(seed)
        lake = open_catalog("sql", "ice", f"sqlite:///{tmp_path}/cat.db", f"file://{tmp_path}/wh")
        own = replace(pipe, lake=lake)
        commit_table = lake.catalog.commit_table

        def unreliable(*asked: Any) -> Any:
            chance = draw.random()
            if chance < 0.15:
                raise LOST
            answer = commit_table(*asked)
            if chance > 0.85:
                raise LOST
            return answer

        lake.catalog.commit_table = unreliable  # type: ignore[method-assign]
        if seed == 0:
            for lo in range(60, 90, 3):
                own.commit(0, lo, lo + 3)
        for _ in range(5 if seed else 0):
            chosen = draw.sample(bad, 6)
            done = land(lake, pipe.created.sink, pa.concat_tables([rows(0, o, o + 1) for o in chosen]), [place(o) for o in chosen], HASTE)
            snapshot = done.outcome.head.snapshot_id
            mark(lake, replays.errors, dict.fromkeys(done.fresh, snapshot) | dict(done.present), HASTE)
        lake.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(worker, range(4))) == [None] * 4
    replays.land(*bad)
    assert replays.offsets() == list(range(90))
    assert chain(pipe.table) == []
    assert chain(pipe.lake.load(replays.errors.table)) == []
    assert replays.marks().keys() == set(bad)


def test_a_foreign_append_in_between_is_looked_at(replays: Replays) -> None:
    Script(replays.pipe.lake, first(lambda: replays.pipe.table.append(rows(0, 4, 5))))
    assert replays.land(*BAD).fresh == {place(7)}
    assert replays.offsets() == list(range(10))


def test_a_flush_during_the_marking_loses_no_error_row(replays: Replays) -> None:
    Script(replays.pipe.lake, first(lambda: replays.quarantine((12,), 10, 15)))
    replays.mark(*BAD)
    assert replays.marks() == {4: 1, 7: 1, 12: -1}


def test_two_that_mark_at_once_lose_no_error_row(replays: Replays) -> None:
    Script(replays.pipe.lake, first(lambda: replays.mark(4, snapshot=5)))
    replays.mark(7, snapshot=6)
    assert replays.marks() == {4: 5, 7: 6}


@pytest.mark.parametrize("step", ["read", "write"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_error_at_any_file_marks_each_row_once(step: str, number: int, replays: Replays, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, a store that does not answer: the whole is done again, with files of other names."""
    replays.quarantine((12, 17), 10, 20)
    replays.quarantine((21,), 20, 25)
    place_ = (files, "write") if step == "write" else (data_files, "rows_of")
    original, calls, names = getattr(*place_), [0], list[str]()

    def failing(*asked: Any) -> Any:
        calls[0] += 1
        if calls[0] == number:
            raise OSError(28, "No space left on device")
        made = original(*asked)
        names.extend(file.file_path for file in (made if step == "write" else ()))
        return made

    monkeypatch.setattr(*place_, failing)
    replays.mark(4, 7, 12, 17, 21)
    assert replays.marks() == dict.fromkeys((4, 7, 12, 17, 21), 1)
    assert calls[0] == number + 3
    assert len(set(names)) == len(names), "a half-written file is not used again"
    assert chain(replays.pipe.lake.load(replays.errors.table)) == []


def test_marks_are_made_once_and_only_where_they_say_something_else(replays: Replays) -> None:
    replays.mark(4)
    before_ = replays.pipe.lake.load(replays.errors.table).metadata.current_snapshot_id
    replays.mark(4)
    assert replays.pipe.lake.load(replays.errors.table).metadata.current_snapshot_id == before_
    replays.mark(4, snapshot=2)
    replays.mark(7, snapshot=None)
    assert replays.marks() == {4: 2, 7: None}


def test_an_error_table_of_an_earlier_version_is_given_the_columns(replays: Replays, cursor: duckdb.DuckDBPyConnection) -> None:
    with replays.pipe.lake.load(replays.errors.table).update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("resolved_at").delete_column("resolved_snapshot")
    assert checked(replays, cursor) == (8, 2, 0, Verdict.OK)
    replays.mark(4)
    replays.quarantine((12,), 10, 15)
    assert replays.marks() == {4: 1, 7: -1, 12: -1}


# ---- CHECK SINK, rollback --------------------------------------------------------------------------------------------

def checked(replays: Replays, cursor: duckdb.DuckDBPyConnection) -> tuple[int, int, int, Verdict]:
    found = check(cursor, replays.pipe.lake, replays.pipe.created.sink, replays.errors)[0]
    return found.rows, found.errors, found.missing, found.result


def test_a_check_counts_a_replayed_record_as_a_row(replays: Replays, cursor: duckdb.DuckDBPyConnection) -> None:
    assert checked(replays, cursor) == (8, 2, 0, Verdict.OK)
    snapshot = replays.land(4).outcome.head.snapshot_id
    assert checked(replays, cursor) == (9, 1, 0, Verdict.OK), "before the mark as after it"
    replays.mark(4, snapshot=snapshot)
    assert checked(replays, cursor) == (9, 1, 0, Verdict.OK)
    replays.mark(7, snapshot=None)
    assert checked(replays, cursor) == (9, 0, 0, Verdict.OK), "the sink's query left it out"


def test_a_replay_that_was_rolled_back_is_open_again(replays: Replays, cursor: duckdb.DuckDBPyConnection) -> None:
    before_ = replays.pipe.table.metadata.current_snapshot_id
    replays.mark(*BAD, snapshot=replays.land(*BAD).outcome.head.snapshot_id)
    replays.pipe.table.manage_snapshots().set_current_snapshot(snapshot_id=before_).commit()
    accept_rollback(replays.pipe.lake, replays.pipe.created.sink, HASTE)
    assert checked(replays, cursor) == (8, 2, 0, Verdict.OK)
    snapshot = replays.land(*BAD).outcome.head.snapshot_id
    replays.mark(*BAD, snapshot=snapshot)
    assert checked(replays, cursor) == (10, 0, 0, Verdict.OK)
    assert replays.marks() == {4: snapshot, 7: snapshot}
