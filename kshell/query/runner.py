"""Runner: DuckDB text on one cursor, one statement at a time, as a stream that can be interrupted.

1. free the cursor of the last result  2. rewrite what reads topics  3. execute  4. hand out a stream  5. drop what was loaded

Invariant: when `run` returns or raises, nothing of an earlier statement is still reading from the cursor; temporary tables of
a statement live exactly as long as its result."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from kshell.engine import Engine
from kshell.errors import CancelledError, DeadlineError, Error
from kshell.query import translate
from kshell.query.deadline import Deadline
from kshell.query.kinds import EXPLAIN, SELECT, counts_changes, gives_rows, plainly_query, statement_type
from kshell.query.result import Result
from kshell.query.rewrite import Edits
from kshell.query.shapes import columns_of
from kshell.testing import failpoint

BATCH_ROWS = 16_384                               # rows of a batch: the first page of a slow query is shown early
DUCKDB_ERRORS = (duckdb.Error, RuntimeError, OSError, pa.ArrowException)


class Rewriter(Protocol):
    """What turns a statement into one that DuckDB can run: reads of topics become tables of the statement."""

    def rewrite(self, text: str, cursor: duckdb.DuckDBPyConnection, check: Callable[[], None]) -> Edits: ...


class Runner:
    """Owns one cursor. `run` and the reading of its result belong to one thread at a time; `interrupt` to any."""

    def __init__(self, engine: Engine, *, rewriter: Rewriter | None = None,
                 topics: Callable[[], Iterable[tuple[str, str]]] = tuple, progress: bool = True, batch_rows: int = BATCH_ROWS,
                 spool_bytes: int | None = None, more_time: str = "SET kshell_statement_timeout gives it more time") -> None:
        self.cursor = engine.cursor()
        if progress:                              # measured here, drawn elsewhere
            self.cursor.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
        self._engine = engine
        self._more_time = more_time               # the hint for a statement whose time is up
        self._rewriter = rewriter
        self._batch_rows = batch_rows
        self._topics = topics                     # (connection, topic) as far as known; must not wait for a broker
        self._cancelled = threading.Event()
        self._late: float | None = None           # the budget in seconds that ran out
        self._last: weakref.ref[Result] | None = None
        self._spool_bytes = spool_bytes           # of all results that are kept for their readers; None: of each its own bound
        self._kept: weakref.WeakSet[Result] = weakref.WeakSet()

    def run(self, text: str, parameters: Sequence[Any] = (), *, timeout_s: float | None = None, rewrite: bool = True) -> Result:
        """One statement, without kshell's own. Rows are read later, from the Result. `rewrite` False: DuckDB gets the text as it is.
        `parameters`: the values of $1, $2, ..."""
        self.free()
        self._cancelled.clear()
        self._late = None
        deadline = Deadline(timeout_s, self._expire) if timeout_s else None
        edits = Edits(text)
        try:
            if rewrite and self._rewriter is not None:
                edits = self._rewriter.rewrite(text, self.cursor, self.check)
            result = self._execute(edits, parameters, deadline)
        except BaseException as raised:  # noqa: BLE001  whatever it was, the statement's tables end, and it is raised again
            self._end(edits, deadline)
            raise self._translated(raised, edits) from None
        self._last = weakref.ref(result)
        return result

    def _execute(self, edits: Edits, parameters: Sequence[Any], deadline: Deadline | None) -> Result:
        kind = SELECT if plainly_query(edits.text) else statement_type(self.cursor, edits.text)
        self.check()
        failpoint("select.before_execute")
        self.cursor.execute(edits.text, list(parameters) or None)
        columns = columns_of(self.cursor.description or [])
        if edits.tables:
            columns = tuple(replace(column, name=edits.as_typed(column.name)) for column in columns)
        if not gives_rows(kind, edits.text, [(c.name, c.type) for c in columns]):
            changed = self.cursor.to_arrow_reader(BATCH_ROWS).read_all() if columns else None
            self._end(edits, deadline)
            return Result.done(_count(changed) if counts_changes(kind) else None)
        reader = self.cursor.to_arrow_reader(self._batch_rows)
        return Result(columns, self._stream(reader, edits), plan=kind == EXPLAIN, on_close=lambda: self._end(edits, deadline))

    def _stream(self, reader: pa.RecordBatchReader, edits: Edits) -> Iterator[pa.RecordBatch]:
        rows = 0
        try:
            names = [edits.as_typed(name) for name in reader.schema.names] if edits.tables else None
            for batch in self._checked(reader):
                rows += batch.num_rows
                yield batch if names is None else batch.rename_columns(names)
            if not rows:                          # one batch without rows, for the types that files need
                yield pa.RecordBatch.from_pylist([], schema=reader.schema)
        except (Error, *DUCKDB_ERRORS) as raised:
            raise self._translated(raised, edits) from None
        finally:
            reader.close()

    def _checked(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        for batch in reader:
            self.check()
            failpoint("select.mid_scan")
            if batch.num_rows:
                yield batch
            self.check()

    def _end(self, edits: Edits, deadline: Deadline | None) -> None:
        if deadline is not None:
            deadline.end()
        for table in edits.tables:
            try:
                self.cursor.execute(f"DROP TABLE IF EXISTS {table}")
            except DUCKDB_ERRORS:
                return                            # a failed transaction takes its temporary tables along at ROLLBACK

    # ---- end early -------------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """End the running statement with CancelledError. Repeat until it has ended: DuckDB forgets an interrupt between two calls."""
        self._cancelled.set()
        self.cursor.interrupt()

    def check(self) -> None:
        """Raise if the statement has been cancelled or its time is up. Whatever waits inside a statement calls this."""
        if self._late is not None:
            raise DeadlineError(f"the statement took longer than {self._late:g} s", hint=self._more_time)
        if self._cancelled.is_set():
            raise CancelledError("interrupted")

    def progress(self) -> float | None:
        """How much of the running statement is done, 0 to 1, from any thread; None where DuckDB does not know."""
        try:
            percent = self.cursor.query_progress()
        except DUCKDB_ERRORS:
            return None
        return percent / 100 if 0 < percent <= 100 else None

    def _expire(self, budget_s: float) -> None:
        self._late = budget_s
        self.cursor.interrupt()

    def free(self) -> None:
        """Make the cursor free: a result that somebody still holds is spooled, the others are closed."""
        last, self._last = self._last, None
        result = last() if last is not None else None
        if result is not None and result.open:
            kept = sum(other.held_bytes for other in self._kept)
            result.spool(None if self._spool_bytes is None else self._spool_bytes - kept)
            self._kept.add(result)

    def close(self) -> None:
        with contextlib.suppress(Error):              # an interrupted result has no rest to keep
            self.free()
        self.cursor.close()

    # ---- errors ----------------------------------------------------------------------------------------------------

    def _translated(self, raised: BaseException, edits: Edits) -> BaseException:
        if self._late is not None or self._cancelled.is_set():
            try:
                self.check()
            except Error as ended:
                return ended
        if isinstance(raised, Error) or not isinstance(raised, DUCKDB_ERRORS):
            return raised
        from kshell.query import hints
        fault = hints.refined(translate.read(raised, edits.text), edits.text)
        hint = hints.Hints(self._engine, self._topics).of(fault, edits.original, edits.text, edits.columns)
        made = translate.error_of(fault, edits.text, hint=hint)
        if made.position is not None:
            made.position, made.length = edits.place(made.position, made.length)
        return made


def _count(changed: pa.Table | None) -> int | None:
    if changed is None or changed.num_rows != 1 or changed.column_names != ["Count"]:
        return None
    return int(changed.column(0)[0].as_py())
