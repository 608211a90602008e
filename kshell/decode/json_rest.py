"""What a value holds beyond its column, as JSON of the same structure: the part of `_kafka_rest` that lies inside of columns.

Invariant: a member stands here if and only if the column's type has no place for it, under the path that it has in the record. Items of a
list keep their places, with null where nothing is left over; items at the end that leave nothing are left out. None: nothing is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kshell.columns import Column
from kshell.decode.json_infer import in_order
from kshell.decode.json_text import Members, Value
from kshell.decode.schema_types import merged
from kshell.decode.types import JSON_TEXT, Type, of


def held_at_the_top(columns: Iterable[Column]) -> dict[str, Type]:
    """The members of a record that are columns, each as the type that holds what all of its columns hold. A path into a member holds
    nothing of it."""
    held: dict[str, Type] = {}
    for column in columns:
        if len(column.source_path) == 1:
            key, type_ = column.source_path[0], of(column)
            held[key] = (merged(held[key], type_) or JSON_TEXT) if key in held else type_
    return held


def beside(value: Value, type_: Type) -> Value:
    """The members of a parsed value that a column of the type does not hold."""
    if isinstance(value, Members) and type_.kind == "STRUCT":
        places = {type_.key_of(name): inner for name, inner in type_.fields}
        return members(_struct(value, places))
    if isinstance(value, Members) and type_.kind == "MAP":
        return members((key, beside(member, type_.item)) for key, member in in_order(value))
    if isinstance(value, list) and type_.kind == "LIST":
        return items(beside(item, type_.item) for item in value)
    return None


def _struct(value: Members, places: Mapping[str, Type]) -> Iterable[tuple[str, Value | Kept]]:
    seen = set[str]()
    for key, member in value.pairs:
        if key not in places:
            yield key, Kept(member)
        elif key not in seen:                 # of a repeated key the first value is the column's
            seen.add(key)
            yield key, beside(member, places[key])


class Kept:
    """A whole value, which may be null."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


def members(pairs: Iterable[tuple[str, Value | Kept]]) -> Members | None:
    """An object of what is left: of null only what is kept as a whole."""
    kept = [(key, value.value if isinstance(value, Kept) else value) for key, value in pairs if value is not None]
    return Members(kept) if kept else None


def items(found: Iterable[Value]) -> list[Value] | None:
    left = list(found)
    while left and left[-1] is None:
        left.pop()
    return left or None
