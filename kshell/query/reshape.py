"""The query of a CREATE SINK ... AS SELECT: row by row over one source, its columns cast to what a table can hold, and the position of
each record kept.

Invariant: each record gives at most one row, and that row carries its partition and offset unchanged; so what lands can be counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from kshell.columns import ICEBERG_RESERVED, TIER, Column, is_metadata, quote
from kshell.decode import types
from kshell.errors import Error, RefusedError
from kshell.lang.statements import Span
from kshell.query import translate
from kshell.query.rowwise import Relation, relation

_VIEW = "do it at read time: CREATE VIEW ... AS SELECT ... FROM the sink's source"


@dataclass(frozen=True, slots=True)
class Reshape:
    """`text` is a SELECT over a relation named as the source; it gives exactly `columns`."""

    source: str
    text: str
    columns: tuple[Column, ...]               # payload columns, then the metadata columns of the source
    canonical: str                            # the query as DuckDB spells it, without casts: equal for equal queries

    def typed(self, columns: Sequence[Column]) -> Reshape:
        """The same with the types that a table gives its columns."""
        types_of = {c.name: c.type for c in columns}
        cast = tuple(replace(c, type=types_of.get(c.name, c.type)) for c in self.columns)
        return replace(self, columns=cast, text=_cast(cast, self.canonical))


def source_of(select: str, cursor: duckdb.DuckDBPyConnection) -> str:
    """The name of the one source that the query reads. Refuses what is not row by row, before anything is looked up."""
    return _relation(select, cursor).parts[-1]


def reshape(select: str, source: str, have: Sequence[Column], cursor: duckdb.DuckDBPyConnection) -> Reshape:
    """`have`: the columns of the source's rows, metadata columns last."""
    found = _relation(select, cursor)
    if len(found.parts) != 1:
        raise RefusedError(f"the query of a sink names its source alone, not {'.'.join(found.parts)}", hint=f"FROM {quote(source)}")
    tree = _tree(select, cursor)
    over = f"WITH {quote(found.parts[0])} AS (SELECT {', '.join(f'NULL::{c.type} AS {quote(c.name)}' for c in have)} WHERE false)"
    metadata = [c for c in have if is_metadata(c.name)]
    try:
        given = _described(cursor, f"{over} {select}")
    except duckdb.Error as raised:
        raise _unplaced(raised, select) from None
    _refuse_aggregate(cursor, f"{over} {select}")
    _keep_positions(tree, [c for c in metadata if c.name not in {name for name, _ in given}])
    canonical = _text(tree, cursor)
    payload = [_column(name, type_) for name, type_ in given if not is_metadata(name)]
    _refuse_names(payload)
    columns = (*payload, *metadata)
    return Reshape(source, _cast(columns, canonical), columns, canonical)


def _relation(select: str, cursor: duckdb.DuckDBPyConnection) -> Relation:
    try:
        return relation(select, Span(0, len(select)), cursor)
    except RefusedError as refused:
        what = refused.message.partition(": ")[2] or refused.message
        told = what.replace("in its query", "in it")
        raise RefusedError(f"the query of a sink is row by row over one source: {told}", hint=_VIEW) from None


def _tree(select: str, cursor: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    row = cursor.execute("SELECT json_serialize_sql(?)", [select]).fetchone()
    assert row is not None
    found: dict[str, Any] = json.loads(row[0])
    return found


def _text(tree: dict[str, Any], cursor: duckdb.DuckDBPyConnection) -> str:
    row = cursor.execute("SELECT json_deserialize_sql(?)", [json.dumps(tree)]).fetchone()
    assert row is not None
    return str(row[0])


def _described(cursor: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    return [(str(name), str(type_)) for name, type_, *_ in cursor.execute(f"DESCRIBE {query}").fetchall()]


def _unplaced(raised: duckdb.Error, select: str) -> Error:
    """DuckDB's error about the query. Its place counts in a text that the user has not typed."""
    error = translate.error_of(translate.read(raised, select), select, hint=None)
    error.position = None
    return error


def _keep_positions(tree: dict[str, Any], missing: Sequence[Column]) -> None:
    """Metadata columns that the query leaves out are appended; one that it computes is refused."""
    chosen: list[dict[str, Any]] = tree["statements"][0]["node"]["select_list"]
    for item in chosen:
        name = item["alias"] or (item["column_names"][-1] if item["class"] == "COLUMN_REF" else "")
        plain = item["class"] == "COLUMN_REF" and item["column_names"][-1].lower() == name.lower()
        replaced = [e["key"] if isinstance(e, dict) else e for e in item.get("replace_list", ())]
        for touched in [name] * (is_metadata(name) and not plain) + [r for r in replaced if is_metadata(str(r))]:
            raise RefusedError(f"{touched} is where a record stands in Kafka, and a sink keeps it as it is",
                               hint=f"give what you compute another name: ... AS my{str(touched).removeprefix('_kafka')}")
    template = {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "query_location": 0}
    chosen += [{**template, "column_names": [c.name]} for c in missing]


def _refuse_aggregate(cursor: duckdb.DuckDBPyConnection, query: str) -> None:
    """Over no rows, a query that is row by row gives none."""
    if cursor.execute(f"SELECT count(*) FROM ({query})").fetchone() != (0,):
        raise RefusedError("the query of a sink is row by row over one source: an aggregate cannot stand in it", hint=_VIEW)


def _column(name: str, type_: str) -> Column:
    held = types.storage(type_, name)
    return Column(name, types.printed(held), declared=type_, json_text=type_ == "JSON")


def _refuse_names(columns: Sequence[Column]) -> None:
    seen: set[str] = set()
    for column in columns:
        lowered = column.name.lower()
        if lowered in ICEBERG_RESERVED or lowered == TIER or not column.name:
            raise RefusedError(f'Column "{column.name}" is reserved', hint=f"give it another name: ... AS {lowered.strip('_') or 'c'}_1")
        if lowered in seen:
            raise RefusedError(f'two columns are named "{column.name}"', hint="give one of them another name with AS")
        seen.add(lowered)


def _cast(columns: Sequence[Column], canonical: str) -> str:
    shown = ", ".join(quote(c.name) if is_metadata(c.name) else f"CAST({quote(c.name)} AS {c.type}) AS {quote(c.name)}" for c in columns)
    return f"SELECT {shown} FROM ({canonical})"
