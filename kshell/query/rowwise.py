"""A query over one relation, row by row: what a stream can run on the rows that arrive, and where in its text the relation stands.

Invariant: what would need rows that are still to come (aggregates, windows, ORDER BY, DISTINCT, LIMIT), or rows from elsewhere (joins,
subqueries), is refused at its place with what to type instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from kshell.errors import BadValueError, RefusedError
from kshell.lang.statements import Span
from kshell.lang.tokens import tokens
from kshell.query.translate import characters

_MODIFIERS = {"ORDER_MODIFIER": "ORDER BY", "LIMIT_MODIFIER": "LIMIT", "LIMIT_PERCENT_MODIFIER": "LIMIT", "DISTINCT_MODIFIER": "DISTINCT"}
_HINTS = {"LIMIT": "LIMIT stands behind the parentheses: TAIL (SELECT ...) LIMIT 10"}
_FORM = "columns, functions of one row and WHERE over one source; do the rest at read time: CREATE VIEW ..."
_ROWS_TO_COME = "DISTINCT", "ORDER BY", "GROUP BY", "HAVING", "QUALIFY", "a window function"


@dataclass(frozen=True, slots=True)
class Relation:
    """The one relation of a query: its name as parts, its place in the text, its alias if it has one."""

    parts: tuple[str, ...]
    span: Span
    alias: str | None


def relation(text: str, span: Span, cursor: duckdb.DuckDBPyConnection) -> Relation:
    """The relation of the query at this place. Raises DuckDB's ParserException where the query does not parse."""
    query = text[span.start:span.end]
    parsed = cursor.extract_statements(query)
    if len(parsed) != 1 or str(parsed[0].type.name) != "SELECT":
        raise BadValueError("a query stands in the parentheses", hint="TAIL (SELECT ... FROM source)", position=span.start,
                            length=span.length)
    row = cursor.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    tree = json.loads(row[0]) if row else {}
    if tree.get("error"):
        raise RefusedError("this query cannot follow a source", hint=_FORM, position=span.start, length=span.length)
    _check(tree["statements"][0]["node"], query, span)
    return _placed(tree["statements"][0]["node"]["from_table"], query, span)


def refuse_aggregate(text: str, span: Span) -> RefusedError:
    """A query that gives a row although none has arrived."""
    query = text[span.start:span.end]
    return RefusedError("an aggregate needs all rows, and a stream has no last one", hint=f".watch 2 {' '.join(query.split())}",
                        position=span.start, length=span.length)


def _check(node: dict[str, Any], query: str, span: Span) -> None:
    for what in _found(node):
        hint = f".watch 2 {' '.join(query.split())}" if what in _ROWS_TO_COME else _HINTS.get(what, _FORM)
        raise RefusedError(f"a stream shows rows one by one as they arrive: {what} cannot stand in its query", hint=hint,
                           position=span.start, length=span.length)


def _found(node: dict[str, Any]) -> Iterator[str]:
    """What is more than a projection and a filter over one relation."""
    if node["type"] != "SELECT_NODE":
        yield {"SET_OPERATION_NODE": "UNION, INTERSECT or EXCEPT"}.get(node["type"], "more than one SELECT")
        return
    if node["cte_map"]["map"]:
        yield "WITH"
    yield from (_MODIFIERS.get(m["type"], m["type"]) for m in node["modifiers"])
    if node["group_expressions"] or node["aggregate_handling"] == "FORCE_AGGREGATES":
        yield "GROUP BY"
    yield from (name.upper() for name in ("having", "qualify") if node[name])
    if node["sample"] or node["from_table"].get("sample"):
        yield "SAMPLE"
    kind = node["from_table"]["type"]
    if kind != "BASE_TABLE" or node["from_table"].get("at_clause"):
        yield {"JOIN": "a join", "SUBQUERY": "a subquery", "TABLE_FUNCTION": "a table function", "EMPTY": "no FROM"}.get(kind, "this FROM")
    yield from _inside(node["select_list"])
    yield from _inside(node["where_clause"])


def _inside(tree: Any) -> Iterator[str]:
    """The same in expressions."""
    if isinstance(tree, list):
        for item in tree:
            yield from _inside(item)
    elif isinstance(tree, dict):
        if tree.get("class") == "WINDOW":
            yield "a window function"
        elif tree.get("class") == "SUBQUERY":
            yield "a subquery"
        elif tree.get("class") == "FUNCTION" and tree.get("function_name", "").lower() == "unnest":
            yield "unnest"
        else:
            for item in tree.values():
                yield from _inside(item)


def _placed(table: dict[str, Any], query: str, span: Span) -> Relation:
    parts = tuple(table[key] for key in ("catalog_name", "schema_name", "table_name") if table[key])
    begin = characters(query, table["query_location"])
    found = tokens(query)
    first = next(i for i, token in enumerate(found) if token.start >= begin)
    last = first
    while found[last + 1].text == ".":
        last += 2
    return Relation(parts, Span(span.start + begin, span.start + found[last].end), table["alias"] or None)
