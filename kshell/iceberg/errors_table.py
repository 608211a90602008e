"""The error table: quarantined records in Iceberg, exactly once, always committed before the rows of the same batch.

Invariant: a committed verdict is final. A worker that died between the two commits leaves error rows ahead of the main position;
the next batch finds them here (`already`) and neither repeats them nor takes them as rows. A late verdict, below this table's own
position, moves nothing that the equality of positions could guard: what is already judged is asked again at every attempt, on the
metadata that it is based on. A verdict is about one record: where a partition's offsets are used again, rows of earlier epochs say
nothing, and a row that names a skip judges no record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.table import Table

from kshell.columns import EPOCH, OFFSET, PARTITION, TOPIC, literal
from kshell.errors import ConflictError
from kshell.iceberg.commit import PATIENT, commit, recorded
from kshell.iceberg.head import describe
from kshell.iceberg.mapping import mapped
from kshell.iceberg.values import TP, Batch, Control, ErrorsOutcome, Head, Jump, Position, Range, Result, Sink, State
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

CODE = "code"
SKIPPED = "SKIPPED"                           # code of the row that names what a statement left out
_NOTHING = pa.schema([(TOPIC, pa.string()), (PARTITION, pa.int32()), (OFFSET, pa.int64()), (CODE, pa.string())]).empty_table()


def commit_errors(lake: Lake, sink: Sink, ranges: Mapping[TP, Range], bad: pa.Table, control: Control = PATIENT, *,
                  epochs: Mapping[TP, int] = {}) -> ErrorsOutcome:
    """Commit the bad records of `ranges` (rows of ERROR_COLUMNS) that are not there yet. Called for every batch, also without bad records.

    `sink` is the error table's own; `epochs` is State.again of this table when the records were read, where that is known. ConflictError:
    offsets are used again since then. Raises Stop and Left like commit()."""
    verdicts = _Verdicts(ranges, epochs)
    while True:
        table = lake.load(sink.table)
        state = recorded(table, sink)
        if not verdicts.of_today(state):
            raise ConflictError(f"sink {sink.name} is being moved back by another process, and what was read before is not written",
                                hint=f"if that process has died, its ALTER SINK {sink.name} SKIP PARTITION has to be said again")
        already = verdicts.at(table, state)
        fresh = _without(bad, already)
        if fresh.num_rows == 0:
            return ErrorsOutcome(already, 0, describe(table, state))
        failpoint("errors.before_commit")
        done = commit(lake, sink, _batch(fresh, ranges, state, describe(table, state)), control, partial(verdicts.stand, already))
        if done.result is Result.APPLIED:
            failpoint("errors.after_commit")
            return ErrorsOutcome(already, fresh.num_rows, done.head)
        # Another worker was here first: ask again what is already judged.


def commit_skipped(lake: Lake, sink: Sink, tp: TP, skipped: Range, row: pa.Table, control: Control = PATIENT) -> None:
    """Commit the one row that names a skip, at the beginning of what is skipped. Said again, it stays one row."""
    table = lake.load(sink.table)
    known = _found(table, {tp: skipped}, recorded(table, sink))
    if (*tp, skipped.lo) not in positions(known.filter(pc.equal(known[CODE], SKIPPED))):
        commit_errors(lake, sink, {tp: skipped}, row, control)


@dataclass(slots=True)
class _Verdicts:
    """What is already judged of these ranges. A head is asked once."""

    ranges: Mapping[TP, Range]
    epochs: Mapping[TP, int] = field(default_factory=dict)
    already: frozenset[Position] = frozenset()
    asked: tuple[int | None] | None = None    # the head that was asked

    def at(self, table: Table, state: State) -> frozenset[Position]:
        head = (table.metadata.current_snapshot_id,)
        if self.asked != head:
            self.already, self.asked = _already(table, self.ranges, state), head
        return self.already

    def stand(self, known: frozenset[Position], table: Table, state: State) -> bool:
        """Whether these are still all."""
        return self.of_today(state) and self.at(table, state) == known

    def of_today(self, state: State) -> bool:
        return all(state.again(*tp) == epoch for tp, epoch in self.epochs.items() if tp in self.ranges)


def _already(table: Table, ranges: Mapping[TP, Range], state: State) -> frozenset[Position]:
    """Offsets of these ranges that have a committed verdict."""
    found = _found(table, ranges, state)
    return frozenset(positions(found.filter(pc.fill_null(pc.not_equal(found[CODE], SKIPPED), fill_value=True))))


def _found(table: Table, ranges: Mapping[TP, Range], state: State) -> pa.Table:
    """Error rows of these ranges. No data is read while the error table is not ahead."""
    ahead = {tp: (r.lo, min(r.hi, state.next(*tp))) for tp, r in ranges.items() if state.next(*tp) > r.lo}
    if not ahead or table.metadata.current_snapshot() is None:
        return _NOTHING
    texts = [f"({TOPIC} = {literal(t)} AND {PARTITION} = {p} AND {OFFSET} >= {lo} AND {OFFSET} < {hi}"
             f"{f' AND {EPOCH} >= {epoch}' if (epoch := state.again(t, p)) else ''})" for (t, p), (lo, hi) in ahead.items()]
    with mapped(f"reading table {'.'.join(table.name())}"):
        return table.scan(row_filter=" OR ".join(texts), selected_fields=(TOPIC, PARTITION, OFFSET, CODE)).to_arrow()


def positions(rows: pa.Table) -> list[Position]:
    return list(zip(rows[TOPIC].to_pylist(), rows[PARTITION].to_pylist(), rows[OFFSET].to_pylist(), strict=True))


def _without(bad: pa.Table, already: frozenset[Position]) -> pa.Table:
    if not already or bad.num_rows == 0:
        return bad
    return bad.filter(pa.array([p not in already for p in positions(bad)], pa.bool_()))


def _batch(bad: pa.Table, ranges: Mapping[TP, Range], state: State, head: Head) -> Batch:
    """The error chain jumps forward over what had no bad records; LATE marks rows below its position."""
    counts: dict[TP, int] = {}
    for topic, partition, _ in positions(bad):
        counts[topic, partition] = counts.get((topic, partition), 0) + 1
    moved, jumps = {}, []
    for tp, rows in counts.items():
        position = state.next(*tp)
        moved[tp] = Range(position, max(position, ranges[tp].hi), rows)
        if ranges[tp].lo < position:
            jumps.append(Jump(*tp, ranges[tp].lo, position, "LATE"))
    return Batch(ranges=moved, rows=lambda: bad, schema_id=head.schema_id, spec_id=head.spec_id, jumps=tuple(jumps))
