"""Rows: what a statement gives, taken in pieces as a portal or a cursor wants them. Used on worker threads, one at a time.

Invariant: every row is taken once and in order; rows that are left when they are closed are never read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

import pyarrow as pa

from kshell.output._shape import OutColumn
from kshell.query.result import Result


class Rows(Protocol):
    """`endless`: TAIL, of which each batch is wanted as soon as it is there."""

    columns: tuple[OutColumn, ...]
    endless: bool

    def take(self, most: int | None) -> pa.RecordBatch | None:
        """The next rows, at most so many (None: as they come); None: there are no more."""

    def close(self) -> None: ...


class ResultRows:
    """All rows of a Result."""

    def __init__(self, result: Result) -> None:
        self.columns, self.endless = result.columns, result.endless
        self._result = result
        self._batches: Iterator[pa.RecordBatch] = result.batches()
        self._rest: pa.RecordBatch | None = None  # of the batch that was cut last

    def take(self, most: int | None) -> pa.RecordBatch | None:
        batch, self._rest = self._rest, None
        while batch is None or not batch.num_rows:
            batch = next(self._batches, None)
            if batch is None:
                return None
        if most is not None and batch.num_rows > most:
            self._rest = batch.slice(most)
            return batch.slice(0, most)
        return batch

    def close(self) -> None:
        self._rest = None
        self._result.close()


class Fetched:
    """The next `count` rows of a cursor; the cursor stays open for others."""

    def __init__(self, cursor: Rows, count: int | None) -> None:
        self.columns, self.endless = cursor.columns, cursor.endless
        self._cursor, self._left = cursor, count

    def take(self, most: int | None) -> pa.RecordBatch | None:
        wanted = [n for n in (most, self._left) if n is not None]
        if self._left == 0:
            return None
        batch = self._cursor.take(min(wanted) if wanted else None)
        if batch is not None and self._left is not None:
            self._left -= batch.num_rows
        return batch

    def close(self) -> None:
        """What was not fetched stays in the cursor."""


def pass_over(rows: Rows) -> int:
    """Take all of them; how many there were."""
    passed = 0
    with closing(rows):
        while (batch := rows.take(None)) is not None:
            passed += batch.num_rows
    return passed
