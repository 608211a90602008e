"""The verdict on a table and its error table after a crash, or after the restart: V1, V2, and whether all of the log is there.

The rows come from this folder's own reader; the rules are those of the protocol's verifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kshell.iceberg import codec
from kshell.iceberg.values import State
from tests.crash import reader
from tests.crash.reader import Stored
from tests.crash.waves import PARTITIONS, Waves, payload
from tests.protocol import verify
from tests.protocol.world import seq

WRONG = -1                                    # of no record
PLACE = ("_kafka_partition", "_kafka_offset")


Shape = Callable[[tuple[Any, ...]], tuple[Any, ...] | None]        # what a sink's query makes of a row; None: it leaves it out


def as_it_is(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row


def judge(lake: Path, table: str, waves: Waves, *, complete: bool, shape: Shape = as_it_is) -> list[str]:
    """What is wrong, in words; nothing: all is well. `complete`: the whole log must be in, else a prefix of each partition."""
    stored, errors = reader.load(lake, table), reader.load(lake, f"{table}__errors")
    if stored is None or errors is None or stored.head is None or errors.head is None:
        return [f"{table}: there is no table"] if complete else _require_empty(stored, errors)
    rows, failed = stored.rows((*PLACE, "id", "city", "amount", "more")), errors.rows((*PLACE, "_kafka_value"))
    problems = judge_rows(table, rows, failed, state_at_head(stored), waves, complete=complete, shape=shape)
    problems += judge_marks(table, errors.rows((*PLACE, "resolved_at", "resolved_snapshot")), stored, waves, complete=complete)
    return problems + judge_chain(table, stored) + judge_chain(f"{table}__errors", errors)


def judge_rows(table: str, rows: Iterable[tuple[Any, ...]], failed: Iterable[tuple[Any, ...]], state: State, waves: Waves, *,
               complete: bool, shape: Shape = as_it_is) -> list[str]:
    """V1. `rows`: partition, offset, payload...; `failed`: partition, offset, the bytes. A record that is cured may stand in both tables:
    then its row counts."""
    found = verify.Findings()
    rows, failed = list(rows), list(failed)
    landed = {(p, o) for p, o, *_ in rows} & waves.cured.keys()
    owed = {place: shape(payload(value)) for place, value in (*waves.good.items(), *waves.cured.items())}
    sent = {place: row for place, row in owed.items() if row is not None and (place in waves.good or place in landed)}
    numbered = [(p, o, seq(p, o) if sent.get((p, o)) == tuple(map(_without_null, values)) else WRONG) for p, o, *values in rows]
    verify.verify_rows(numbered, [(p, o) for p, o, _ in failed if (p, o) not in landed],
                       waves.logs(sent.keys(), waves.bad.keys() - landed), {}, state, found)
    found.missing += len(landed - {(p, o) for p, o, _ in failed})
    found.wrong += sum(1 for p, o, value in failed if waves.bad.get((p, o)) != value)
    problems = [f"{table}: {asdict(found)}"] if not found.clean() else []
    behind = [p for p in range(PARTITIONS) if state.next(waves.topic, p) < waves.end(p)]
    if complete and behind:
        problems.append(f"{table}: partitions {behind} are not at the end of the log")
    if complete and waves.cured.keys() - landed:
        problems.append(f"{table}: {waves.cured.keys() - landed} were not replayed")
    return problems


def judge_marks(table: str, marks: Iterable[tuple[Any, ...]], stored: Stored, waves: Waves, *, complete: bool) -> list[str]:
    """A mark names a snapshot of the table, stands beside cured records only, and in the end beside all of them."""
    marked = {(p, o): snapshot for p, o, at, snapshot in marks if at is not None}
    problems = [f"{table}: {place} is marked with snapshot {snapshot}" for place, snapshot in marked.items()
                if place not in waves.cured or snapshot not in stored.history().snapshots]
    if complete and waves.cured.keys() - marked.keys():
        problems.append(f"{table}: {waves.cured.keys() - marked.keys()} are not marked")
    return problems


def _without_null(value: Any) -> Any:
    """A struct with the fields that its record had."""
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def judge_chain(table: str, stored: Stored) -> list[str]:
    """V2."""
    found = verify.Findings()
    positions = verify.verify_chain(stored.history(), stored.head, found)
    recorded = state_at_head(stored).positions()
    if {tp: o for tp, o in positions.items() if o} != {tp: o for tp, o in recorded.items() if o > 0}:
        found.chain.append(f"the head records {recorded}, the ranges say {positions}")
    return [f"{table}: {line}" for line in found.chain]


def state_at_head(stored: Stored) -> State:
    history, at = stored.history().snapshots, stored.head
    while at is not None and at in history:
        parent, summary = history[at]
        if codec.state_key(verify.SINK) in summary:
            return codec.decode_state(summary[codec.state_key(verify.SINK)])
        at = parent
    raise AssertionError(f"no state in the ancestry of {stored.location}")


def _require_empty(*tables: Stored | None) -> list[str]:
    """A crash within CREATE SINK: what exists holds no row."""
    return [f"{t.location} holds rows before its sink has begun" for t in tables if t is not None and t.rows(PLACE)]
