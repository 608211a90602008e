"""The SQL of the views that readers see. Pure text.

Invariant: the live side and the lake side of a union have the same columns in the same order with the same types, and a row at
or above the cut is on the live side only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kshell import sqlfile
from kshell.buffer.generation import below
from kshell.buffer.values import TP, Lake, Positions, Segment
from kshell.buffer.widening import widens
from kshell.columns import OFFSET, PARTITION, TOPIC, Column, column_list, is_metadata, literal, quote
from kshell.errors import ConflictError


def create_segment(table: str, columns: Sequence[Column]) -> str:
    return sqlfile.render("views/segment.sql", table=table, columns=", ".join(f"{quote(c.name)} {c.type}" for c in columns))


def live(name: str, segments: Iterable[Segment], columns: Sequence[Column], cut: Positions, *, multi_topic: bool) -> str:
    """Every segment's rows at or above the cut, under `columns`."""
    return sqlfile.render("views/live.sql", view=name, branches=branches(segments, columns, cut, multi_topic=multi_topic))


def live_selected(name: str, source: str, select: str, have: Sequence[Column], columns: Sequence[Column], rows: str) -> str:
    """The same for an AS SELECT sink: `have` is what its query gives, `rows` the branches of its source."""
    return sqlfile.render("views/live.sql", view=name, branches=selected(shape(have, columns), source, select, rows))


def selected(columns: str, source: str, select: str, rows: str) -> str:
    return sqlfile.render("views/selected.sql", columns=columns, source=source, branches=rows, select=select)


def lake(name: str, state: Lake) -> str:
    columns = payload_first(state.columns)
    if state.metadata_location is None:
        return sqlfile.render("views/lake_empty.sql", view=name, columns=shape((), columns))
    return sqlfile.render("views/lake.sql", view=name, columns=column_list(columns), metadata_location=state.metadata_location)


def union(name: str, columns: Sequence[Column], *, with_lake: bool) -> str:
    return sqlfile.render("views/union.sql" if with_lake else "views/live_only.sql", view=name, columns=column_list(columns))


def macro(name: str) -> str:
    return sqlfile.render("views/macro.sql", view=name, conditions=sqlfile.render("views/macro_conditions.sql"))


def branches(segments: Iterable[Segment], columns: Sequence[Column], cut: Positions, *, multi_topic: bool) -> str:
    # the open segment is always listed: rows above the cut are still to come
    shown = [_branch(s, columns, cut, multi_topic=multi_topic) for s in segments if not (s.sealed and below(s, cut))]
    return "\nUNION ALL\n".join(shown or [f"SELECT {shape((), columns)} WHERE false"])


def _branch(segment: Segment, columns: Sequence[Column], cut: Positions, *, multi_topic: bool) -> str:
    text = f"SELECT {shape(segment.columns, columns)} FROM memory.{segment.relation}"
    hidden = [below_cut(tp, cut[tp], multi_topic=multi_topic) for tp, span in sorted(segment.ranges.items()) if span.lo < cut.get(tp, 0)]
    return f"{text} WHERE NOT ({' OR '.join(hidden)})" if hidden else text


def below_cut(tp: TP, cut: int, *, multi_topic: bool) -> str:
    """A condition, never NULL for rows of a segment: this row is in the lake. One condition for each partition."""
    topic = f"{quote(TOPIC)} = {literal(tp[0])} AND " if multi_topic else ""
    return f"({topic}{quote(PARTITION)} = {tp[1]} AND {quote(OFFSET)} < {cut})"


def shape(have: Sequence[Column], want: Sequence[Column]) -> str:
    """A select list that turns the columns `have` into `want`, by name: as they are, promoted, or NULL where there is none."""
    by_name = {c.name.lower(): c for c in have}
    return ", ".join(_as(by_name.get(c.name.lower()), c) for c in want)


def _as(have: Column | None, want: Column) -> str:
    name = quote(want.name)
    if have is None:
        return f"CAST(NULL AS {want.type}) AS {name}"
    if have.type == want.type:
        return quote(have.name) if have.name == want.name else f"{quote(have.name)} AS {name}"
    if not widens(have.type, want.type):
        raise ConflictError(f"TYPE_MISMATCH: column {want.name} is {have.type} live and {want.type} in the table",
                            hint="let the source take the table's types: drop the sink and create it again")
    return f"CAST({quote(have.name)} AS {want.type}) AS {name}"


def payload_first(columns: Iterable[Column]) -> tuple[Column, ...]:
    """The order in which views list a table's columns: a column added later does not move the metadata columns."""
    listed = tuple(columns)
    return tuple(c for c in listed if not is_metadata(c.name)) + tuple(c for c in listed if is_metadata(c.name))
