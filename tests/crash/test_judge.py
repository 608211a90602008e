"""The judge sees what it is there to see: a row lost, repeated, changed, in both tables or in none, and a position that moved back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kshell.iceberg.values import State, TopicState
from tests.crash import judge as judging
from tests.crash import reader
from tests.crash.waves import PARTITIONS, Waves, payload, record
from tests.protocol.verify import SINK

TOPIC = "t"
Rows = list[tuple[Any, ...]]


@pytest.fixture
def log() -> Waves:
    """Two good records and one bad in each partition."""
    waves = Waves(TOPIC, None, None)  # type: ignore[arg-type]
    for p in range(PARTITIONS):
        waves.good |= {(p, 0): record(p), (p, 2): None}
        waves.bad[p, 1] = b"{broken"
    return waves


def landed(log: Waves) -> tuple[Rows, Rows]:
    return [(p, o, *payload(v)) for (p, o), v in log.good.items()], [(p, o, v) for (p, o), v in log.bad.items()]


def state(*positions: int) -> State:
    return State(1, "d", "c", {TOPIC: TopicState(id=None, next=positions)})


def verdict(log: Waves, rows: Rows, failed: Rows, at: State | None = None) -> list[str]:
    return judging.judge_rows("orders", rows, failed, at or state(3, 3, 3), log, complete=True)


def test_a_table_that_is_the_log_is_well(log: Waves) -> None:
    assert verdict(log, *landed(log)) == []


def _lose(rows: Rows, failed: Rows) -> None:
    rows.pop()


def _repeat(rows: Rows, failed: Rows) -> None:
    rows.append(rows[0])


def _swap(rows: Rows, failed: Rows) -> None:
    rows[0] = (*rows[0][:2], *payload(record(77)))


def _lose_error(rows: Rows, failed: Rows) -> None:
    failed.pop()


def _repeat_error(rows: Rows, failed: Rows) -> None:
    failed.append(failed[0])


def _change_error(rows: Rows, failed: Rows) -> None:
    failed[0] = (*failed[0][:2], b"{other")


def _both(rows: Rows, failed: Rows) -> None:
    failed.append((0, 0, record(0)))


def _invent(rows: Rows, failed: Rows) -> None:
    rows.append((2, 9, *payload(record(2))))


@pytest.mark.parametrize("harm", [_lose, _repeat, _swap, _lose_error, _repeat_error, _change_error, _both, _invent])
def test_each_harm_is_reported(log: Waves, harm: Callable[[Rows, Rows], None]) -> None:
    rows, failed = landed(log)
    harm(rows, failed)
    assert verdict(log, rows, failed)


def test_an_end_that_was_not_reached_is_reported(log: Waves) -> None:
    rows, failed = landed(log)
    rows = [r for r in rows if r[:2] != (1, 2)]
    assert verdict(log, rows, failed, state(3, 2, 3)) == ["orders: partitions [1] are not at the end of the log"]
    assert judging.judge_rows("orders", rows, failed, state(3, 2, 3), log, complete=False) == []


# ---- the chain -----------------------------------------------------------------------------------------------------

def stored(tmp_path: Path, *commits: tuple[int, int, int]) -> reader.Stored:
    """A table whose commits went from one offset to another: (lo, hi, recorded next)."""
    snapshots = []
    for number, (lo, hi, recorded) in enumerate(commits, start=1):
        summary = {
            f"kshell.{SINK}.state": json.dumps({"v": 1, "seq": number, "def": "d", "cluster": "c",
                                                "topics": {TOPIC: {"id": None, "next": [recorded]}}}),
            f"kshell.{SINK}.commit": json.dumps({"v": 1, "id": f"id{number}", "writer": "w", "ranges": {TOPIC: [[0, lo, hi, hi - lo]]},
                                                 "jumps": [], "errors": 0}),
            "added-records": str(hi - lo)}
        snapshots.append({"snapshot-id": number, "parent-snapshot-id": number - 1 or None, "summary": summary})
    file = tmp_path / "1.metadata.json"
    file.write_text(json.dumps({"current-snapshot-id": len(commits), "snapshots": snapshots, "metadata-log": []}))
    return reader.Stored(f"file://{file}", json.loads(file.read_text()))


def test_an_unbroken_chain_is_well(tmp_path: Path) -> None:
    assert judging.judge_chain("orders", stored(tmp_path, (0, 3, 3), (3, 5, 5))) == []


@pytest.mark.parametrize("commits", [((0, 3, 3), (4, 5, 5)), ((0, 3, 3), (2, 5, 5)), ((0, 3, 3), (3, 5, 4)), ((0, 3, 3), (3, 5, 2))])
def test_a_gap_an_overlap_and_a_position_moved_back_are_reported(tmp_path: Path, commits: tuple[tuple[int, int, int], ...]) -> None:
    assert judging.judge_chain("orders", stored(tmp_path, *commits))


def test_a_catalog_that_has_not_begun_has_no_tables(tmp_path: Path) -> None:
    assert reader.load(tmp_path, "orders") is None
    sqlite3.connect(tmp_path / "catalog.db").close()
    assert reader.load(tmp_path, "orders") is None
