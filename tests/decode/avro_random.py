"""Schemas of Avro at random, with values as fastavro writes them and as the columns must hold them; and bytes that were damaged."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.decode.avro import record

Pair = tuple[Any, Any]                        # as fastavro takes it, as the column holds it
UTC = dt.UTC
_EPOCH = dt.datetime(1970, 1, 1)


@dataclass(frozen=True)
class Kind:
    tree: Any
    values: st.SearchStrategy[Pair]


def _same(tree: Any, values: st.SearchStrategy[Any]) -> Kind:
    return Kind(tree, values.map(lambda v: (v, v)))


def _as(tree: Any, values: st.SearchStrategy[Any], column: Callable[[Any], Any]) -> Kind:
    return Kind(tree, values.map(lambda v: (v, column(v))))


def _logical(kind: Any, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


INTS, LONGS = st.integers(-2**31, 2**31 - 1), st.integers(-2**63, 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
SCALARS: list[Kind] = [
    _same("boolean", st.booleans()), _same("int", INTS), _same("long", LONGS), _same("string", TEXTS),
    _same("bytes", st.binary(max_size=12)),
    _same("float", st.floats(width=32, allow_nan=False)), _same("double", st.floats(allow_nan=False)),
    _same({"type": "enum", "name": "%", "symbols": ["A", "B", "C"]}, st.sampled_from("ABC")),
    *(_same({"type": "fixed", "name": "%", "size": n}, st.binary(min_size=n, max_size=n)) for n in (1, 4, 12, 20)),
    _same(_logical("int", "date"), st.dates()),
    _same(_logical("long", "time-micros"), st.times()),
    _as(_logical("string", "uuid"), st.uuids(), str),
    _as({"type": "fixed", "name": "%", "size": 16, "logicalType": "uuid"}, st.binary(min_size=16, max_size=16),
        lambda b: str(uuid.UUID(bytes=b))),
    _as(_logical("long", "timestamp-micros"), MOMENTS, lambda us: (_EPOCH + dt.timedelta(microseconds=us)).replace(tzinfo=UTC)),
    _as(_logical("long", "local-timestamp-millis"), MOMENTS.map(lambda us: us // 1000), lambda ms: _EPOCH + dt.timedelta(milliseconds=ms)),
    _same(_logical("bytes", "decimal", precision=20, scale=3), st.integers(1 - 10**20, 10**20 - 1).map(lambda n: Decimal(n).scaleb(-3))),
    _same({"type": "fixed", "name": "%", "size": 8, "logicalType": "decimal", "precision": 18, "scale": 0},
          st.integers(1 - 10**18, 10**18 - 1).map(Decimal)),
]


@st.composite
def kinds(draw: Any, names: list[int], level: int = 0) -> Kind:
    """A type; `names` counts those that must differ."""
    form = draw(st.sampled_from(["scalar"] * 4 + (["optional", "array", "map", "record", "union"] if level < 3 else [])))
    if form == "scalar":
        return named(draw(st.sampled_from(SCALARS)), names)
    if form == "record":
        return draw(records(names, level + 1))
    if form == "union":
        return draw(unions(names, level + 1))
    inner = draw(kinds(names, level + 1))
    if form == "array":
        lists = st.lists(inner.values, max_size=3).map(lambda pairs: ([a for a, _ in pairs], [b for _, b in pairs]))
        return Kind({"type": "array", "items": inner.tree}, lists)
    if form == "map":
        return Kind({"type": "map", "values": inner.tree}, st.dictionaries(TEXTS, inner.values, max_size=3).map(
            lambda d: ({k: a for k, (a, _) in d.items()}, [(k, b) for k, (_, b) in d.items()])))
    if isinstance(inner.tree, list):
        return inner                          # a union in a union does not exist
    branches = draw(st.sampled_from([["null", inner.tree], [inner.tree, "null"]]))
    return Kind(branches, st.one_of(st.just((None, None)), inner.values))


def named(kind: Kind, names: list[int]) -> Kind:
    if not isinstance(kind.tree, dict) or kind.tree.get("name") != "%":
        return kind
    names.append(0)
    return Kind(kind.tree | {"name": f"N{len(names)}"}, kind.values)


@st.composite
def records(draw: Any, names: list[int], level: int) -> Kind:
    names.append(0)
    name = f"N{len(names)}"
    fields = [(f"f{i}", draw(kinds(names, level))) for i in range(draw(st.integers(1, 4)))]
    keys = [key for key, _ in fields]
    values = st.tuples(*(kind.values for _, kind in fields)).map(
        lambda pairs: (dict(zip(keys, (a for a, _ in pairs), strict=True)), dict(zip(keys, (b for _, b in pairs), strict=True))))
    return Kind(record(*((n, kind.tree) for n, kind in fields), name=name), values)


@st.composite
def unions(draw: Any, names: list[int], level: int) -> Kind:
    """Of several types: fastavro is told the branch by its name."""
    inner = draw(records(names, level))
    member = {"boolean": st.booleans(), "int": INTS, "long": LONGS, "string": TEXTS, "bytes": st.binary(max_size=5),
              inner.tree["name"]: inner.values}
    chosen = draw(st.lists(st.sampled_from(list(member)), min_size=2, max_size=4, unique=True))
    trees: list[Any] = [inner.tree if name == inner.tree["name"] else name for name in chosen]
    one_of = [_branch(name, member[name], chosen, inner.tree["name"]) for name in chosen]
    if draw(st.booleans()):
        trees.insert(draw(st.integers(0, len(trees))), "null")
        one_of.append(st.just((None, None)))
    return Kind(trees, st.one_of(one_of))


def _branch(name: str, values: st.SearchStrategy[Any], chosen: list[str], record_name: str) -> st.SearchStrategy[Pair]:
    pairs = values if name == record_name else values.map(lambda v: (v, v))
    return pairs.map(lambda pair: ((name, pair[0]), {n: pair[1] if n == name else None for n in chosen}))


@st.composite
def topics(draw: Any) -> tuple[dict[str, Any], list[Pair]]:
    """(schema of the records, their values)."""
    kind = draw(records([], 0))
    return kind.tree, draw(st.lists(kind.values, min_size=1, max_size=8))


@st.composite
def damaged(draw: Any, body: bytes) -> bytes:
    """The same bytes with something wrong, or nothing."""
    at = draw(st.integers(0, max(len(body) - 1, 0)))
    how = draw(st.sampled_from(["nothing", "cut", "more", "byte", "insert", "remove", "repeat"]))
    if how == "cut":
        return body[:at]
    if how == "more":
        return body + draw(st.binary(min_size=1, max_size=12))
    if how == "byte":
        return body[:at] + draw(st.binary(min_size=1, max_size=1)) + body[at + 1:]
    if how == "insert":
        return body[:at] + draw(st.binary(min_size=1, max_size=10)) + body[at:]
    if how == "remove":
        return body[:at] + body[at + 1:]
    return body + body[at:] if how == "repeat" else body
