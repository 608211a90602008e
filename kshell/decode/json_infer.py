"""Columns from a sample of JSON records.

Invariant: the result depends on the records and their order alone, and every record of the sample that is valid fits the columns that
come out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kshell.columns import Column, quote
from kshell.decode import names
from kshell.decode.json_text import Members, Number, Value, read
from kshell.decode.paths import spell
from kshell.decode.types import JSON_TEXT, MOST_LEVELS, VARCHAR, Type, printed
from kshell.decode.verdict import Verdict

MOST_COLUMNS, MOST_INNER_KEYS = 1_000, 200    # more inner keys: a map in disguise
_BIGINT, _DECIMAL, _DOUBLE = Type("BIGINT"), Type("DECIMAL", 38, 0), Type("DOUBLE")


@dataclass(slots=True)
class Seen:
    """What stood at one path."""

    kinds: set[str] = field(default_factory=set)
    beyond_double: bool = False               # an integer above 2^53
    fields: dict[str, Seen] = field(default_factory=dict)
    item: Seen | None = None


def infer_json(values: Iterable[bytes | None]) -> tuple[tuple[Column, ...], list[str]]:
    """(columns, notices)."""
    top = Seen()
    for data in values:
        try:
            value = None if data is None else read(data)
        except Verdict:
            continue                          # a bad record decides nothing
        if isinstance(value, Members):
            see(top, value, 0)
    return _columns(top)


def see(seen: Seen, value: Value, level: int) -> None:
    """`level`: lists and structs above and including this value, the record itself not counted."""
    if value is None:
        return
    if isinstance(value, Members):
        if not value.pairs:
            return
        seen.kinds.add("object" if level <= MOST_LEVELS else "deep")
        if level <= MOST_LEVELS:
            for key, member in in_order(value):
                see(seen.fields.setdefault(key, Seen()), member, level + 1)
    elif isinstance(value, list):
        if not value:
            return
        seen.kinds.add("array" if level <= MOST_LEVELS else "deep")
        seen.item = seen.item or Seen()
        if level <= MOST_LEVELS:
            for item in value:
                see(seen.item, item, level + 1)
    else:
        seen.kinds.add(_kind(value))
        seen.beyond_double |= isinstance(value, Number) and value.integral and _beyond_double(value)


def _beyond_double(number: Number) -> bool:
    digits = number.lstrip("-")
    return len(digits) > 16 or int(digits) > 2**53


def in_order(members: Members) -> Iterable[tuple[str, Value]]:
    first = members.first()
    return [(key, first[key]) for key in dict(members.pairs)]


def _kind(value: bool | str) -> str:
    if isinstance(value, bool):
        return "boolean"
    if not isinstance(value, Number):
        return "text"
    if not value.integral:
        return "real"
    digits = len(value.lstrip("-"))
    if digits > 38:
        return "endless"
    return "long" if digits < 20 and -(2**63) <= int(value) < 2**63 else "huge"


def _columns(top: Seen) -> tuple[tuple[Column, ...], list[str]]:
    notices: list[str] = []
    keys: list[str] = []
    types: list[Type] = []
    unnamed = 0
    for key, seen in top.fields.items():
        type_ = decide(seen, (key,), notices)
        if type_ is None:
            continue
        if not names.nameable(key):
            unnamed += 1
        elif len(keys) < MOST_COLUMNS:
            keys.append(key)
            types.append(type_)
    if unnamed:
        notices.append(f"{unnamed} field(s) have no column: their names have control characters or over {names.LONGEST_BYTES} bytes")
    if len(keys) == MOST_COLUMNS < len(top.fields):
        notices.append(f"only the first {MOST_COLUMNS:,} of {len(top.fields):,} fields have a column")
    assigned = names.assign(keys, types)
    notices += [f"field {quote(k)} is column {quote(n)}" for k, n in zip(keys, assigned, strict=True) if k != n]
    return tuple(_column(k, n, t) for k, n, t in zip(keys, assigned, types, strict=True)), notices


def _column(key: str, name: str, type_: Type) -> Column:
    declared = type_.declared() if type_.holds_json() else None
    return Column(name, printed(type_), () if key == name else (key,), type_.json, declared=declared, renames=tuple(_renames(type_, ())))


def _renames(type_: Type, path: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], str]]:
    for name, inner in type_.fields:
        key = (type_.key_of(name),) if type_.kind == "STRUCT" else ()
        if key and key[0] != name:
            yield (*path, *key), name
        yield from _renames(inner, (*path, *key))


def decide(seen: Seen, path: tuple[str, ...], notices: list[str]) -> Type | None:
    """The unified type, or None while nothing is decided."""
    kinds = seen.kinds
    if not kinds:
        return None
    if kinds <= {"long", "huge", "real"}:
        if "real" not in kinds:
            return _DECIMAL if "huge" in kinds else _BIGINT
        if seen.beyond_double:
            notices.append(f"{spell(path)} is DOUBLE and has integers above 2^53, which it rounds; declare another type to keep them")
        return _DOUBLE
    if kinds == {"text"}:
        return VARCHAR
    if kinds == {"boolean"}:
        return Type("BOOLEAN")
    if kinds == {"object"} and len(seen.fields) <= MOST_INNER_KEYS:
        return _struct(seen, path, notices)
    if kinds == {"array"} and seen.item is not None:
        inner = decide(seen.item, path, notices)
        # elements of several kinds: the list as a whole is JSON text
        return inner and (JSON_TEXT if inner.json and _mixed(seen.item) else Type("LIST", fields=(("element", inner),)))
    return JSON_TEXT


def _mixed(seen: Seen) -> bool:
    return len(seen.kinds) > 1 or bool(seen.kinds & {"deep", "endless"})


def _struct(seen: Seen, path: tuple[str, ...], notices: list[str]) -> Type | None:
    found = [(key, t) for key, s in seen.fields.items() if names.nameable(key) and (t := decide(s, (*path, key), notices)) is not None]
    if not found:
        return None
    keys, types = [k for k, _ in found], [t for _, t in found]
    assigned = names.assign(keys, types, top=False)
    return Type("STRUCT", fields=tuple(zip(assigned, types, strict=True)), keys=tuple(keys))
