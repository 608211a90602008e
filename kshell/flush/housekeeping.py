"""What keeps a sink's tables small and quick to read: snapshots expire, metadata files go, small data files are merged.

Invariant: runs on the flush thread between commits, never beside one, and what fails here stops no commit: it is said once and put off."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from kshell.errors import Error
from kshell.flush.cycle import Committed
from kshell.flush.target import Target
from kshell.iceberg import Compacted, Control, Head, Left, Sink, Stop

OLD_METADATA_S = 3600.0                       # between looks for metadata files that nothing names
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

    def after_commit(self, control: Control, *, errors: bool) -> Committed | None:
        """`errors`: the error table was written too. The compaction of the sink's table, if there was one."""
        target = self.target
        merged = self._keep(target.sink, lambda: target.head, control)
        if errors and target.errors_sink is not None:
            self._keep(target.errors_sink, self._errors_head, control)
        return merged

    def _keep(self, sink: Sink, head: Callable[[], Head], control: Control) -> Committed | None:
        known = self._tables.setdefault(sink.table, _Table())
        try:
            found = head()
            self._expire(sink, found, known)
            merged = self._compact(sink, found, known, control)
            self._sweep()
        except (Stop, Left):
            raise
        except Error as error:
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

        began = time.monotonic()
        found = optimize(self.target.lake, self.target.sink, control, sort=self._sorted, done=done)
        return found, self._exchanged(found, began, control)

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

        due = head.data_files is None or head.data_files >= known.look_at_files or head.sequence >= known.look_at_sequence
        if not due or not compact.wanted(head, sink, written_down=self.target.compact):
            return None
        began = time.monotonic()
        # Whatever happens: not again at the next commit.
        known.look_at_files, known.look_at_sequence = (head.data_files or 0) + compact.ROOM, head.sequence + compact.ROOM
        main = sink is self.target.sink
        found = compact.compact(self.target.lake, sink, control, sort=self._sorted if main else None)
        known.look_at_files = (found.head.data_files or 0) + found.room
        known.look_at_sequence = found.head.sequence + compact.QUIET_COMMITS
        return self._exchanged(found, began, control) if main else None

    def _exchanged(self, found: Compacted, began: float, control: Control) -> Committed | None:
        """The views follow, unless the sink ends: they may belong to another by then."""
        if not found.files or control.leave():
            return None
        self.target.hand_over(found.head)
        return Committed(found.head.snapshot_id, time.time(), 0, len(found.written), found.bytes_after, time.monotonic() - began, "{}", 0,
                         "compaction")

    def _sorted(self, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """In the table's order, by the engine, which spills what does not fit."""
        order = ", ".join(self.target.head.sort_by)
        return self.cursor.from_arrow(rows).order(order).to_arrow_reader(_SORTED_AT_ONCE) if order else rows
