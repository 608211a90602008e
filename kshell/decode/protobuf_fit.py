"""Protobuf values into the columns that a table has, one record at a time.

Invariant: a value has its place or the record is a misfit; nothing is narrowed. A field without a column is counted, or kept as JSON
text where the source includes `rest`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kshell.columns import Column
from kshell.decode.json_exact import json_text
from kshell.decode.json_rest import Kept, held_at_the_top, items, members
from kshell.decode.json_text import Value
from kshell.decode.paths import spell
from kshell.decode.protobuf_json import json_of, key_text, present
from kshell.decode.protobuf_messages import Field, Message
from kshell.decode.schema_types import merged
from kshell.decode.types import Type
from kshell.decode.verdict import Verdict

Convert = Callable[[Any], Any]


class Fit:
    """One message, one set of columns. `rest`: what is left over is kept."""

    def __init__(self, message: Message, columns: Sequence[Column], types: Sequence[Type], *, rest: bool = False) -> None:
        self.without_column = 0               # values of nested fields that the last record had no place for
        held = held_at_the_top(columns)
        self._left = [(f.key, _left(f, held.get(f.key))) for f in message.fields] if rest else []
        fields = {f.key: f for f in message.fields}
        self._places = [self._place(fields, c, t) for c, t in zip(columns, types, strict=True)]
        used = {c.source_path[0] for c in columns if len(c.source_path) == 1}   # of a message that paths lead into the rest is to be kept
        self._others = [f for f in message.fields if f.key not in used]

    def row(self, found: dict[str, Any]) -> list[Any]:
        self.without_column = 0
        return [place(found) for place in self._places]

    def others(self, found: dict[str, Any]) -> list[tuple[Field, Any]]:
        """What has no column."""
        return [(f, found[f.key]) for f in self._others if present(f, found[f.key])]

    def rest(self, found: dict[str, Any]) -> str | None:
        """What has no place in the columns, as JSON text."""
        left = members((key, step(found[key])) for key, step in self._left)
        return json_text(left, "_kafka_rest") if left is not None else None

    def _place(self, fields: dict[str, Field], column: Column, type_: Type) -> Convert:
        path = column.source_path
        field = follow(fields, path)
        required, name, shown = column.not_null, column.name, spell(path)
        inner = self._converter(field, type_, shown) if field is not None else None

        def place(found: dict[str, Any]) -> Any:
            value: Any = found
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            value = value if value is None or inner is None else inner(value)
            if value is None and required:
                raise Verdict("TYPE_MISFIT", f"{shown}: NULL in column {name}, which is NOT NULL")
            return value
        return place

    def _converter(self, field: Field, want: Type, path: str) -> Convert | None:
        """None: the value as it is."""
        if want.json and not (field.item.json and not field.repeated):
            return lambda value: json_text(json_of(field, value), path)
        if not fits(field.type, want):
            return _misfit(path, field.type, want)
        if field.form == "map":
            return self._map(field, want, path)
        inner = self._item(field, want.item if field.repeated else want, path)
        return (lambda values: [inner(v) for v in values]) if field.repeated and inner is not None else inner

    def _map(self, field: Field, want: Type, path: str) -> Convert:
        assert field.message is not None
        inner = self._item(field.message.fields[1], want.item, f"{path}.*")
        if inner is None:
            return lambda values: list(values.items())
        return lambda values: [(key, inner(value)) for key, value in values.items()]

    def _item(self, field: Field, want: Type, path: str) -> Convert | None:
        if want.kind != "STRUCT" or field.message is None:
            return None
        fields = {f.key: f for f in field.message.fields}
        named = [(name, want.key_of(name), t) for name, t in want.fields]
        parts = [(name, key, self._converter(fields[key], t, f"{path}.{key}") if key in fields else None) for name, key, t in named]
        others = [f for f in field.message.fields if f.key not in {key for _, key, _ in named}]

        def convert(value: dict[str, Any]) -> dict[str, Any]:
            if others:
                self.without_column += sum(present(f, value[f.key]) for f in others)
            row = {}
            for name, key, inner in parts:
                item = value.get(key)
                row[name] = item if item is None or inner is None else inner(item)
            return row
        return convert


def fits(have: Type, want: Type) -> bool:
    """Whether values of a field have their place in a column. Fields of a struct that the column does not have are no hindrance."""
    if want.json or have.kind != want.kind or not want.fields:
        return merged(want, have) == want
    if want.kind == "LIST":
        return fits(have.item, want.item)
    if want.kind == "MAP":
        return have.fields[0] == want.fields[0] and fits(have.item, want.item)
    fields = {have.key_of(name): t for name, t in have.fields}
    return all(fits(fields[key], t) for name, t in want.fields for key in (want.key_of(name),) if key in fields)


def follow(fields: dict[str, Field], path: Sequence[str]) -> Field | None:
    """The field at the end of a path of messages."""
    field = fields.get(path[0])
    for key in path[1:]:
        if field is None or field.repeated or field.form != "message" or field.message is None:
            return None
        field = next((f for f in field.message.fields if f.key == key), None)
    return field


# ---- what is left over -----------------------------------------------------------------------------------------

def spare(field: Field, want: Type) -> bool:
    """Whether a value of the field may hold what a column of the type has no place for."""
    if field.message is None or field.json:
        return False
    if field.form == "map":
        return want.kind == "MAP" and spare(field.message.fields[1], want.item)
    places = _places(field, want)
    return places is not None and any(f.key not in places or spare(f, places[f.key]) for f in field.message.fields)


def _places(field: Field, want: Type) -> dict[str, Type] | None:
    """The fields of the struct that holds each value of a field, by their keys. None: no struct does."""
    inner = want.item if field.repeated and want.kind == "LIST" else want
    return {inner.key_of(name): t for name, t in inner.fields} if field.form == "message" and inner.kind == "STRUCT" else None


def _left(field: Field, want: Type | None) -> Callable[[Any], Value | Kept]:
    """From the value of a field to what it leaves beside its column; the whole of one without a column."""
    if want is None:
        return lambda value: Kept(json_of(field, value)) if present(field, value) else None
    if not spare(field, want):
        return lambda value: None
    if field.form == "map":
        return _left_of_map(field, want)
    places = _places(field, want) or {}
    steps = [(f.key, _left(f, places.get(f.key))) for f in (field.message.fields if field.message is not None else ())]

    def one(value: dict[str, Any] | None) -> Value:
        return members((key, step(value[key])) for key, step in steps) if value is not None else None
    return (lambda values: items(map(one, values))) if field.repeated else one


def _left_of_map(field: Field, want: Type) -> Callable[[Any], Value]:
    assert field.message is not None
    step = _left(field.message.fields[1], want.item)
    return lambda values: members((key_text(field, key), step(value)) for key, value in values.items())


def _misfit(path: str, have: Type, want: Type) -> Convert:
    def convert(value: Any) -> Any:
        raise Verdict("TYPE_MISFIT", f"{path}: {have.sql()[:80]} does not fit {want.sql()[:80]}")
    return convert
