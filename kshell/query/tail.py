"""A stream: rows of a source or a topic as they arrive, through one row-by-row query, until LIMIT, TIMEOUT, Ctrl-C or the end of what
it follows.

1. the feed puts the next rows into a table of the stream's cursor  2. the query runs over them  3. the rows are handed out in slices

Invariant: rows are taken only when somebody asks for the next, a bounded number at a time, so a slow consumer costs no memory; what the
feed had to leave out is counted and said. A stream has a cursor of its own and never holds a transaction open between two rows."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import duckdb
import pyarrow as pa

from kshell.columns import quote
from kshell.errors import DeadlineError, Error
from kshell.lang.statements import Span
from kshell.query import translate
from kshell.query.result import Result
from kshell.query.rewrite import Edits
from kshell.query.rowwise import Relation, refuse_aggregate
from kshell.query.runner import DUCKDB_ERRORS
from kshell.query.shapes import columns_of

TABLE = "temp.main.kshell_stream"             # what the feed fills; each cursor has its own
WAIT_S = 0.1                                  # the longest time without a look at Ctrl-C and the clock
SLICE_ROWS = 500                              # handed out at a time: the consumer may end the stream between two slices
TELL_S, SELDOM_S = 1.0, 60.0                  # skipped rows are said at once, then ever less often


class Feed(Protocol):
    """Where rows come from. `begin` makes TABLE without rows and settles where the stream starts; each `take` fills it anew with the
    next rows, a partition's in the order of their offsets, and says how many there are: 0 when none came within the time."""

    name: str
    begins: Mapping[tuple[str, int], int]     # the offset of each partition from which on rows are given
    skipped: int                              # rows left out so far because they were not taken in time
    done: bool                                # nothing will ever follow

    def begin(self, cursor: duckdb.DuckDBPyConnection) -> None: ...
    def take(self, wait_s: float) -> int: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What a statement asks of a stream. `select`: its query and the relation in it; None: the rows as they are."""

    text: str
    verb: str = "TAIL"
    name: str = ""                            # under which WHERE may name the relation
    select: tuple[Span, Relation] | None = None
    where: Span | None = None
    limit: int | None = None
    timeout_s: float | None = None


class Stream:
    """`check` raises when the statement has been cancelled; `warn` takes a line for the user. `close` may be called from any thread."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, feed: Feed, wish: Wish, *, check: Callable[[], None],
                 warn: Callable[[str], None]) -> None:
        self._cursor, self._feed, self._wish, self._check, self._warn = cursor, feed, wish, check, warn
        self._ends = None if wish.timeout_s is None else time.monotonic() + wish.timeout_s
        self._edits = _query(wish)
        self._left = wish.limit
        self._told, self._tell_at, self._tell_after_s = 0, 0.0, TELL_S
        self.closed = False

    def result(self) -> Result:
        """Settle where the stream starts and what columns it has. What is wrong with the query is raised here."""
        try:
            self._feed.begin(self._cursor)
            self._refuse_aggregates()
            with self._translated():
                empty = self._cursor.execute(self._edits.text)
                columns = columns_of(empty.description or [])
                schema = empty.to_arrow_table().schema
        except BaseException:
            self._end()
            raise
        return Result(columns, self._batches(schema), endless=True, flow=self._feed, on_close=self._end)

    def interrupt(self) -> None:
        """End the look that is under way; `check` ends the stream."""
        with contextlib.suppress(duckdb.Error):
            self._cursor.interrupt()

    def close(self) -> None:
        """The next look ends the stream."""
        self.closed = True
        self.interrupt()

    # ---- rows --------------------------------------------------------------------------------------------------------

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        shown = 0
        try:
            while self._left != 0 and not self._feed.done and not self.closed:
                self._look_at_clock()
                for batch in self._next():
                    shown += batch.num_rows
                    yield batch
                    self._look_at_clock()
            if not shown:
                yield pa.RecordBatch.from_pylist([], schema=schema)
        finally:
            self._end()

    def _next(self) -> list[pa.RecordBatch]:
        """The rows of the query over what the feed has next."""
        with self._translated():
            taken = self._feed.take(self._wait_s())
            table = self._cursor.execute(self._edits.text).to_arrow_table() if taken else None
        self._tell()
        if table is None:
            return []
        if self._left is not None:
            table = table.slice(0, self._left)
            self._left -= table.num_rows
        return [batch for batch in table.to_batches(max_chunksize=SLICE_ROWS) if batch.num_rows]

    def _wait_s(self) -> float:
        return WAIT_S if self._ends is None else max(0.001, min(WAIT_S, self._ends - time.monotonic()))

    def _look_at_clock(self) -> None:
        self._check()
        if self._left != 0 and self._ends is not None and time.monotonic() >= self._ends:
            raise DeadlineError(f"{self._wish.verb} ended after {self._wish.timeout_s:g} s, its TIMEOUT",
                                hint="leave TIMEOUT out to go on until Ctrl-C")

    def _tell(self, *, last: bool = False) -> None:
        skipped = self._feed.skipped - self._told
        if skipped and (last or time.monotonic() >= self._tell_at):
            self._told, self._tell_at = self._feed.skipped, time.monotonic() + self._tell_after_s
            self._tell_after_s = min(SELDOM_S, 2 * self._tell_after_s)
            number = f"{skipped:,}".replace(",", " ")
            self._warn(f"{self._feed.name}: {number} rows skipped; they arrived faster than they were taken")

    def _end(self) -> None:
        self._tell(last=True)
        self.closed = True
        self._feed.close()
        with contextlib.suppress(duckdb.Error):
            self._cursor.close()

    # ---- the query ---------------------------------------------------------------------------------------------------

    def _refuse_aggregates(self) -> None:
        """Over no rows a row-by-row query gives none."""
        if self._wish.select is None:
            return
        span, relation = self._wish.select
        inner = _relation_edits(self._wish.text, relation)
        edits = Edits(self._wish.text)
        edits.replace(0, span.start, "")
        edits.replace(*inner)
        edits.replace(span.end, len(self._wish.text), "")
        with self._translated(edits):
            if len(self._cursor.execute(edits.text).fetchmany(1)):
                raise refuse_aggregate(self._wish.text, span)

    @contextlib.contextmanager
    def _translated(self, edits: Edits | None = None) -> Iterator[None]:
        try:
            yield
        except Error:
            raise
        except DUCKDB_ERRORS as raised:
            self._check()
            raise translated(raised, edits or self._edits) from None


def translated(raised: BaseException, edits: Edits) -> Error:
    """DuckDB's error, at its place in what the user typed."""
    from kshell.lang import dialects
    fault = translate.read(raised, edits.text)
    hint = dialects.hint_for(edits.original, fault.message) or translate.nearest(fault, tuple, tuple)
    made = translate.error_of(fault, edits.text, hint=hint)
    if made.position is not None:
        made.position, made.length = edits.place(made.position, made.length)
    return made


def _query(wish: Wish) -> Edits:
    """The statement's text as the query that runs over TABLE, so that places in one are places in the other."""
    edits = Edits(wish.text)
    at = 0
    if wish.select is None:
        head = f"SELECT * FROM {TABLE} AS {quote(wish.name)}"
    else:
        span, relation = wish.select
        edits.replace(0, span.start, "SELECT * FROM (")
        edits.replace(*_relation_edits(wish.text, relation))
        head, at = ")", span.end
    if wish.where is None:
        edits.replace(at, len(wish.text), head)
    else:
        edits.replace(at, wish.where.start, f"{head} WHERE (")
        edits.replace(wish.where.end, len(wish.text), ")")
    return edits


def _relation_edits(text: str, relation: Relation) -> tuple[int, int, str]:
    put = TABLE if relation.alias else f"{TABLE} AS {quote(relation.parts[-1])}"
    return relation.span.start, relation.span.end, put


__all__ = ["TABLE", "Feed", "Stream", "Wish"]
