"""Result: the rows of one statement as a stream of Arrow batches, or the note of a control statement.

Invariant: the cursor behind a result is free once the result is drained, spooled or closed; a half-read result never ends
silently: what was not read is kept (up to SPOOL_BYTES) or the next read says that it is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import duckdb
import pyarrow as pa

from kshell.errors import CancelledError, Error, RefusedError
from kshell.output._shape import OutColumn
from kshell.query.shapes import arrow_type, shape_of
from kshell.query.values import python_columns

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import polars as pl  # type: ignore[import-not-found, unused-ignore]

    from kshell.output._chart import Chart

SPOOL_BYTES = 256_000_000
SHOWN_ROWS = 50                               # of a result that a notebook shows by itself
Kind = Literal["rows", "note", "done"]


class Flow(Protocol):
    """What a stream tells beside its rows."""

    @property
    def begins(self) -> Mapping[tuple[str, int], int]:
        """The offset of each partition, of a topic, from which on it gives rows."""

    @property
    def skipped(self) -> int:
        """Rows left out so far, because they arrived faster than they were taken."""


class Result:
    """`kind`: rows (print them), note (a control statement; `batches()` gives its one row to Python), done (DuckDB's own, without rows).

    `batches()` is read once; `arrow()`, `df()`, `pl()` and `fetchall()` read the rest and remember it. A notebook shows the first
    SHOWN_ROWS; looking takes nothing away."""

    def __init__(self, columns: Sequence[OutColumn], batches: Iterable[pa.RecordBatch], *, kind: Kind = "rows", note: str | None = None,
                 rowcount: int | None = None, plan: bool = False, endless: bool = False,
                 flow: Flow | None = None, on_close: Callable[[], None] | None = None) -> None:
        self.columns = tuple(columns)
        self.kind = kind
        self.note = note
        self.rowcount = rowcount                  # rows changed by INSERT, UPDATE, DELETE, COPY; None: not known
        self.plan = plan                          # EXPLAIN: the text of a plan, not a table
        self.endless = endless                    # TAIL: rows come as long as somebody asks, so nothing may look ahead
        self.flow = flow                          # of a TAIL; None: these rows come from no log
        self.rows_read = 0                        # rows taken from the cursor so far
        self._source: Iterator[pa.RecordBatch] | None = iter(batches)
        self._spooled: list[pa.RecordBatch] = []
        self._ended: Error | None = None          # why nothing can be read beyond what was spooled
        self._table: pa.Table | None = None
        self._rows: Iterator[tuple[Any, ...]] | None = None
        self._on_close = on_close

    # ---- made from values ------------------------------------------------------------------------------------------

    @classmethod
    def of_rows(cls, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> Result:
        """Rows made in Python, for SHOW and the like. A column is (name, DuckDB type)."""
        shown = _columns(columns)
        schema = pa.schema([pa.field(name, arrow_type(duckdb.sqltype(type_))) for name, type_ in columns])
        held = [list(row) for row in rows]
        arrays = [pa.array([row[i] for row in held], type=field.type) for i, field in enumerate(schema)]
        return cls(shown, [pa.RecordBatch.from_arrays(arrays, schema=schema)])

    @classmethod
    def of_batches(cls, columns: Sequence[tuple[str, str]], batches: Iterable[pa.RecordBatch], *,
                   on_close: Callable[[], None] | None = None) -> Result:
        """Rows that arrive as Arrow batches, for TAIL: each batch is shown when it comes."""
        return cls(_columns(columns), batches, endless=True, on_close=on_close)

    @classmethod
    def of_note(cls, note: str, columns: Sequence[tuple[str, str]] = (), row: Sequence[Any] = ()) -> Result:
        """A control statement: one note for people, one row for Python (by default the note itself)."""
        made = cls.of_rows(columns or [("note", "VARCHAR")], [row or [note]])
        made.kind, made.note = "note", note
        return made

    @classmethod
    def done(cls, rowcount: int | None = None) -> Result:
        return cls((), (), kind="done", rowcount=rowcount)

    # ---- read ------------------------------------------------------------------------------------------------------

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The batches not read yet. Raises what the statement raises."""
        if self._table is not None:
            yield from self._table.to_batches()
            return
        while True:
            if self._spooled:
                yield self._spooled.pop(0)
            elif self._ended is not None:
                raise self._ended
            elif (batch := self._next()) is None:
                return
            else:
                yield batch

    def _next(self) -> pa.RecordBatch | None:
        if self._source is None:
            return None
        try:
            batch = next(self._source, None)
        except BaseException:
            self._finish()
            raise
        if batch is None:
            self._finish()
        else:
            self.rows_read += batch.num_rows
        return batch

    def arrow(self) -> pa.Table:
        if self._table is None:
            schema = pa.schema([pa.field(c.name, arrow_type(duckdb.sqltype(c.type))) for c in self.columns])
            held = list(self.batches())
            self._table = pa.Table.from_batches(held, schema=held[0].schema if held else schema)
        return self._table

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self)

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self, None)

    def df(self) -> pd.DataFrame:
        _need("pandas", "df")
        return self.arrow().to_pandas()

    def pl(self) -> pl.DataFrame:
        _need("polars", "pl")
        import polars
        return polars.from_arrow(self.arrow())

    def chart(self, kind: str, x: str, y: str, by: str | None = None) -> Chart:
        """line, bar, area or point; a notebook draws it, `save(path)` writes .png .svg .html .json, `text()` draws with characters.

        Raises NotFoundError for a column, BadValueError for a kind or a measure that is not a number, LimitError above 50 000 rows."""
        from kshell.output import _chart
        return _chart.make(self.columns, self._look(_chart.MOST_POINTS + 1), kind, x, y, by)

    def _repr_html_(self) -> str:
        from kshell.query import notebook
        return notebook.html(self.columns, self._look(SHOWN_ROWS + 1) if self.kind == "rows" else [], SHOWN_ROWS, note=self.note)

    def _look(self, rows: int) -> list[pa.RecordBatch]:
        """The first batches not read yet, at least so many rows if there are; they stay to be read. A stream shows none."""
        if self._table is not None:
            return list(self._table.to_batches())
        if self.endless:
            return []
        taken: list[pa.RecordBatch] = []
        for batch in self.batches():
            taken.append(batch)
            if sum(b.num_rows for b in taken) >= rows:
                break
        self._spooled[:0] = taken
        return taken

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Any, ...]:
        if self._rows is None:
            self._rows = self._iterate()
        return next(self._rows)

    def _iterate(self) -> Iterator[tuple[Any, ...]]:
        for batch in self.batches():
            yield from python_columns(batch, [c.shape for c in self.columns])

    # ---- end -------------------------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether the cursor behind it is still in use."""
        return self._source is not None

    def spool(self, most: int | None = None) -> None:
        """Keep what was not read, so that the cursor is free; more than `most` bytes (SPOOL_BYTES) is given up. What the rest raises is for
        whoever reads it, and not for the statement that wants the cursor; a cancel is for both."""
        held, most = 0, SPOOL_BYTES if most is None else most
        try:
            while (batch := self._next()) is not None:
                held += batch.nbytes
                if held > most:
                    self._spooled, self._ended = [], _given_up()
                    self._finish()
                    return
                self._spooled.append(batch)
        except Error as failed:
            self._ended = failed
            if isinstance(failed, CancelledError):
                raise

    @property
    def held_bytes(self) -> int:
        """Of rows that were spooled and not read since."""
        return sum(batch.nbytes for batch in self._spooled)

    def close(self) -> None:
        """Free the cursor. What was not read is gone, also within a loop over the rows; what was spooled stays readable."""
        if self._source is not None:
            self._rows = iter(())
        self._finish()

    def _finish(self) -> None:
        source, self._source = self._source, None
        if source is None:
            return
        end = getattr(source, "close", None)
        if end is not None:
            end()
        if self._on_close is not None:
            self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _columns(columns: Sequence[tuple[str, str]]) -> list[OutColumn]:
    return [OutColumn(name, type_, shape_of(duckdb.sqltype(type_))) for name, type_ in columns]


def _given_up() -> RefusedError:
    return RefusedError("this result was closed when its session ran another statement",
                        hint="read it to its end before, or keep it: .arrow() in Python, another connection for a client of a server")


def _need(module: str, call: str) -> None:
    import importlib.util
    if importlib.util.find_spec(module) is None:
        raise ImportError(f".{call}() needs {module}: pip install {module}, or use .arrow()")


__all__ = ["SPOOL_BYTES", "Flow", "OutColumn", "Result"]
