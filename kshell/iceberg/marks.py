"""REPLAY ERRORS on the error table's side: a row whose record is bad no more says when, and in which snapshot the record landed.

Invariant: an error row stays one row with its bytes; files in which rows are to be marked are replaced by files with the same rows, in
one commit, refused when the head has moved. Nothing rests on a mark: which rows are open is asked of the table (`resolved.py`)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.manifest import DataFile
from pyiceberg.table import FileScanTask, Table

from kshell.iceberg import adapter, codec, data_files, files
from kshell.iceberg.commit import PATIENT, Planned, carrying, recorded, require_clock, run
from kshell.iceberg.errors_table import positions
from kshell.iceberg.evolve import add_columns
from kshell.iceberg.head import describe
from kshell.iceberg.mapping import mapped
from kshell.iceberg.replay import spread, within
from kshell.iceberg.values import (
    RESOLUTION_COLUMNS,
    RESOLVED_AT,
    RESOLVED_SNAPSHOT,
    Batch,
    Control,
    Head,
    Outcome,
    Position,
    Result,
    Sink,
    State,
)
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake


def mark(lake: Lake, sink: Sink, resolved: Mapping[Position, int | None], control: Control = PATIENT) -> Head:
    """Write beside these error rows that their record is bad no more: the snapshot that has it, None where the sink's query left it out.

    `sink` is the error table's own. What is marked already is left alone."""
    add_columns(lake, sink.table, RESOLUTION_COLUMNS, control)
    while True:
        marking = _Marking(sink, resolved, control)
        outcome = run(lake, sink, marking.cid, marking.plan, control)
        if outcome.result is Result.APPLIED or not marking.gone:
            failpoint("replay.after_mark")
            return outcome.head
        # The files were rewritten by somebody else meanwhile: once more, from theirs.


@dataclass(slots=True)
class _Marking:
    """One commit that replaces the files in which rows are to be marked."""

    sink: Sink
    resolved: Mapping[Position, int | None]
    control: Control
    cid: str = field(default_factory=lambda: str(uuid.uuid4()))
    gone: list[DataFile] = field(default_factory=list)
    files: list[DataFile] = field(default_factory=list)
    marked: set[Position] = field(default_factory=set)
    made_from: tuple[frozenset[str], int, int] | None = None
    number: int = 0                           # of the last file; a further try goes on above

    def plan(self, table: Table) -> Planned | Outcome:
        state = recorded(table, self.sink)
        require_clock(table, self.control)
        with mapped(f"reading table {'.'.join(table.name())}"):
            tasks = list(table.scan(row_filter=within(self.resolved)).plan_files())
        found = _names(tasks), table.metadata.current_schema_id, table.metadata.default_spec_id
        if self.made_from is None:
            self._rewrite(table, tasks, state)
            self.made_from = found
        if not self.gone or self.made_from != found:
            return Outcome(Result.OVERTAKEN, describe(table, state))
        batch = Batch(replayed=spread(self.marked), cid=self.cid)
        after = codec.after(state, batch)
        staged = adapter.stage_overwrite(table, self.files, self.gone, codec.summary(self.sink, after, batch))
        return Planned(carrying(table, self.sink, after, staged))

    def _rewrite(self, table: Table, tasks: Sequence[FileScanTask], state: State) -> None:
        """One file at a time is in memory. Kept when all are written: an error on the way leaves nothing that a further try adds to."""
        gone: list[DataFile] = []
        written: list[DataFile] = []
        marked: set[Position] = set()
        for task in tasks:
            rows = data_files.rows_of(table, task)
            places = positions(rows)
            new = self._new(rows, places)
            if not new:
                continue
            self.number += 1
            gone.append(task.file)
            written += files.write(table, _marked(rows, places, new, int(self.control.clock() * 1_000_000)), self.cid, state, self.number)
            marked |= new.keys()
            failpoint("replay.after_rewrite")
        self.gone, self.files, self.marked = gone, written, marked

    def _new(self, rows: pa.Table, places: Sequence[Position]) -> dict[Position, int | None]:
        known = zip(places, rows[RESOLVED_AT].to_pylist(), rows[RESOLVED_SNAPSHOT].to_pylist(), strict=True)
        return {p: self.resolved[p] for p, at, snapshot in known
                if p in self.resolved and (at is None or snapshot != self.resolved[p])}


def _names(tasks: Sequence[FileScanTask]) -> frozenset[str]:
    return frozenset(f.file_path for task in tasks for f in (task.file, *task.delete_files))


def _marked(rows: pa.Table, places: Sequence[Position], new: Mapping[Position, int | None], now_us: int) -> pa.Table:
    hit = [p in new for p in places]
    at, snapshots = rows[RESOLVED_AT].combine_chunks(), rows[RESOLVED_SNAPSHOT].combine_chunks()
    times = pc.if_else(pa.array(hit), pa.scalar(now_us, at.type), at)
    ids = pc.if_else(pa.array(hit), pa.array([new.get(p) for p in places], pa.int64()), snapshots)
    rows = rows.set_column(rows.column_names.index(RESOLVED_AT), RESOLVED_AT, times)
    return rows.set_column(rows.column_names.index(RESOLVED_SNAPSHOT), RESOLVED_SNAPSHOT, ids)
