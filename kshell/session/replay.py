"""REPLAY ERRORS OF SINK: quarantined records are decoded again by the definition that the source has; the good ones land.

1. which error rows the statement means and are open, in one query over both tables  2. a piece of them with their bytes
3. decode, and the sink's query  4. on the sink's own thread: rows into the table, views  5. the next piece
6. marks in the error table, for many pieces at once

Invariant: from the error table alone, Kafka is not asked. A piece has landed before the next one begins, what was done is in the tables,
and the same statement again goes on from there; memory holds the bytes of one piece, and the places that are to be marked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from kshell.columns import OFFSET, PARTITION, TOPIC
from kshell.decode import Undecodable
from kshell.errors import DeadlineError, RefusedError
from kshell.flush.target import Target
from kshell.iceberg import Control, Head, Position, Result, Sink
from kshell.lang.statements import ReplayErrors
from kshell.session import error_rows, waits
from kshell.session.context import Context
from kshell.session.error_rows import Piece
from kshell.session.sink import SinkEntry
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.decode import BadRecord, Decoder
    from kshell.flush.cycle import Committed
    from kshell.flush.flusher import Flusher, Work

MARKS = 100_000                               # each time, whole files of the error table are written again


@dataclass(slots=True)
class Replayed:
    """What a statement has done so far."""

    decoded: int = 0                          # records that are bad no more
    still_bad: int = 0
    found: int = 0                            # in the table already: they are marked now
    left_out: int = 0                         # of decoded: the sink's query has no row for them
    waiting: int = 0                          # neither good nor bad at the moment
    snapshot_ids: list[int] = field(default_factory=list)
    first_bad: str | None = None
    first_waiting: str | None = None

    def text(self, sink: str) -> str:
        if not (self.decoded or self.still_bad or self.found or self.waiting):
            return f"sink {sink}: there is nothing to replay"
        parts = [f"{self.decoded} record{'s' if self.decoded != 1 else ''} decoded"]
        if self.snapshot_ids:
            parts[0] += f", snapshot {', '.join(map(str, self.snapshot_ids))}"
        if self.left_out:
            parts.append(f"{self.left_out} of them left out by its query")
        if self.found:
            parts.append(f"{self.found} in the table already")
        if self.still_bad:
            parts.append(f"{self.still_bad} still bad (first: {self.first_bad})")
        if self.waiting:
            parts.append(f"{self.waiting} waiting (first: {self.first_waiting})")
        return f"sink {sink}: {'; '.join(parts)}"


class Replay:
    """One statement. `decoder` is its own; the sink's thread does whatever touches the tables."""

    def __init__(self, context: Context, entry: SinkEntry, decoder: Decoder, statement: ReplayErrors, timeout_s: float) -> None:
        self._context, self._entry, self._decoder, self._statement, self._timeout_s = context, entry, decoder, statement, timeout_s
        self._flusher: Flusher = entry.running()
        self._target: Target = self._flusher.target
        if self._target.errors_sink is None:
            raise RefusedError(f"sink {entry.name} keeps no records that do not decode",
                               hint=f"source {entry.source.name} has ON_ERROR {entry.source.options['ON_ERROR']}")
        self._errors_sink: Sink = self._target.errors_sink
        self._ends = time.monotonic() + timeout_s
        self.done = Replayed()
        self._marks: dict[Position, int | None] = {}

    def run(self) -> Replayed:
        from kshell.iceberg.head import load_head

        self._flusher.require_running()
        errors, rows = load_head(self._target.lake, self._errors_sink), load_head(self._target.lake, self._target.sink)
        if errors.snapshot_id is None:
            return self.done
        cursor = self._context.engine.export_cursor()
        try:
            statement, name = self._statement, self._errors_sink.table[-1]
            asked = error_rows.ask(self._context, statement.text, statement.where, name, errors, rows)
            for piece in error_rows.pieces(asked):
                self._require_time()
                if piece.landed:
                    self._find(piece)
                else:
                    self._replay(cursor, errors, piece)
                if len(self._marks) >= MARKS:
                    self._mark()
            self._mark()
        finally:
            cursor.close()
        return self.done

    # ---- bytes, rows -------------------------------------------------------------------------------------------------

    def _replay(self, cursor: duckdb.DuckDBPyConnection, errors: Head, piece: Piece) -> None:
        source = self._entry.source
        decoder = self._decoder
        batch = error_rows.records(cursor, errors, piece.places, topic=source.multi_topic, headers=source.ingest.spec.headers)
        good = self._decoded(batch)
        rows = error_rows.selected(cursor, good, (*decoder.columns, *decoder.metadata), self._target)
        failpoint("replay.after_decode")
        self._require_time()
        at = self._places(rows)
        left_out = set(self._places(good)) - set(at)
        if at or left_out:
            self._on_the_thread(lambda control, tell: self._land(rows, at, left_out, control, tell))

    def _decoded(self, batch: pa.RecordBatch) -> pa.Table:
        """The good rows. Of the others it is noted how many there are, and what is wrong with the first."""
        waiting = self._decoder.prepare(batch).waiting
        if waiting:
            self.done.waiting += len(waiting)
            self.done.first_waiting = self.done.first_waiting or waiting[min(waiting)]
            batch = batch.filter(pa.array([i not in waiting for i in range(batch.num_rows)], pa.bool_()))
        try:
            good, bad = self._decoder.judge(batch)
        except Undecodable as found:
            at = batch[OFFSET][found.index].as_py()
            raise RefusedError(f"the record at offset {at} cannot be looked at: {found.code}: {found.message}",
                               hint=f"leave it out: REPLAY ERRORS OF SINK {self._entry.name} WHERE _kafka_offset <> {at}") from None
        self.done.still_bad += len(bad)
        if bad and self.done.first_bad is None:
            self.done.first_bad = self._told(batch, bad[0])
        return good

    def _told(self, batch: pa.RecordBatch, bad: BadRecord) -> str:
        topic = self._target.single_topic or batch[TOPIC][bad.index].as_py()
        return f"{topic}[{batch[PARTITION][bad.index].as_py()}]@{batch[OFFSET][bad.index].as_py()}: {bad.code}: {bad.message}"

    def _places(self, rows: pa.Table) -> list[Position]:
        single = self._target.single_topic
        topics = rows[TOPIC].to_pylist() if single is None else [single] * rows.num_rows
        return list(zip(topics, rows[PARTITION].to_pylist(), rows[OFFSET].to_pylist(), strict=True))

    # ---- the tables ---------------------------------------------------------------------------------------------------

    def _land(self, rows: pa.Table, at: Sequence[Position], left_out: set[Position], control: Control,
              tell: Callable[[Committed], None]) -> None:
        from kshell.flush.cycle import Committed
        from kshell.iceberg.replay import land

        began = time.monotonic()
        marks: dict[Position, int | None] = dict.fromkeys(left_out)
        if at:
            landed = land(self._target.lake, self._target.sink, rows, at, control)
            done, snapshot = landed.outcome, landed.outcome.head.snapshot_id
            assert snapshot is not None
            marks |= dict.fromkeys(landed.fresh, snapshot) | dict(landed.present)
            self._wait_for(landed.above)
            if done.result is Result.APPLIED:
                self.done.snapshot_ids.append(snapshot)
                tell(Committed(snapshot, time.time(), done.rows, done.files, done.bytes, time.monotonic() - began, "{}", 0,
                               "replay"))
            self._target.hand_over(done.head)
        self.done.decoded += len(marks)
        self.done.left_out += len(left_out)
        self._remember(marks)

    def _wait_for(self, above: frozenset[Position]) -> None:
        """A worker died between the two commits of a flush: the position has not passed these records yet."""
        if above:
            self.done.waiting += len(above)
            self.done.first_waiting = self.done.first_waiting or f"the table has not come to it yet: FLUSH SINK {self._entry.name}"

    def _find(self, piece: Piece) -> None:
        """Somebody landed them and did not come to the mark."""
        from kshell.iceberg.replay import landed_in

        self.done.found += len(piece.places)
        self._remember(landed_in(self._target.lake, self._target.sink, piece.places))

    def _remember(self, marks: Mapping[Position, int | None]) -> None:
        self._marks |= marks
        self._entry.source.ingest.forget_errors(marks)

    def _mark(self) -> None:
        if self._marks:
            marks, self._marks = self._marks, {}
            self._on_the_thread(lambda control, tell: self._write(marks, control))

    def _write(self, marks: Mapping[Position, int | None], control: Control) -> None:
        from kshell.iceberg.marks import mark

        mark(self._target.lake, self._errors_sink, marks, control)

    def _on_the_thread(self, work: Work) -> None:
        left = max(0.0, self._ends - time.monotonic())
        waits.on_the_thread(self._context, self._flusher, work, left, self._late)

    def _require_time(self) -> None:
        self._context.cancel.check()
        if time.monotonic() >= self._ends:
            raise self._late()

    def _late(self) -> DeadlineError:
        why = self._flusher.status().last_error
        return DeadlineError(f"sink {self._entry.name} has replayed {self.done.decoded} records after {self._timeout_s:g} s"
                             f"{f' ({why})' if why else ''}", hint="the same statement again goes on from there")
