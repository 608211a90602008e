"""Columns and types that come from schemas: naming them, and merging what is there with what a further schema wants.

Invariant: `merge` only ever promotes as Iceberg v2 allows (int to long, float to double, decimal to more digits) and adds fields of
structs; every value of either side has its place in the result. A field is the same field if its key in the payload is the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from kshell.columns import Column, quote
from kshell.decode import names
from kshell.decode.types import Type, of, printed, storage
from kshell.decode.values import Inference

MOST_COLUMNS = 1_000
_PROMOTED = {("INTEGER", "BIGINT"), ("FLOAT", "DOUBLE")}
Field = tuple[str, Type]                      # key in the payload, type


def merge(have: str, want: str) -> str | None:
    """The type in DuckDB's spelling that holds the values of both, or None: the values of `want` are misfits."""
    both = merged(storage(have, ""), storage(want, ""))
    return printed(both) if both is not None else None


def merged(have: Type, want: Type) -> Type | None:
    """JSON text takes anything; a struct keeps its fields in their order and gets the missing ones at its end."""
    if have.json or (have.kind == "VARCHAR" and want.kind == "VARCHAR"):
        return have
    if have.kind != want.kind:
        return _promoted(have, want)
    if have.kind == "DECIMAL":
        return replace(have, precision=max(have.precision, want.precision)) if have.scale == want.scale else None
    if have.kind == "STRUCT":
        return _struct(have, want)
    if have.kind == "MAP" and have.fields[0] != want.fields[0]:
        return None                           # keys of maps never change their type
    if have.fields:
        item = merged(have.item, want.item)
        return replace(have, fields=(*have.fields[:-1], (have.fields[-1][0], item))) if item is not None else None
    return have


def _promoted(have: Type, want: Type) -> Type | None:
    if (have.kind, want.kind) in _PROMOTED:
        return want
    return have if (want.kind, have.kind) in _PROMOTED else None


def _struct(have: Type, want: Type) -> Type | None:
    wanted = {want.key_of(name): type_ for name, type_ in want.fields}
    fields: list[Field] = []
    for name, type_ in have.fields:
        both = merged(type_, wanted.pop(have.key_of(name), type_))
        if both is None:
            return None
        fields.append((name, both))
    paths = [f"{name}.{below}" for name, type_ in fields for below in names.dotted(type_)]
    added = names.assign(list(wanted), list(wanted.values()), [*(name for name, _ in fields), *paths], top=False)
    keys = tuple(have.key_of(name) for name, _ in have.fields) + tuple(wanted)
    fields += zip(added, wanted.values(), strict=True)
    return Type("STRUCT", fields=tuple(fields), keys=keys)


def tree_of(text: str) -> Any:
    """The JSON that a schema's text is. ValueError: it is none, or holds a lone surrogate, which no name and no value of a column can."""
    found = json.loads(text)
    json.dumps(found, ensure_ascii=False).encode()
    return found


def struct(fields: Sequence[Field]) -> Type | None:
    """A struct of the fields that can have a name, or None: Iceberg has no struct without one."""
    kept = [(key, type_) for key, type_ in fields if names.nameable(key)]
    if not kept:
        return None
    keys = tuple(key for key, _ in kept)
    assigned = tuple(names.assign(keys, [type_ for _, type_ in kept], top=False))
    return Type("STRUCT", fields=tuple(zip(assigned, (t for _, t in kept), strict=True)), keys=keys)


def column(key: str, name: str, type_: Type) -> Column:
    """The column of a field: what its type says beyond the storage type stands in `declared` and `renames`."""
    declared = type_.declared() if type_.holds_json() else None
    return Column(name, printed(type_), () if key == name else (key,), type_.json, declared=declared, renames=tuple(renames(type_)))


def renames(type_: Type, path: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], str]]:
    for name, inner in type_.fields:
        key = (type_.key_of(name),) if type_.kind == "STRUCT" else ()
        if key and key[0] != name:
            yield (*path, *key), name
        yield from renames(inner, (*path, *key))


def recalled(type_: Type) -> Type:
    """A written type with the keys that its names were made of: `B_1` beside `b` stands for `B`."""
    if not type_.fields:
        return type_
    fields = tuple((name, recalled(inner)) for name, inner in type_.fields)
    if type_.kind != "STRUCT":
        return replace(type_, fields=fields)
    return Type("STRUCT", fields=fields, keys=tuple(names.recall([name for name, _ in fields], [inner for _, inner in fields])))


def inferred(fields: Sequence[Field], notices: Iterable[str] = ()) -> Inference:
    """The columns of a schema's top level."""
    said = list(notices)
    kept = [(key, type_) for key, type_ in fields if names.nameable(key)]
    if len(kept) < len(fields):
        said.append(f"{len(fields) - len(kept)} field(s) have no column: their names have control characters or over "
                    f"{names.LONGEST_BYTES} bytes")
    if len(kept) > MOST_COLUMNS:
        said.append(f"only the first {MOST_COLUMNS:,} of {len(kept):,} fields have a column")
        kept = kept[:MOST_COLUMNS]
    assigned = names.assign([key for key, _ in kept], [type_ for _, type_ in kept])
    said += [f"field {quote(key)} is column {quote(name)}" for (key, _), name in zip(kept, assigned, strict=True) if key != name]
    return Inference(tuple(column(key, name, type_) for (key, type_), name in zip(kept, assigned, strict=True)), said)


def proposal(columns: Sequence[Column], fields: Sequence[Field]) -> tuple[Column, ...]:
    """What a schema with these fields wants of a table with these columns: missing ones, and ones with a promoted type."""
    held = {c.source_path[0]: c for c in columns if len(c.source_path) == 1}
    wanted: list[Column] = []
    missing: list[Field] = []
    for key, type_ in fields:
        if key not in held:
            missing += [(key, type_)] if names.nameable(key) else []
            continue
        have = of(held[key])
        both = merged(have, type_)
        if both is not None and both != have:
            own = column(key, held[key].name, both)
            wanted.append(replace(own, path=held[key].path, not_null=held[key].not_null))
    assigned = names.assign([key for key, _ in missing], [type_ for _, type_ in missing], [c.name for c in columns])
    return (*wanted, *(column(key, name, type_) for (key, type_), name in zip(missing, assigned, strict=True)))
