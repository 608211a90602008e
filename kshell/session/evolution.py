"""Columns that records bring: which a source takes, under which names and types, and when it takes no more.

Invariant: where a table stands behind the source, a column is what the table says; a name that the table has is never given to
another member. Pure, but for the clock and the memory of what was added when."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence, Set
from dataclasses import replace

from kshell.columns import Column, quote_if_needed
from kshell.decode import names
from kshell.decode.schema_types import column as column_of
from kshell.decode.schema_types import merged as merged_types
from kshell.decode.schema_types import recalled
from kshell.decode.types import Type, of, storage

MOST_AN_HOUR, MOST_COLUMNS, HOUR_S = 50, 1_000, 3600.0
MOST_NAMED, MOST_TOLD = 8, 60                 # columns that a message names, characters of a type there


class Evolution:
    """The state of one source. `lock`: its columns are changed by one thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.Lock()
        self.suspended = False
        self._clock = clock
        self._added: deque[float] = deque()

    def refuses(self, count: int, columns: int) -> str | None:
        """Why `count` more columns beside `columns` are too many; None: they are not."""
        hour = self._clock() - HOUR_S
        while self._added and self._added[0] < hour:
            self._added.popleft()
        if len(self._added) + count > MOST_AN_HOUR:
            return f"over {MOST_AN_HOUR} new columns in an hour"
        return f"over {MOST_COLUMNS:,} columns" if columns + count > MOST_COLUMNS else None

    def added(self, count: int) -> None:
        self._added.extend([self._clock()] * count)

    def resume(self) -> None:
        self.suspended = False
        self._added.clear()


def additions(columns: Sequence[Column], proposal: Sequence[Column]) -> int:
    """How many columns and fields of structs are new."""
    have = {c.name: _fields(of(c)) for c in columns}
    return sum(_fields(of(c)) - have[c.name] if c.name in have else 1 for c in proposal)


def told(before: Sequence[Column], after: Sequence[Column]) -> str:
    """`new columns country VARCHAR, geo STRUCT(...); n is DOUBLE`: the difference, for people; empty where there is none."""
    have = {c.name: c.type for c in before}
    fresh = [_short(c) for c in after if c.name not in have]
    wider = [_short(c) for c in after if have.get(c.name, c.type) != c.type]
    parts = [(f"new column{'s' if len(fresh) != 1 else ''} ", fresh), ("changed: ", wider)]
    return "; ".join(what + _listed(columns) for what, columns in parts if columns)


def _short(column: Column) -> str:
    type_ = column.type if len(column.type) <= MOST_TOLD else f"{column.type[:MOST_TOLD]}..."
    return f"{quote_if_needed(column.name)} {type_}"


def _listed(columns: Sequence[str]) -> str:
    more = len(columns) - MOST_NAMED
    return ", ".join(columns[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _fields(type_: Type) -> int:
    own = len(type_.fields) if type_.kind == "STRUCT" else 0
    return own + sum(_fields(inner) for _, inner in type_.fields)


def named(proposal: Sequence[Column], columns: Sequence[Column], table: Sequence[Column]) -> tuple[Column, ...]:
    """The proposal under names that go with the table's: a further member takes the name that the table has for it already."""
    claimed = {c.name for c in columns}
    types = {c.name: c.type for c in table}
    free_in_table = types.keys() - claimed
    taken = {path.lower() for c in (*table, *columns) for path in (c.name, *_paths(c))}
    settled = []
    for column in proposal:
        name = column.name if column.name in claimed | free_in_table else _name(column.name, free_in_table, taken)
        free_in_table -= {name}
        taken.add(name.lower())
        path = column.path if name == column.name else column.source_path
        settled.append(_joined(replace(column, name=name, path=path), types.get(name), promotes=name in claimed))
    return tuple(settled)


def _name(wanted: str, free_in_table: Set[str], taken: Set[str]) -> str:
    """`A_1` of the table is what `A` became beside `a`."""
    name, number = wanted, 0
    while name.lower() in taken and name not in free_in_table:
        number += 1
        name = f"{wanted}_{number}"
    return name if name in free_in_table else names.free(name, set(taken))


def _paths(column: Column) -> list[str]:
    return [f"{column.name}.{below}" for below in names.dotted(storage(column.type, column.name))]


def _joined(column: Column, committed: str | None, *, promotes: bool) -> Column:
    """With the fields that the table's column has, and its own beside them. What `promotes` is a writer's schema of a known column."""
    if committed is None or column.type == committed:
        return column
    have, want = recalled(storage(committed, column.name)), of(column)
    both = (merged_types(have, want) if promotes else None) or _with_fields(have, want)
    return _retyped(column, both)


def _with_fields(have: Type, want: Type) -> Type:
    """`have`, and where both have objects, the further fields of `want`."""
    if have.kind != want.kind or not have.fields:
        return have
    if have.kind != "STRUCT":
        return replace(have, fields=(*have.fields[:-1], (have.fields[-1][0], _with_fields(have.item, want.item))))
    wanted = {want.key_of(name): type_ for name, type_ in want.fields}
    kept = [(name, _with_fields(t, wanted.pop(have.key_of(name), t))) for name, t in have.fields]
    keys = [*(have.key_of(name) for name, _ in have.fields), *wanted]
    paths = [f"{name}.{below}" for name, type_ in kept for below in names.dotted(type_)]
    added = names.assign(list(wanted), list(wanted.values()), [*(name for name, _ in kept), *paths], top=False)
    return Type("STRUCT", fields=(*kept, *zip(added, wanted.values(), strict=True)), keys=tuple(keys))


def merged(columns: Sequence[Column], proposal: Sequence[Column], table: Sequence[Column] | None = None) -> tuple[Column, ...]:
    """The source's columns afterwards. `table`: every column of the table, whose types hold; None: there is none."""
    wanted = {c.name: c for c in proposal}
    after = [wanted.pop(c.name, c) for c in columns] + list(wanted.values())
    if table is None:
        return tuple(after)
    types = {c.name: c.type for c in table}
    return tuple(as_committed(c, types[c.name]) if c.name in types else c for c in after)


def as_committed(column: Column, type_: str) -> Column:
    """The column with the table's type. Keys and JSON text of fields that it has already stay."""
    return column if column.type == type_ else _retyped(column, _like(recalled(storage(type_, column.name)), of(column)))


def _like(committed: Type, own: Type) -> Type:
    if committed.kind != own.kind:
        return committed
    if committed.kind != "STRUCT":
        fields = tuple((name, _like(t, inner)) for (name, t), (_, inner) in zip(committed.fields, own.fields, strict=True))
        return replace(committed, fields=fields, json=own.json)
    known = dict(own.fields)
    fields = tuple((name, _like(t, known[name]) if name in known else t) for name, t in committed.fields)
    keys = tuple(own.key_of(name) if name in known else committed.key_of(name) for name, _ in fields)
    return Type("STRUCT", fields=fields, keys=keys)


def _retyped(column: Column, type_: Type) -> Column:
    after = column_of(column.source_path[-1], column.name, type_)
    return replace(after, path=column.path, not_null=column.not_null)
