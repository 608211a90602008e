"""REPLAY ERRORS on the table's side: records of the error table that decode land below the table's positions, once.

One commit has the rows and where they lie; the positions stay where they are. `marks.py` then marks them in the error table.

Invariant: before every attempt the table is asked, on the very metadata that the commit is based on, which of these offsets it holds; a
row that is there is not appended again. So whatever died or answered late between the two commits, the same statement again finds the
truth in the table, and the mark is a consequence of it, never its proof."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata

from kshell.columns import OFFSET, PARTITION, TOPIC, literal
from kshell.errors import RefusedError
from kshell.iceberg import codec, files
from kshell.iceberg.commit import PATIENT, Planned, recorded, require_clock, run, stage
from kshell.iceberg.head import describe
from kshell.iceberg.mapping import mapped
from kshell.iceberg.state import ancestors, entry
from kshell.iceberg.values import TP, Batch, Control, Outcome, Position, Range, Result, Sink, State
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of the records that `land` was given."""

    outcome: Outcome                          # APPLIED: a commit was made
    fresh: frozenset[Position]                # landed by it
    present: Mapping[Position, int]           # in the table before: the snapshot that brought them, as far as it is known
    above: frozenset[Position]                # at or above the table's position: its next commit decides


def land(lake: Lake, sink: Sink, rows: pa.Table, at: Sequence[Position], control: Control = PATIENT) -> Landed:
    """Commit the rows that the table lacks; `at[i]` is the place of row i. Raises Stop and Left like commit()."""
    while True:
        landing = _Landing(sink, rows, at, control)
        outcome = run(lake, sink, landing.cid, landing.plan, control)
        if outcome.result is Result.APPLIED or not landing.fresh:
            failpoint("replay.after_commit")
            return Landed(outcome, landing.fresh, landing.present, landing.above)
        # What the table lacks, or its schema, has changed: other files, and so another commit.


@dataclass(slots=True)
class _Landing:
    """One commit, attempted with the same files until its outcome is known."""

    sink: Sink
    rows: pa.Table
    at: Sequence[Position]
    control: Control
    cid: str = field(default_factory=lambda: str(uuid.uuid4()))
    fresh: frozenset[Position] = frozenset()
    present: dict[Position, int] = field(default_factory=dict)
    above: frozenset[Position] = frozenset()
    files: list[DataFile] | None = None
    made_for: tuple[frozenset[Position], int, int] | None = None
    asked_on: int | None = None               # the head at which `present` was asked,
    asked_for: set[Position] = field(default_factory=set)   # and of which places
    tries: int = 0

    def plan(self, table: Table) -> Planned | Outcome:
        state = recorded(table, self.sink)
        _require_one_epoch(state, {topic for topic, _, _ in self.at})
        below = {p for p in self.at if p[2] < state.next(p[0], p[1])}
        self._ask(table, below)
        fresh = frozenset(below - self.present.keys())
        wanted = fresh, table.metadata.current_schema_id, table.metadata.default_spec_id
        if not fresh or (self.made_for is not None and self.made_for != wanted):
            self.fresh, self.above = fresh, frozenset(self.at) - below
            return Outcome(Result.OVERTAKEN, describe(table, state))
        require_clock(table, self.control)
        self.fresh, self.above, self.made_for = fresh, frozenset(self.at) - below, wanted
        written = self._written(table, state)
        batch = Batch(ranges=_standing(fresh, state), replayed=spread(fresh), cid=self.cid)
        staged = stage(table, self.sink, codec.after(state, batch), batch, written)
        return Planned(staged, len(fresh), len(written), sum(f.file_size_in_bytes for f in written))

    def _ask(self, table: Table, below: set[Position]) -> None:
        """Which of these offsets the table holds. Data is read only where a commit since may have brought one, or where the position has
        passed an offset that was not asked about."""
        metadata = table.metadata
        if self.asked_on is None or below != self.asked_for or not _only_went_on(metadata, self.sink.id, self.asked_on):
            self.present, self.asked_for = _landed_in(metadata, self.sink.id, _held(table, below)), below
        self.asked_on = metadata.current_snapshot_id

    def _written(self, table: Table, state: State) -> list[DataFile]:
        if self.files is None:
            self.tries += 1
            chosen = self.rows.filter(pa.array([p in self.fresh for p in self.at], pa.bool_()))
            self.files = files.write(table, chosen, self.cid, state, self.tries)
            failpoint("replay.after_parquet")
        return self.files


def _require_one_epoch(state: State, topics: Collection[str]) -> None:
    """Rows are looked for by offset, which there stands for several records."""
    for topic in sorted(topics):
        if topic in state.topics and state.topics[topic].epoch:
            raise RefusedError(f"offsets of topic {topic} began again: one offset stands for several records",
                               hint="the bytes are in the error table: INSERT what they mean into a table of your own")


def _standing(fresh: Collection[Position], state: State) -> dict[TP, Range]:
    """Ranges of no width: the position stays, the number of rows grows."""
    return {tp: Range(state.next(*tp), state.next(*tp), r.rows) for tp, r in spread(fresh).items()}


def spread(places: Collection[Position]) -> dict[TP, Range]:
    """Per partition: the first offset, the one after the last, and how many."""
    found: dict[TP, list[int]] = {}
    for topic, partition, offset in places:
        found.setdefault((topic, partition), []).append(offset)
    return {tp: Range(min(offsets), max(offsets) + 1, len(offsets)) for tp, offsets in found.items()}


def _held(table: Table, places: Collection[Position]) -> set[Position]:
    """Those of the places that have a row in the head."""
    if not places or table.metadata.current_snapshot() is None:
        return set()
    columns = [c for c in (TOPIC, PARTITION, OFFSET) if c in table.schema().column_names]
    found: set[Position] = set()
    with mapped(f"reading table {'.'.join(table.name())}"):
        scan = table.scan(row_filter=within(places, with_topic=TOPIC in columns), selected_fields=tuple(columns))
        for batch in scan.to_arrow_batch_reader():
            found |= _matching(pa.Table.from_batches([batch]), places)
    return found


def within(places: Collection[Position], *, with_topic: bool = True) -> str:
    """A condition that holds for the places and for what lies between them, in which files are skipped by their statistics."""
    return " OR ".join(f"({f'{TOPIC} = {literal(topic)} AND ' if with_topic else ''}{PARTITION} = {partition} "
                       f"AND {OFFSET} >= {r.lo} AND {OFFSET} < {r.hi})" for (topic, partition), r in sorted(spread(places).items()))


def _matching(rows: pa.Table, places: Collection[Position]) -> set[Position]:
    """A table without a topic column holds one topic."""
    offsets = pa.array(sorted({offset for _, _, offset in places}), pa.int64())
    near = rows.filter(pc.is_in(rows[OFFSET], offsets))
    topics = near[TOPIC].to_pylist() if TOPIC in near.column_names else [next(iter(places))[0]] * near.num_rows
    return set(zip(topics, near[PARTITION].to_pylist(), near[OFFSET].to_pylist(), strict=True)) & set(places)


def _only_went_on(metadata: TableMetadata, sink_id: str, since: int) -> bool:
    """Whether every commit since that head appended above the positions it found: none of them can hold an offset below."""
    for snapshot in ancestors(metadata):
        if snapshot.snapshot_id == since:
            return True
        if entry(snapshot, codec.compaction_key(sink_id)) is not None:
            continue
        text = entry(snapshot, codec.commit_key(sink_id))
        record = codec.decode_commit(text) if text else None
        if record is None or record.jumps or record.replayed:
            return False
    return False


def landed_in(lake: Lake, sink: Sink, places: Collection[Position]) -> dict[Position, int]:
    """The snapshot of each of these records, which the table has."""
    return _landed_in(lake.load(sink.table).metadata, sink.id, places)


def _landed_in(metadata: TableMetadata, sink_id: str, places: Collection[Position]) -> dict[Position, int]:
    """The snapshot that replayed a record, as far back as snapshots go; else the head, which holds it too."""
    head = metadata.current_snapshot_id
    assert head is not None
    found = dict.fromkeys(places, head)
    open_ = set(places)
    for snapshot in ancestors(metadata):
        text = entry(snapshot, codec.commit_key(sink_id))
        spreads = codec.decode_commit(text).replayed if text else {}
        hit = {p for p in open_ if p[:2] in spreads and spreads[p[:2]].lo <= p[2] < spreads[p[:2]].hi} if spreads else set()
        found |= dict.fromkeys(hit, snapshot.snapshot_id)
        open_ -= hit
    return found
