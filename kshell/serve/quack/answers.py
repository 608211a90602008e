"""Statements of ours that a client of Quack gets instead of its own.

Invariant: a value stands in them as a literal that is cast, whatever it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kshell.columns import literal, quote
from kshell.errors import Error
from kshell.query.result import Result

REFUSED = "Authorization failed"                  # the extension's own words for it
_HIDDEN = "('kshell_buffer', 'kshell_pg')"
# What ATTACH asks. The client knows neither catalogs beside its own nor schemas of tables: it asks for `#1 FROM sources` of
# `kshell.sources`. Of a view it asks by schema and name, so every table outside main is told as one.
_CATALOG = {
    "SELECT catalog_name, schema_name FROM information_schema.schemata WHERE catalog_name NOT IN ('system', 'temp') ORDER BY ALL":
        "SELECT catalog_name, schema_name FROM information_schema.schemata "
        f"WHERE catalog_name = 'memory' AND schema_name NOT IN {_HIDDEN} ORDER BY ALL",
    "SELECT schema_name, sql, 'table' FROM duckdb_tables() UNION ALL SELECT schema_name, view_name, 'view' FROM duckdb_views()":
        "SELECT schema_name, sql, 'table' FROM duckdb_tables() WHERE database_name = 'memory' AND schema_name = 'main' AND NOT temporary "
        "UNION ALL SELECT schema_name, table_name, 'view' FROM duckdb_tables() "
        f"WHERE database_name = 'memory' AND schema_name NOT IN ('main', {_HIDDEN[1:]} "
        "UNION ALL SELECT schema_name, view_name, 'view' FROM duckdb_views() "
        f"WHERE database_name IN ('memory', 'system') AND schema_name NOT IN {_HIDDEN} AND NOT temporary",
}


def catalog(text: str) -> str | None:
    """The answer to a question of ATTACH; None: it is no such question."""
    return _CATALOG.get(" ".join(text.split()))


def error(raised: Error, *, refused: bool) -> str:
    said = raised.message + (f"\nhint: {raised.hint}" if raised.hint else "")
    return f"SELECT error({literal(f'{REFUSED}: {said}' if refused else said)})"


def rows(result: Result) -> str:
    """A statement that gives what is in the result."""
    types = [column.type for column in result.columns]
    found = result.fetchall()
    names = ", ".join(quote(column.name) for column in result.columns)
    lines = found or [tuple(None for _ in types)]
    values = ", ".join(f"({_line(line, types)})" for line in lines)
    return f"FROM (VALUES {values}) AS shown({names})" + ("" if found else " WHERE false")


def _line(values: Sequence[Any], types: Sequence[str]) -> str:
    return ", ".join(f"{'NULL' if value is None else literal(str(value))}::{type_}" for value, type_ in zip(values, types, strict=True))
