"""A table of Python's as a table of DuckDB's, for every cursor.

Invariant: it is a copy in `memory.main`; what a source owns is not replaced, and what is no table is an error of ours."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import duckdb

from kshell.columns import quote
from kshell.engine import Engine
from kshell.errors import BadValueError
from kshell.query import translate
from kshell.session.owned import refuse_change

_NAME = "kshell_registered"


def register(engine: Engine, name: str, table: Any, sources: Collection[str]) -> None:
    text = f"CREATE OR REPLACE TABLE memory.main.{quote(name)} AS FROM {_NAME}"
    refuse_change(text, sources)
    cursor = engine.cursor()
    try:
        _offer(cursor, table)
        cursor.execute(text)
    except duckdb.Error as raised:
        raise translate.error_of(translate.read(raised, text), text, hint="give it another name, or DROP VIEW first") from None
    finally:
        cursor.unregister(_NAME)
        cursor.close()


def _offer(cursor: duckdb.DuckDBPyConnection, table: Any) -> None:
    try:
        cursor.register(_NAME, table)
    except duckdb.Error:
        raise BadValueError(f"{type(table).__name__} is no table", hint="an Arrow table, a pandas or a polars frame is one") from None
