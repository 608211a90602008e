"""The SQL of a whole JSON record: which parse a column comes from, and the one condition that says `suspect`.

Invariant: `suspect` is true or false, never NULL, and evaluates nothing that can raise for a record that did not parse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kshell.columns import Column
from kshell.decode.json_sql import REST_SURE, Look, Wire, all_of, any_of, cast_type, short_numbers, structure, wire
from kshell.decode.metadata import Metadata
from kshell.decode.types import Type
from kshell.decode.verdict import LEVELS, OBJECT_KEYS, VALUE_BYTES

_SMALL_BYTES = 2_000                          # a record below cannot reach a limit
_MANY_KEYS_BYTES = 5 * OBJECT_KEYS            # `"":0,` is the shortest member


@dataclass(frozen=True, slots=True)
class Wrapping:
    """How the SQL sees that a record has its envelope. The default: there is none, the record is an object."""

    root: str = "json_type(r._t) = 'OBJECT'"  # where all columns are NULL
    evidence: tuple[str, ...] | None = None   # a path at which something stands
    sure: tuple[str, ...] = ()                # conditions of every row that has a value
    tombstone: tuple[str, ...] = ()           # of rows that have none
    beside: tuple[str | None, ...] = ()       # of each column SQL of its text, where that does not stand in the record


_NONE = Wrapping()


class Plan:
    """The SQL parts for one choice of wire types. The paths of the columns are those in the record, whatever is around the row."""

    def __init__(self, columns: Sequence[Column], types: Sequence[Type], wide: frozenset[str], meta: Metadata,
                 wrapping: Wrapping = _NONE) -> None:
        self.trees = [_Tree()]
        look = Look()
        beside = wrapping.beside or (None,) * len(columns)
        places = [self._place(c.source_path) if text is None else 0 for c, text in zip(columns, beside, strict=True)]
        wires: list[Wire] = []
        for column, type_, tree, text in zip(columns, types, places, beside, strict=True):
            if text is not None:
                wires.append(wire(type_, text, (), look, wide=True))
                continue
            x = self.trees[tree].expression(f"r._j{tree}", column.source_path)
            wires.append(wire(type_, x, column.source_path, look, wide=column.name in wide))
            self.trees[tree].put(column.source_path, wires[-1].shape)
        evidence = self._evidence(wrapping.evidence, columns, wires)
        # of a single parse; None: it cannot show that a record has no other members
        self.cast = None if len(self.trees) > 1 or any(map(_open, types)) else cast_type(self.trees[0].shape())
        self.structures = [structure(t.shape() or "JSON") for t in self.trees]
        self.values = [w.value for w in wires]
        unclear = any_of(w.unclear for w in wires) or "false"
        self.looks = look.columns(f"r._j0 IS NOT NULL AND {unclear}")
        void = all_of(w.void for w in wires) or "true"
        always = [_SIZE, *(f"{w.value} IS NOT NULL" for w, c in zip(wires, columns, strict=True) if c.not_null), *meta.sure()]
        always += [*wrapping.sure, *([f"{evidence} IS NOT NULL"] if evidence else [])]
        always += [c for c in (short_numbers("r._t", wires), REST_SURE if meta.rest else None) if c]
        # nearly every row ends here: all numbers are there and plain, so it was an object and nothing needs a look
        brisk = all_of([*(w.brisk or w.sure for w in wires), None if any(w.unclear for w in wires) else f"NOT {void}", *always])
        slow = all_of([*(f"r._j{i} IS NOT NULL" for i in range(len(self.trees))), *(w.sure for w in wires),
                       f"CASE WHEN {void} THEN {wrapping.root} ELSE true END",
                       f"CASE WHEN {unclear} THEN NOT coalesce({any_of(w.misfit for w in wires) or 'false'}, true) ELSE true END", *always])
        tombstone = "false" if any(c.not_null for c in columns) else all_of(["r.value IS NULL", *wrapping.tombstone, *meta.sure()])
        self.suspect = (f"CASE WHEN {brisk} THEN false WHEN {tombstone} THEN false WHEN r._j0 IS NULL THEN true"
                        f" ELSE NOT coalesce({slow}, false) END")

    def _evidence(self, path: tuple[str, ...] | None, columns: Sequence[Column], wires: Sequence[Wire]) -> str | None:
        """SQL that is NULL where nothing stands at the path."""
        if path is None:
            return None
        for column, wire_ in zip(columns, wires, strict=True):
            if column.source_path == path:
                return wire_.value
        tree = self._place(path)
        self.trees[tree].put(path, "VARCHAR")
        return self.trees[tree].expression(f"r._j{tree}", path)

    def _place(self, path: tuple[str, ...]) -> int:
        """The first tree in which the path is free: a column below another's path needs a parse of its own."""
        for index, tree in enumerate(self.trees):
            if tree.claim(path):
                return index
        self.trees.append(_Tree())
        self.trees[-1].claim(path)
        return len(self.trees) - 1


_SIZE = (f"CASE WHEN octet_length(r.value) <= {_SMALL_BYTES} THEN true ELSE octet_length(r.value) <= {VALUE_BYTES}"
         f" AND strlen(r._t) - strlen(replace(replace(r._t, '[', ''), '{{', '')) <= {LEVELS}"
         f" AND (octet_length(r.value) < {_MANY_KEYS_BYTES} OR strlen(r._t) - strlen(replace(r._t, ':', '')) <= {OBJECT_KEYS}) END")


def _open(type_: Type) -> bool:
    """Objects stand in it that the parse does not look into, and whose members are fields."""
    return (type_.kind == "MAP" and bool(type_.item.fields)) or any(_open(t) for _, t in type_.fields)


class _Tree:
    """The structure of one parse: keys from the top to the columns."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}

    def claim(self, path: tuple[str, ...]) -> bool:
        node = self.root
        for key in path[:-1]:
            below = node.get(key, {})
            if not isinstance(below, dict):
                return False
            node = below
        if path[-1] in node:
            return False
        node = self.root
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = _Leaf()
        return True

    def put(self, path: tuple[str, ...], shape: object) -> None:
        node = self.root
        for key in path[:-1]:
            node = node[key]
        node[path[-1]].shape = shape

    def expression(self, sql: str, path: tuple[str, ...]) -> str:
        """SQL of the wire value at a path, by position: names of structs ignore case. Later columns append to a node, never before."""
        node = self.root
        for key in path:
            sql = f"struct_extract_at({sql}, {list(node).index(key) + 1})"
            node = node[key]
        return sql

    def shape(self) -> dict[str, object]:
        return _shape(self.root)


class _Leaf:
    def __init__(self) -> None:
        self.shape: object = "JSON"


def _shape(node: dict[str, Any]) -> dict[str, object]:
    return {key: below.shape if isinstance(below, _Leaf) else _shape(below) for key, below in node.items()}
