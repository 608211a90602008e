"""What stands behind a name in a query: the macros and views of the database, judged by what their definitions call.

Rule: a view, or a macro, is its owner's choice and may read files; but no argument of whoever calls a macro may reach a function that
reads files, runs a query given as a string or takes a table's name as one, and nothing that acts stands behind any name.

Invariant: definitions are at most ten seconds old. A name that is not among them is looked up again at once, and one that is refused for
what stands behind it within a second."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import duckdb

from kshell.engine import Engine, engine_of
from kshell.gate.judged import ALLOWED, OF_AN_OWNER, REFUSED, why, why_scalar
from kshell.gate.tree import Facts, facts_of
from kshell.lang.tokens import tokens

Kind = Literal["macro", "table_macro", "view"]

_OLD_S = 10.0
_FRESH_S = 1.0                                   # what is refused again and again is looked up no more often: that takes 15 ms
_FUNCTIONS = ("SELECT function_type, lower(function_name), parameters, macro_definition, internal FROM duckdb_functions() "
              "WHERE function_type IN ('macro', 'table_macro', 'table')")
# live, lake and kshell hold views that only kshell makes
_VIEWS = "SELECT lower(view_name), sql FROM duckdb_views() WHERE NOT internal AND schema_name NOT IN ('live', 'lake', 'kshell')"


@dataclass(frozen=True, slots=True)
class Body:
    """A definition. `parameters` in lower case; of a view there are none. `of_owner`: False where it is DuckDB's own, which was made for
    whoever calls it."""

    query: str
    parameters: frozenset[str] = frozenset()
    of_owner: bool = True


@dataclass(frozen=True, slots=True)
class Behind:
    """Names of one database: what they stand for, and the table functions that are DuckDB's."""

    bodies: Mapping[tuple[Kind, str], tuple[Body, ...]] = field(default_factory=dict)
    table_functions: frozenset[str] = frozenset()


class Definitions:
    """Of one database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._behind = Behind()
        self._read_at: float | None = None
        self._verdicts: dict[tuple[Kind, str], str | None] = {}

    def fault(self, cursor: duckdb.DuckDBPyConnection, facts: Facts) -> Fault | None:
        """The first thing in a query that is refused, if any."""
        with self._lock:
            self._refresh(cursor, _OLD_S)
            found = self._first_fault(cursor, facts)
            if self._unknown(facts) or (found is not None and found.defined):
                self._refresh(cursor, _FRESH_S if found is not None else 0.0)
                found = self._first_fault(cursor, facts)
            return found

    def _refresh(self, cursor: duckdb.DuckDBPyConnection, age_s: float) -> None:
        if self._read_at is not None and time.monotonic() - self._read_at < age_s:
            return
        self._behind, self._verdicts, self._read_at = _read(cursor), {}, time.monotonic()

    def _unknown(self, facts: Facts) -> bool:
        """Whether a table function is named that stands for nothing; a macro may have come since."""
        known = self._behind.table_functions | {name for kind, name in self._behind.bodies if kind == "table_macro"}
        return any(call.name not in known for call in facts.table_functions)

    def _first_fault(self, cursor: duckdb.DuckDBPyConnection, facts: Facts) -> Fault | None:
        for call in facts.table_functions:
            said = self._table_function(cursor, call.name)
            if said:
                defined = ("table_macro", call.name) in self._behind.bodies
                return Fault(call.name, said, call.place, called=True, defined=defined)
        for call in facts.functions:
            said = why_scalar(call.name)
            behind = None if said else self._behind_name(cursor, "macro", call.name)
            if said or behind:
                return Fault(call.name, said or behind or "", call.place, called=True, defined=said is None)
        for table in facts.tables:
            said = self._behind_name(cursor, "view", table.parts[-1])
            if said:
                return Fault(table.parts[-1], said, table.place, defined=True)
        return None

    def _table_function(self, cursor: duckdb.DuckDBPyConnection, name: str) -> str | None:
        """A macro stands before a function of DuckDB of the same name. A name that is neither, in no extension, is DuckDB's to miss."""
        if ("table_macro", name) in self._behind.bodies:
            return self._behind_name(cursor, "table_macro", name)
        return why(name) if name in REFUSED or name in self._behind.table_functions - ALLOWED else None

    def _behind_name(self, cursor: duckdb.DuckDBPyConnection, kind: Kind, name: str) -> str | None:
        if (kind, name) not in self._behind.bodies:
            return None
        if (kind, name) not in self._verdicts:
            self._verdicts[kind, name] = None     # one that is met again within itself adds nothing
            self._verdicts[kind, name] = next(filter(None, (self._said(cursor, body) for body in self._behind.bodies[kind, name])), None)
        return self._verdicts[kind, name]

    def _said(self, cursor: duckdb.DuckDBPyConnection, body: Body) -> str | None:
        facts = facts_of(cursor, body.query)
        if facts is None:
            return "cannot be looked through" if body.parameters else None
        chosen = OF_AN_OWNER if body.of_owner else frozenset()
        inner = tuple(call for call in facts.table_functions
                      if call.name not in chosen or call.uses & body.parameters or ("table_macro", call.name) in self._behind.bodies)
        fault = self._first_fault(cursor, Facts(facts.tables, inner, facts.functions))
        return f"calls {fault.name}, which {fault.said}" if fault and fault.called else fault.said if fault else None


@dataclass(frozen=True, slots=True)
class Fault:
    """`said`: what the thing named does, as the end of a sentence; `place`: UTF-8 bytes from the start of the query; `defined`: it does so
    by somebody's definition, which may be another one by now."""

    name: str
    said: str
    place: int | None
    called: bool = False
    defined: bool = False


_OF_ENGINES: weakref.WeakKeyDictionary[Engine, Definitions] = weakref.WeakKeyDictionary()
_OF_CURSORS: weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, Definitions] = weakref.WeakKeyDictionary()


def definitions_of(cursor: duckdb.DuckDBPyConnection) -> Definitions:
    engine = engine_of(cursor)
    if engine is None:
        return _OF_CURSORS.setdefault(cursor, Definitions())
    return _OF_ENGINES.setdefault(engine, Definitions())


def _read(cursor: duckdb.DuckDBPyConnection) -> Behind:
    bodies: dict[tuple[Kind, str], list[Body]] = {}
    table_functions: set[str] = set()
    for kind, name, parameters, definition, internal in cursor.execute(_FUNCTIONS).fetchall():
        if kind == "table":
            table_functions.add(name)
        elif definition is not None:
            query = definition if kind == "table_macro" else f"SELECT {definition}"
            bodies.setdefault((kind, name), []).append(Body(query, frozenset(p.lower() for p in parameters), not internal))
    for name, text in cursor.execute(_VIEWS).fetchall():
        bodies.setdefault(("view", name), []).append(Body(_after_as(text)))
    return Behind({key: tuple(found) for key, found in bodies.items()}, frozenset(table_functions))


def _after_as(text: str) -> str:
    """CREATE VIEW v (a, b) AS SELECT ...: the SELECT."""
    return text[next((token.end for token in tokens(text) if token.upper == "AS"), 0):]


