"""The types of parameters that stand beside a value of the query: in `i < $1`, $1 has the type of i.

DuckDB keeps such types to itself, and drivers that ask for them (asyncpg, pgx) send what they are told. So the parse tree tells what each
parameter is compared with, and DuckDB describes a query that selects just that from where it comes from.

Invariant: nothing is run; a parameter whose type is not found this way has none here."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import closing
from typing import Any

import duckdb

from kshell.columns import literal
from kshell.serve.pgwire.types import pg_type
from kshell.serve.pgwire.types.oids import ARRAYS

_SERIALIZE, _DESERIALIZE = "SELECT json_serialize_sql(?)", "SELECT json_deserialize_sql(?::JSON)"
_EVERYTHING_ELSE: dict[str, Any] = {"where_clause": None, "group_expressions": [], "group_sets": [], "having": None, "qualify": None,
                                    "sample": None, "modifiers": []}
_NULL = {"class": "CONSTANT", "type": "VALUE_CONSTANT", "value": {"type": {"id": "NULL", "type_info": None}, "is_null": True}}
_MOST_DEPTH = _MOST_ALONE = 100                   # beyond that nobody waits for it
Comparison = tuple[int, Any, bool]                # the number of a parameter, the expression beside it, whether it is one of a list


def inferred(parent: duckdb.DuckDBPyConnection, search_path: str, text: str, wanted: Collection[int]) -> dict[int, int]:
    """Number of the parameter -> OID. Of the parent only a cursor is made: its own may still be read from."""
    found: dict[int, int] = {}
    try:
        with closing(parent.cursor()) as cursor:
            cursor.execute(f"SET SESSION search_path = {literal(search_path)}")
            tree = json.loads(_answer(cursor, _SERIALIZE, text))
            for scope, comparisons in _scopes(tree.get("statements", []), []):
                asked = [one for one in comparisons if one[0] in wanted and one[0] not in found]
                found |= _described(cursor, scope, asked) if asked else {}
    except (duckdb.Error, RuntimeError, RecursionError, ValueError):
        return found                              # not a query, or the client is gone
    return found


def _described(cursor: duckdb.DuckDBPyConnection, scope: dict[str, Any], asked: list[Comparison]) -> dict[int, int]:
    """All at once, or one by one where they do not stand together: a column and an aggregate."""
    selected = [{**beside, "alias": f"p{n}"} for n, (_, beside, _) in enumerate(asked)]
    probe = _without_parameters({**scope, **_EVERYTHING_ELSE, "select_list": selected})
    try:
        text = _answer(cursor, _DESERIALIZE, json.dumps({"error": False, "statements": [{"node": probe, "named_param_map": []}]}))
        rows = cursor.execute(f"DESCRIBE {text}").fetchall()
    except duckdb.Error:                          # alone: it needs the query around it
        alone = [_described(cursor, scope, [one]) for one in asked] if 1 < len(asked) <= _MOST_ALONE else []
        return {number: oid for found in alone for number, oid in found.items()}
    return {number: _oid(str(row[1]), listed) for (number, _, listed), row in zip(asked, rows, strict=True)}


def _oid(type_: str, listed: bool) -> int:
    found = pg_type(type_)
    return ARRAYS.get(found.name, ARRAYS["text"]) if listed else found.oid


def _without_parameters(tree: Any) -> Any:
    """The tree with NULL for each."""
    if isinstance(tree, list):
        return [_without_parameters(part) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.get("class") == "PARAMETER":
        return {**_NULL, "alias": tree["alias"], "query_location": tree["query_location"]}
    return {name: _without_parameters(part) for name, part in tree.items()}


def _answer(cursor: duckdb.DuckDBPyConnection, question: str, value: str) -> str:
    row = cursor.execute(question, [value]).fetchone()
    return str(row[0]) if row else ""


# ---- the tree ------------------------------------------------------------------------------------------------------

def _scopes(tree: Any, ctes: list[Any], depth: int = 0) -> Iterator[tuple[dict[str, Any], list[Comparison]]]:
    """Each SELECT, with the CTEs it can see, and what parameters are compared with in it."""
    if depth > _MOST_DEPTH:
        return
    if isinstance(tree, dict):
        if "cte_map" in tree:
            ctes = [*ctes, *tree["cte_map"].get("map", [])]
        if tree.get("type") == "SELECT_NODE":
            parts = {name: part for name, part in tree.items() if name != "cte_map"}
            yield {**tree, "cte_map": {"map": ctes}}, list(_comparisons(parts))
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _scopes(part, ctes, depth + 1)


def _comparisons(tree: Any) -> Iterator[Comparison]:
    """Not those of a SELECT inside, which has names of its own."""
    if isinstance(tree, list):
        for part in tree:
            yield from _comparisons(part)
    elif isinstance(tree, dict):
        yield from _beside(tree)
        for part in tree.values():
            if not (isinstance(part, dict) and part.get("type") == "SELECT_NODE"):
                yield from _comparisons(part)


def _beside(node: dict[str, Any]) -> Iterator[Comparison]:
    """x = $1, x BETWEEN $1 AND $2, x IN ($1, $2), x = ANY($1)"""
    if node.get("class") == "SUBQUERY" and node.get("subquery_type") == "ANY":
        yield from _any(node)
        return
    if node.get("class") == "COMPARISON":
        together = [node["left"], node["right"]]
    elif node.get("class") == "BETWEEN":
        together = [node["input"], node["lower"], node["upper"]]
    elif node.get("class") == "OPERATOR" and node.get("type") in ("COMPARE_IN", "COMPARE_NOT_IN"):
        together = node["children"]
    else:
        return
    values = [item for item in together if item.get("class") not in ("PARAMETER", "SUBQUERY")]
    for item in together:
        if item.get("class") == "PARAMETER" and item["identifier"].isdecimal() and values:
            yield int(item["identifier"]), values[0], False


def _any(node: dict[str, Any]) -> Iterator[Comparison]:
    """DuckDB reads ANY($1) as ANY (SELECT unnest($1))."""
    selected = node["subquery"]["node"].get("select_list") or [{}]
    listed = (selected[0].get("children") or [{}])[0]
    if selected[0].get("function_name") == "unnest" and listed.get("class") == "PARAMETER" and listed["identifier"].isdecimal():
        yield int(listed["identifier"]), node["child"], True
