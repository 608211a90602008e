"""What a statement reads: the names in its FROM, and what stands behind those that are views and macros of the user.

Invariant: nothing is run. Where DuckDB's parser gives no tree (COPY, INSERT, kshell's own statements) every name of the text counts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import duckdb

from kshell.lang.tokens import Token, tokens

_SCHEMAS = frozenset({"", "main", "live", "lake", "temp"})
_VIEWS = "SELECT lower(view_name), sql FROM duckdb_views() WHERE NOT internal"
_MACROS = ("SELECT lower(function_name), CASE function_type WHEN 'macro' THEN 'SELECT ' ELSE '' END || macro_definition "
           "FROM duckdb_functions() WHERE NOT internal AND macro_definition IS NOT NULL")


def reads(cursor: duckdb.DuckDBPyConnection, text: str, ours: Collection[str]) -> frozenset[str]:
    """Names in lower case. `ours`: the relations of sources and sinks, behind which nobody looks."""
    found = set(_named(cursor, text))
    if found <= {name.lower() for name in ours}:
        return frozenset(found)
    behind = _definitions(cursor)
    left = found - {name.lower() for name in ours}
    while left:
        more = {name for view in left for definition in behind.get(view, ()) for name in _named(cursor, definition)} - found
        found |= more
        left = more - {name.lower() for name in ours}
    return frozenset(found)


def _definitions(cursor: duckdb.DuckDBPyConnection) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in cursor.execute(f"{_VIEWS} UNION ALL {_MACROS}").fetchall():
        found.setdefault(name, []).append(_query_of(text))
    return found


def _query_of(text: str) -> str:
    """CREATE VIEW v (a, b) AS SELECT ...: the SELECT."""
    found = tokens(text)
    if found[0].upper != "CREATE":
        return text
    starts = next((token.end for token in found if token.upper == "AS"), 0)
    return text[starts:]


def _named(cursor: duckdb.DuckDBPyConnection, text: str) -> set[str]:
    try:
        row = cursor.execute("SELECT json_serialize_sql(?, skip_null := true, skip_empty := true)", [text]).fetchone()
    except (duckdb.Error, RuntimeError):          # RuntimeError: half a surrogate pair in the text
        row = None
    tree = json.loads(row[0]) if row is not None else {"error": True}
    if tree["error"]:
        return {_plain(token) for token in tokens(text) if token.kind in ("word", "name")}
    return {name.lower() for name in _relations(tree)}


def _relations(tree: Any) -> Iterator[str]:
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _relations(part)
    if not isinstance(tree, dict):
        return
    if tree.get("type") == "BASE_TABLE":
        if tree.get("catalog_name", "memory") == "memory" and tree.get("schema_name", "").lower() in _SCHEMAS:
            yield tree["table_name"]
    elif "function_name" in tree and not tree.get("is_operator"):
        yield tree["function_name"]


def _plain(token: Token) -> str:
    return token.text.strip('"').replace('""', '"').lower()
