"""The exact form of Avro: functions from the bytes of a writer's schema to the values of the columns, or a verdict.

Invariant: the value of a column depends on the bytes, the writer's schema and the column's type alone. Numbers are promoted as Iceberg
does it and in no other way; a value of another kind is TYPE_MISFIT, NULL is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from kshell.decode import avro_logical
from kshell.decode.avro_schema import Node
from kshell.decode.avro_types import members, spare, type_of
from kshell.decode.avro_wire import Wire, keys_bounded
from kshell.decode.json_exact import json_text
from kshell.decode.json_rest import Kept, items
from kshell.decode.json_rest import members as left_over
from kshell.decode.json_text import Members, Value
from kshell.decode.schema_types import merged
from kshell.decode.types import Type
from kshell.decode.unusable import Unusable
from kshell.decode.verdict import Verdict

Read = Callable[[Wire], Any]
_AS_TEXT = frozenset({"DECIMAL", "UUID"})     # scalars that a VARCHAR column may hold as their text
_PLAIN: dict[str, Read] = {"boolean": Wire.read_boolean, "int": Wire.read_int, "long": Wire.read_long, "float": Wire.read_float,
                           "double": Wire.read_double, "bytes": Wire.read_bytes, "string": Wire.read_string}
_PAST: dict[str, Read] = {"string": Wire.read_bytes, "int": Wire.read_long, "enum": Wire.read_long}


def reader(node: Node, target: Type, path: str) -> Read:
    """A function that reads a value of the node as a value of the type. `path` is for messages."""
    if target.json:
        inner = json_reader(node)
        return lambda wire: None if (value := inner(wire)) is None else json_text(value, path)
    if node.kind == "union" and len(node.branches) < 2:
        return _optional(node, reader(node.branches[0], target, path) if node.branches else None)
    if node.kind == "null":
        return lambda wire: None
    if target.fields:
        return _nested(node, target, path) if _same_kind(node, target) else _misfit(node, target, path)
    return _column_scalar(node, target, path)


def _same_kind(node: Node, target: Type) -> bool:
    if node.kind in ("record", "union"):
        return target.kind == "STRUCT"
    return (node.kind == "array" and target.kind == "LIST") or (
        node.kind == "map" and target.kind == "MAP" and target.fields[0][1].kind == "VARCHAR")


def _nested(node: Node, target: Type, path: str) -> Read:
    if node.kind == "record":
        return _record(node, target, path)
    if node.kind == "union":
        return _several(node, target, path)
    if node.kind == "array":
        return _array(node.item, reader(node.item, target.item, f"{path}[]"))
    return _map(node.item, reader(node.item, target.item, f"{path}.*"))


def _misfit(node: Node, target: Type, path: str) -> Read:
    """A value of another kind: only NULL fits."""
    nulls = {i for i, (_, branch) in enumerate(node.fields) if branch.kind == "null"} if node.kind == "union" else set()
    many = len(node.fields)

    def read(wire: Wire) -> None:
        if not many or node.kind != "union" or wire.choice(many, "branch") not in nulls:
            raise Verdict("TYPE_MISFIT", f"{path}: Avro {node.logical or node.kind} does not fit {target.sql()}")
    return read


# ---- nested ----------------------------------------------------------------------------------------------------

def _optional(node: Node, inner: Read | None) -> Read:
    """A union of null and one type, in any order."""
    many = len(node.fields)
    null = next((i for i, (_, branch) in enumerate(node.fields) if branch.kind == "null"), -1)

    def read(wire: Wire) -> Any:
        return None if wire.choice(many, "branch") == null or inner is None else inner(wire)
    return read


def _record(node: Node, target: Type, path: str) -> Read:
    wanted = {target.key_of(name): (name, type_) for name, type_ in target.fields}
    steps: list[tuple[str | None, Read]] = []
    for key, inner in node.fields:
        if inner.least:
            name, type_ = wanted.get(key, (None, None))
            steps.append((name, reader(inner, type_, f"{path}.{key}") if type_ is not None else skipper(inner)))

    def read(wire: Wire) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, step in steps:
            value = step(wire)
            if name is not None:
                row[name] = value
        return row
    return read


def _several(node: Node, target: Type, path: str) -> Read:
    """A union of several types: a struct of which one member is not NULL."""
    wanted = {target.key_of(name): (name, type_) for name, type_ in target.fields}
    names = iter(members(node))
    steps: list[tuple[str | None, Read] | None] = []
    for _, branch in node.fields:
        key = next(names) if branch.kind != "null" else None
        if key is None:
            steps.append(None)
        elif key in wanted:
            name, type_ = wanted[key]
            steps.append((name, reader(branch, type_, f"{path}.{key}")))
        else:
            steps.append((None, skipper(branch)))

    def read(wire: Wire) -> dict[str, Any] | None:
        step = steps[wire.choice(len(steps), "branch")]
        if step is None:
            return None
        value = step[1](wire)
        return {step[0]: value} if step[0] is not None else {}
    return read


def _array(item: Node, inner: Read) -> Read:
    least = item.least

    def read(wire: Wire) -> list[Any]:
        items: list[Any] = []
        while count := wire.block(least):
            items += [inner(wire) for _ in range(count)]
        return items
    return read


def _map(item: Node, inner: Read) -> Read:
    """Of a repeated key the last value counts, in the place of the first."""
    least = 1 + item.least

    def read(wire: Wire) -> list[tuple[str, Any]]:
        found: dict[str, Any] = {}
        many = 0
        while count := wire.block(least):
            many += count
            keys_bounded(many)
            for _ in range(count):
                key = wire.read_string()
                found[key] = inner(wire)
        return list(found.items())
    return read


def skipper(node: Node) -> Read:
    """Reads past a value, and looks at what stands in the way only: lengths, counts and branches."""
    if node.kind == "union":
        steps = [skipper(branch) for _, branch in node.fields]
        return lambda wire: steps[wire.choice(len(steps), "branch")](wire)
    if node.kind == "record":
        return _past([skipper(inner) for _, inner in node.fields if inner.least])
    if node.kind in ("array", "map"):
        keys = [Wire.read_bytes] if node.kind == "map" else []
        return _past_items(len(keys) + node.item.least, _past([*keys, skipper(node.item)]))
    return _PAST.get(node.kind) or _natural(node)


def _past(steps: Sequence[Read]) -> Read:
    def read(wire: Wire) -> None:
        for step in steps:
            step(wire)
    return read


def _past_items(least: int, inner: Read) -> Read:
    def read(wire: Wire) -> None:
        while count := wire.block(least):
            for _ in range(count):
                inner(wire)
    return read


# ---- scalars ---------------------------------------------------------------------------------------------------

def _natural(node: Node) -> Read:
    """The value of the underlying type."""
    if node.kind == "null":
        return lambda wire: None
    if node.kind == "fixed":
        size = node.size
        return lambda wire: wire.take(size)
    if node.kind == "enum":
        symbols = node.symbols
        return lambda wire: symbols[wire.choice(len(symbols), "symbol")]
    return _PLAIN[node.kind]


def _scalar(node: Node, path: str) -> Read:
    """The value that stands in Arrow for the node's own type."""
    natural = _natural(node)
    if not node.logical:
        return natural
    convert = avro_logical.converter(node, path)
    return lambda wire: convert(natural(wire))


def _column_scalar(node: Node, target: Type, path: str) -> Read:
    try:
        own = type_of(node)
    except Unusable:
        own = Type("DECIMAL", node.precision, node.scale) if node.logical == "decimal" else None
    if own is None or own.fields:
        return _misfit(node, target, path)
    if own == target or merged(target, own) == target:
        return _scalar(node, path)
    scalar = _scalar(node, path)
    if target.kind == "VARCHAR" and own.kind in _AS_TEXT:
        return lambda wire: format(value, "f") if isinstance(value := scalar(wire), Decimal) else value
    if (own.kind, target.kind) == ("TIME", "BIGINT"):
        return scalar                         # for tables that have no TIME: its microseconds
    return _misfit(node, target, path)


# ---- as JSON ---------------------------------------------------------------------------------------------------

def json_reader(node: Node) -> Callable[[Wire], Value]:
    """The value as it stands in JSON text: times and decimals as they are printed, bytes as base64, unions as their value."""
    if node.kind == "union":
        steps = [json_reader(branch) for _, branch in node.fields]
        return lambda wire: steps[wire.choice(len(steps), "branch")](wire)
    if node.kind == "record":
        fields = [(key, json_reader(inner)) for key, inner in node.fields]
        return lambda wire: Members([(key, step(wire)) for key, step in fields])
    if node.kind == "array":
        return _array(node.item, json_reader(node.item))
    if node.kind == "map":
        pairs = _map(node.item, json_reader(node.item))
        return lambda wire: Members(pairs(wire))
    scalar = _scalar(node, node.logical or node.kind)
    printed = avro_logical.printer(node)
    return lambda wire: printed(scalar(wire))


Left = Callable[[Wire], Value | Kept]


def rest_reader(node: Node, target: Type) -> Callable[[Wire], Value]:
    """What a value holds beyond a column of the type. Below a union of several types its members' names stand, as in the column."""
    if not spare(node, target):
        past = skipper(node)
        return lambda wire: past(wire) and None
    if node.kind == "array":
        several = _array(node.item, rest_reader(node.item, target.item))
        return lambda wire: items(several(wire))
    if node.kind == "map":
        pairs = _map(node.item, rest_reader(node.item, target.item))
        return lambda wire: left_over(pairs(wire))
    if node.kind == "union" and len(node.branches) == 1:
        return _optional(node, rest_reader(node.branches[0], target))
    places = {target.key_of(name): type_ for name, type_ in target.fields}
    if node.kind == "union":
        return _rest_of_union(node, places)
    fields = [(key, left(inner, places.get(key))) for key, inner in node.fields if inner.least]
    return lambda wire: left_over([(key, step(wire)) for key, step in fields])


def left(node: Node, target: Type | None) -> Left:
    """What a field leaves beside its column; the whole of one without a column."""
    if target is not None:
        return rest_reader(node, target)
    whole = json_reader(node)
    return lambda wire: Kept(whole(wire))


def _rest_of_union(node: Node, places: Mapping[str, Type]) -> Callable[[Wire], Value]:
    names = iter(members(node))
    keys = [next(names) if branch.kind != "null" else None for _, branch in node.fields]
    steps = [left(branch, places.get(key)) if key is not None else None for key, (_, branch) in zip(keys, node.fields, strict=True)]

    def read(wire: Wire) -> Value:
        chosen = wire.choice(len(steps), "branch")
        key, step = keys[chosen], steps[chosen]
        return left_over([(key, step(wire))]) if key is not None and step is not None else None
    return read


def below(node: Node, keys: Sequence[str], target: Type, path: str) -> Read:
    """The value that stands at a path of keys below the node; NULL where there is none."""
    if not keys:
        return reader(node, target, path)
    if node.kind == "union" and len(node.branches) == 1:
        return _optional(node, below(node.branches[0], keys, target, path))
    key, rest = keys[0], keys[1:]
    if node.kind == "map":
        pairs = _map(node.item, below(node.item, rest, target, path))
        return lambda wire: dict(pairs(wire)).get(key)
    if node.kind != "record" or key not in dict(node.fields):
        past = skipper(node)
        return lambda wire: past(wire) and None
    before = [name for name, _ in node.fields].index(key)
    ahead = _past([skipper(inner) for _, inner in node.fields[:before]])
    found = below(node.fields[before][1], rest, target, path)
    after = _past([skipper(inner) for _, inner in node.fields[before + 1:]])

    def read(wire: Wire) -> Any:
        ahead(wire)
        value = found(wire)
        after(wire)
        return value
    return read
