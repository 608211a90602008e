"""One writer's schema with the columns of a source: how its records are read, and what it wants of the table.

Invariant: everything here is made once, from the schema and the columns; a record changes nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kshell.columns import Column
from kshell.decode import avro_fast, avro_types
from kshell.decode.avro_exact import Left, Read, below, left, skipper
from kshell.decode.avro_schema import Node
from kshell.decode.avro_wire import Wire
from kshell.decode.json_exact import json_text
from kshell.decode.json_rest import Kept, held_at_the_top, members
from kshell.decode.json_text import Value
from kshell.decode.output import null
from kshell.decode.paths import spell
from kshell.decode.types import Type, of

Row = tuple[list[Any], str | None]            # values of the columns, text of the rest


class Writer:
    """One writer's schema with the columns of the source."""

    def __init__(self, node: Node, columns: Sequence[Column], rest: bool) -> None:
        self.wanted = avro_types.wanted(node)
        self._columns, self._rest = columns, rest
        known = held_at_the_top(columns)
        self._steps = [self._step(key, inner, known.get(key)) for key, inner in avro_types.top(node) if inner.least]
        spare = sum(avro_types.spare(inner, known[key]) if key in known else 1 for key, inner in avro_types.top(node))
        self.counted = 0 if rest else spare   # fields of each record that have no column and are not kept
        self.fast, self.slow = avro_fast.plan(node, columns, rest and spare > 0)

    def _step(self, key: str, node: Node, known: Type | None) -> tuple[str, list[tuple[int, Read]], Left | None, Read | None]:
        """(key, what columns read, what the rest reads, what else moves on) for one field."""
        takers = [(i, below(node, c.source_path[1:], of(c), spell(c.source_path)))
                  for i, c in enumerate(self._columns) if c.source_path[0] == key]
        keeps = self._rest and (known is None or avro_types.spare(node, known))
        rest = left(node, known) if keeps else None
        return key, takers, rest, skipper(node) if not takers and rest is None else None

    def read(self, data: bytes, at: int) -> Row:
        wire = Wire(data, at)
        row: list[Any] = [None] * len(self._columns)
        beside: list[tuple[str, Value | Kept]] = []
        for key, takers, rest, past in self._steps:
            start = wire.at
            for index, read in takers:
                wire.at = start
                row[index] = read(wire)
            if rest is not None:
                wire.at = start
                beside.append((key, rest(wire)))
            elif past is not None:
                past(wire)
        wire.done()
        for value, column in zip(row, self._columns, strict=True):
            if value is None and column.not_null:
                raise null(column, spell(column.source_path))
        over = members(beside)
        return row, json_text(over, "_kafka_rest") if over is not None else None
