"""What a query calls and names, from DuckDB's own parse tree.

Invariant: nothing is bound or run. Facts of a text depend on the text alone, so they are kept by it. What a text costs is bounded: DuckDB
writes 130 bytes of tree for each element of a list, and builds it in ten times as much."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from kshell.errors import CancelledError, LimitError

_TREE = "SELECT json_serialize_sql(?, skip_null := true, skip_empty := true)"
# A constant, of which nothing is asked: 130 characters for each number of a long list. Within a string no quote stands without a backslash.
_CONSTANT = (r'\{"class":"CONSTANT","type":"VALUE_CONSTANT","query_location":\d+,"value":\{"type":\{"id":"\w+"\},"is_null":false,'
             r'"value":(?:[-+.\w]+|"(?:[^"\\]|\\.)*")\}\}')
_MOST_CHARACTERS = 2_000_000                      # of a tree: some 20,000 names and calls, 0.1 s to look through
_TREE_OF_LARGE = (f"SELECT CASE WHEN strlen(tree) <= {_MOST_CHARACTERS} THEN tree END "
                  f"FROM (SELECT regexp_replace(({_TREE}), ?, '0', 'g') AS tree)")
_MOST_PARTS = 50_000                             # operators and commas of a text
_PARTS = ",+-*/|=<>"
_ONE_LARGE = threading.Lock()                    # held while DuckDB writes the tree of a text that is not kept: 70 MB at the most
_NOWHERE = 1 << 63                               # a place that the parser did not note
_TABLE = "read a long list from a table: WHERE id IN (FROM ids)"
_KEPT_TEXTS = 512
_KEPT_CHARACTERS = 16_384                        # of one text; a longer one is looked at again each time


@dataclass(frozen=True, slots=True)
class Call:
    """A function in a query, in lower case. `place`: UTF-8 bytes from the start of the query; `uses`: first parts of the columns
    that stand in its arguments."""

    name: str
    place: int | None
    uses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Named:
    """A table as written: its name and what stands before it, in lower case."""

    parts: tuple[str, ...]
    place: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    tables: tuple[Named, ...] = ()
    table_functions: tuple[Call, ...] = ()
    functions: tuple[Call, ...] = ()


class _Kept:
    """The facts of the last texts: a dashboard asks the same again and again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: OrderedDict[str, Facts] = OrderedDict()

    def get(self, text: str) -> Facts | None:
        with self._lock:
            found = self._facts.get(text)
            if found is not None:
                self._facts.move_to_end(text)
            return found

    def put(self, text: str, facts: Facts) -> None:
        if len(text) > _KEPT_CHARACTERS:
            return
        with self._lock:
            self._facts[text] = facts
            if len(self._facts) > _KEPT_TEXTS:
                self._facts.popitem(last=False)


_KEPT = _Kept()


def require_size(text: str) -> None:
    """Raise LimitError where the tree of a text would be too large to be written. Long strings are no matter."""
    if sum(text.count(part) for part in _PARTS) > _MOST_PARTS:
        parts = sum(kind == duckdb.token_type.operator for _, kind in duckdb.tokenize(text))
        if parts > _MOST_PARTS:
            raise LimitError(f"the statement has {parts} operators and commas; {_MOST_PARTS} can be looked through", hint=_TABLE)


def facts_of(cursor: duckdb.DuckDBPyConnection, query: str) -> Facts | None:
    """None: DuckDB writes no tree of this text, which is then no single query."""
    found = _KEPT.get(query)
    if found is None:
        tree = _tree(cursor, query)
        if tree is None:
            return None
        found = _facts(tree)
        _KEPT.put(query, found)
    return found


def _tree(cursor: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any] | None:
    try:
        tree: dict[str, Any] = json.loads(_written(cursor, query))
    except duckdb.InterruptException:
        raise CancelledError("interrupted") from None
    except duckdb.Error:                          # nested more deeply than DuckDB writes
        return None
    except RecursionError:
        raise LimitError("the query is nested too deeply to be looked through", hint="split it with WITH name AS (...)") from None
    return None if tree["error"] or len(tree["statements"]) != 1 else tree


def _written(cursor: duckdb.DuckDBPyConnection, query: str) -> str:
    if len(query) <= _KEPT_CHARACTERS:
        row = cursor.execute(_TREE, [query]).fetchone()
    else:
        with _ONE_LARGE:
            row = cursor.execute(_TREE_OF_LARGE, [query, _CONSTANT]).fetchone()
    if row is None or row[0] is None:
        raise LimitError("the query is too large to be looked through", hint=_TABLE)
    return str(row[0])


def _facts(tree: dict[str, Any]) -> Facts:
    tables: list[Named] = []
    table_functions: list[Call] = []
    functions: list[Call] = []
    for node, is_table in _nodes(tree):
        if node.get("type") == "BASE_TABLE":
            parts = (node.get("catalog_name", ""), node.get("schema_name", ""), node["table_name"])
            tables.append(Named(tuple(part.lower() for part in parts if part), _place(node)))
        elif is_table:
            table_functions.append(_call(node))
        elif "function_name" in node:
            functions.append(_call(node))
    return Facts(tuple(tables), tuple(table_functions), tuple(functions))


def _nodes(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every object of the tree, and whether it is the call of a table function."""
    left: list[tuple[Any, bool]] = [(tree, False)]
    while left:
        part, is_table = left.pop()
        if isinstance(part, list):
            left += [(item, False) for item in part if isinstance(item, (dict, list))]
        elif isinstance(part, dict):
            yield part, is_table
            calls = part.get("type") == "TABLE_FUNCTION"
            left += [(value, calls and key == "function") for key, value in part.items() if isinstance(value, (dict, list))]


def _call(node: dict[str, Any]) -> Call:
    arguments = {name: value for name, value in node.items() if isinstance(value, (dict, list))}
    uses = (inner["column_names"][0].lower() for inner, _ in _nodes(arguments) if inner.get("column_names"))
    return Call(str(node["function_name"]).lower(), _place(node), frozenset(uses))


def _place(node: dict[str, Any]) -> int | None:
    place = int(node.get("query_location", _NOWHERE))
    return place if place < _NOWHERE else None
