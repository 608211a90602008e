"""Columns that records bring: which a source takes, under which names and types, and when it takes no more.

Invariant: where a table stands behind the source, a column is what the table says; a name that the table has is never given to
another member. Pure, but for the clock and the memory of what was added when."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from kshell.columns import Column
from kshell.decode import names
from kshell.decode.types import Type, of, storage

MOST_AN_HOUR, MOST_COLUMNS, HOUR_S = 50, 1_000, 3600.0


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


def _fields(type_: Type) -> int:
    own = len(type_.fields) if type_.kind == "STRUCT" else 0
    return own + sum(_fields(inner) for _, inner in type_.fields)


def named(proposal: Sequence[Column], columns: Sequence[Column], table: Sequence[Column]) -> tuple[Column, ...]:
    """The proposal under names that go with the table's: a further member takes the name that the table has for it already."""
    claimed = {c.name for c in columns}
    free_in_table = {c.name for c in table} - claimed
    taken = {path.lower() for c in (*table, *columns) for path in (c.name, *_paths(c))}
    settled = []
    for column in proposal:
        name = column.name if column.name in claimed | free_in_table else _name(column.name, free_in_table, taken)
        free_in_table.discard(name)
        taken.add(name.lower())
        settled.append(column if name == column.name else replace(column, name=name, path=column.source_path))
    return tuple(settled)


def _name(wanted: str, free_in_table: set[str], taken: set[str]) -> str:
    """`a_1` of the table is what `A` became beside `a`."""
    name, number = wanted, 0
    while name.lower() in taken and name not in free_in_table:
        number += 1
        name = f"{wanted}_{number}"
    return name if name in free_in_table else names.free(name, taken)


def _paths(column: Column) -> list[str]:
    return [f"{column.name}.{below}" for below in names.dotted(storage(column.type, column.name))]


def merged(columns: Sequence[Column], proposal: Sequence[Column], table: Sequence[Column] | None = None) -> tuple[Column, ...]:
    """The source's columns afterwards. `table`: every column of the table, whose types hold; None: there is none."""
    wanted = {c.name: c for c in proposal}
    after = [wanted.pop(c.name, c) for c in columns] + list(wanted.values())
    if table is None:
        return tuple(after)
    types = {c.name: c.type for c in table}
    return tuple(as_committed(c, types[c.name]) if c.name in types else c for c in after)


def as_committed(column: Column, type_: str) -> Column:
    if column.type == type_:
        return column
    return replace(column, type=type_, json_text=column.json_text and type_ == "VARCHAR")
