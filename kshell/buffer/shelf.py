"""What stands in DuckDB for one source: its views, its macros, its segments' tables. The only place of the buffer that executes DDL.

Invariant: one change is one transaction, under `engine.publish_lock`; readers see all of it or nothing, and open readers keep what
they began with. There is no CHECKPOINT afterwards: DROP alone gives the memory back, at once or when the last reader of the dropped
tables ends, while a checkpoint would hold up appends to recompress the segments that stay."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import duckdb

from kshell import sqlfile
from kshell.buffer.values import Segment
from kshell.columns import Column, quote
from kshell.engine import Engine
from kshell.errors import Error, InternalError, UnreachableError


class Shelf:
    """Remembers the text of each view, so that a view whose text stays is not replaced."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cursor = engine.cursor()
        self._texts: dict[str, str] = {}
        self._uncommitted: dict[str, str] = {}

    @contextmanager
    def change(self) -> Iterator[Shelf]:
        """One transaction. An exception inside rolls everything back, and views are remembered as they stood."""
        with self._engine.publish_lock:
            self._uncommitted = {}
            self._cursor.execute("BEGIN TRANSACTION")
            try:
                yield self
                self._cursor.execute("COMMIT")
            except BaseException as error:
                self._roll_back()
                if isinstance(error, duckdb.Error):
                    raise mapped(error) from error
                raise
            self._texts.update(self._uncommitted)

    def _roll_back(self) -> None:
        # after a failed COMMIT, or an error that ended the transaction, there is nothing left to roll back
        try:
            self._cursor.execute("ROLLBACK")
        except duckdb.Error:
            return

    def put(self, views: Mapping[str, str]) -> None:
        """Replace the views whose text changed. Keys name them; the order is kept."""
        for key, text in views.items():
            if self._texts.get(key) != text:
                self._cursor.execute(text)
                self._uncommitted[key] = text

    def create(self, text: str) -> None:
        self._cursor.execute(text)

    def drop_tables(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._cursor.execute(f"DROP TABLE IF EXISTS memory.{segment.relation}")

    def drop_views(self, name: str) -> None:
        """The views and the macro of one name. Not inside a `change`."""
        with self._engine.publish_lock:
            self._cursor.execute(sqlfile.render("views/drop.sql", view=name))
        self._texts = {key: text for key, text in self._texts.items() if key.split("|", 1)[1] != name}

    def drop_lake(self, name: str) -> None:
        self._cursor.execute(f"DROP VIEW IF EXISTS memory.lake.{quote(name)}")
        self._texts.pop(f"lake|{name}", None)

    def describe(self, relation: str) -> tuple[Column, ...]:
        """Columns of a view or of a query in parentheses, with DuckDB's types."""
        rows = self._cursor.execute(f"DESCRIBE {relation}").fetchall()
        return tuple(Column(str(row[0]), str(row[1])) for row in rows)

    def close(self) -> None:
        self._cursor.close()


def mapped(error: duckdb.Error) -> Error:
    """A DuckDB error in kshell's tree: storage that does not answer, or a defect."""
    if isinstance(error, (duckdb.IOException, duckdb.HTTPException)):
        return UnreachableError(said(error), hint="the table's files could not be read; it is tried again")
    return InternalError(said(error))


def said(error: BaseException) -> str:
    """The message of a DuckDB error, which arrives as JSON behind its kind."""
    kind, brace, rest = str(error).partition("{")
    try:
        return str(json.loads(brace + rest)["exception_message"])
    except (ValueError, KeyError, TypeError):
        return kind + brace + rest
