"""What keeps a sink's tables small and quick to read: snapshots expire, metadata files go, small data files are merged.

Invariant: runs on the flush thread between commits, never beside one, and what fails here stops no commit: it is said once and put off.
The sink's own table is merged in steps of STEP_S: a commit that falls due waits for one of them, or for the exchange at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from kshell.errors import Error
from kshell.flush.cycle import Committed
from kshell.flush.target import Target
from kshell.iceberg import Compacted, Control, Head, Left, Sink, Stop

if TYPE_CHECKING:
    from kshell.iceberg.compact import Merging

OLD_METADATA_S = 3600.0                       # between looks for metadata files that nothing names
STEP_S = 0.01
_SORTED_AT_ONCE = 122_880                     # rows
_SLACK = 10                                   # snapshots expire when a tenth too many stand: each expiry is a commit
Notice = Callable[[str, str], None]


@dataclass(slots=True)
class _Table:
    """What is remembered of one table between commits."""

    kept: int = 0                             # snapshots that the last expiry left
    look_at_files: int = 0                    # data files at which it is worth looking for some to merge
    look_at_sequence: int = 0
    complaint: str | None = None


@dataclass(slots=True)
class Housekeeping:
    target: Target
    cursor: duckdb.DuckDBPyConnection
    notice: Notice
    _tables: dict[tuple[str, ...], _Table] = field(default_factory=dict)
    _last_sweep: float = field(default_factory=time.monotonic)
    _merging: Merging | None = None           # of the sink's own table

    def after_commit(self, control: Control, *, errors: bool) -> Committed | None:
        """`errors`: the error table was written too. The compaction of the sink's table, if one was finished."""
        target = self.target
        merged = self._keep(target.sink, lambda: target.head, control)
        if errors and target.errors_sink is not None:
            self._keep(target.errors_sink, self._errors_head, control)
        return merged

    @property
    def busy(self) -> bool:
        """A compaction is under way: `go_on` whenever nothing else is to be done."""
        return self._merging is not None

    def go_on(self, control: Control) -> Committed | None:
        """One step of it."""
        return self._careful(self._known(self.target.sink), lambda: self._go_on(control))

    def drop(self) -> None:
        """Leave what is under way. What was written of it is named by nothing."""
        self._merging = None

    def _keep(self, sink: Sink, head: Callable[[], Head], control: Control) -> Committed | None:
        known = self._known(sink)

        def keep() -> Committed | None:
            found = head()
            self._expire(sink, found, known)
            merged = self._compact(sink, found, known, control)
            self._sweep()
            return merged

        return self._careful(known, keep)

    def _known(self, sink: Sink) -> _Table:
        return self._tables.setdefault(sink.table, _Table())

    def _careful(self, known: _Table, work: Callable[[], Committed | None]) -> Committed | None:
        try:
            merged = work()
        except (Stop, Left):
            self.drop()
            raise
        except Error as error:
            self.drop()
            if known.complaint != error.message:
                self.notice("warning", f"sink {self.target.name}: {error.message}")
            known.complaint = error.message
            return None
        known.complaint = None
        return merged

    def compacts(self) -> bool:
        from kshell.iceberg.compact import wanted

        return wanted(self.target.head, self.target.sink, written_down=self.target.compact)

    def _errors_head(self) -> Head:
        from kshell.iceberg.head import load_head

        assert self.target.errors_sink is not None
        return load_head(self.target.lake, self.target.errors_sink)

    def optimize(self, control: Control, done: Collection[str]) -> tuple[Compacted, Committed | None]:
        """One portion of OPTIMIZE SINK; the views follow."""
        from kshell.iceberg.compact import optimize

        self.drop()                           # it would choose among the same files
        began = time.monotonic()
        found = optimize(self.target.lake, self.target.sink, control, sort=self._sorted, done=done)
        return found, self._exchanged(found, time.monotonic() - began, control)

    # ---- snapshots and metadata --------------------------------------------------------------------------------------

    def _expire(self, sink: Sink, head: Head, known: _Table) -> None:
        from kshell.iceberg import maintenance

        keep = maintenance.keeps(head, sink)
        if keep is None or head.snapshots <= max(keep, known.kept) + max(keep, known.kept) // _SLACK:
            return
        known.kept = head.snapshots - maintenance.expire(self.target.lake, sink)

    def _sweep(self) -> None:
        from kshell.iceberg import maintenance

        if time.monotonic() - self._last_sweep < OLD_METADATA_S:
            return
        self._last_sweep = time.monotonic()
        lake = self.target.lake
        maintenance.delete_old_metadata(lake, lake.load(self.target.sink.table), self.target.pinned | {self.target.head.metadata_location})

    # ---- data files --------------------------------------------------------------------------------------------------

    def _compact(self, sink: Sink, head: Head, known: _Table, control: Control) -> Committed | None:
        from kshell.iceberg import compact

        main = sink is self.target.sink
        if main and self._merging is not None:
            return self._go_on(control)       # also where commits follow each other without a pause
        due = head.data_files is None or head.data_files >= known.look_at_files or head.sequence >= known.look_at_sequence
        if not due or not compact.wanted(head, sink, written_down=self.target.compact):
            return None
        # Whatever happens: not again at the next commit.
        known.look_at_files, known.look_at_sequence = (head.data_files or 0) + compact.ROOM, head.sequence + compact.ROOM
        if main:
            merging = compact.Merging(self.target.lake, sink, control, sort=self._sorted)
            known.look_at_sequence = merging.head.sequence + compact.QUIET_COMMITS
            known.look_at_files = (merging.head.data_files or 0) + merging.room
            self._merging = None if merging.empty else merging
        else:
            found = compact.compact(self.target.lake, sink, control)
            known.look_at_sequence = found.head.sequence + compact.QUIET_COMMITS
            known.look_at_files = (found.head.data_files or 0) + found.room
        return None

    def _go_on(self, control: Control) -> Committed | None:
        merging = self._merging
        if merging is None:
            return None
        if not self.compacts():
            self.drop()
            return None
        if not merging.written:
            merging.step(STEP_S)
            return None
        found = merging.exchange()
        self.drop()
        # From the files that were there when it chose: those that came meanwhile fill the room that it leaves.
        self._known(self.target.sink).look_at_files = (merging.head.data_files or 0) - found.files + len(found.written) + found.room
        return self._exchanged(found, merging.seconds, control)

    def _exchanged(self, found: Compacted, seconds: float, control: Control) -> Committed | None:
        """The views follow, unless the sink ends: they may belong to another by then."""
        if not found.files or control.leave():
            return None
        self.target.hand_over(found.head)
        return Committed(found.head.snapshot_id, time.time(), 0, len(found.written), found.bytes_after, seconds, "{}", 0,
                         "compaction")

    def _sorted(self, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """In the table's order, by the engine, which spills what does not fit."""
        order = ", ".join(self.target.head.sort_by)
        return self.cursor.from_arrow(rows).order(order).to_arrow_reader(_SORTED_AT_ONCE) if order else rows
