"""The SQL form of JSON: one `json_transform` into wire types, and for each column the value, and when it is certain.

Invariant: where `sure` is true the exact form gives the same value. A wire type is chosen so that it loses nothing unseen:

* DOUBLE for numbers. Integers below 2^53 are exact in it and fractions show; a wrong kind is NULL, so a NULL needs a look (`Look`).
* VARCHAR for text, times, UUID and BOOLEAN. Only null and absent are NULL; everything else shows its text.
* JSON for JSON text.

DuckDB evaluates CASE branches only for the rows that need them, so a look costs records with NULL in number columns and no others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from kshell.columns import literal, quote
from kshell.decode.types import Type

EXACT = 2**53
_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d*)?)?(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)"
_LOCAL = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d*)?)?"
_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
LONG_NUMBER = r"'[0-9._\\u]{17}'"             # a number of more digits than a double keeps, also in pieces or escaped
NOT_FINITE = r"'(?i)(^|[:\[,-])(nan|inf)'"


@dataclass(slots=True)
class Look:
    """What is read about the kinds of values in rows with an unexplained NULL: types by path, in one more parse."""

    paths: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)

    def kind(self, path: Sequence[str]) -> str | None:
        """SQL of the kind of the value at a path ('NULL' if null or absent), or None where the path cannot be written."""
        text = _path(path)
        if text is None:
            return None
        self.paths.append(text)
        return f"coalesce(r._l[{len(self.paths)}], 'NULL')"

    def kinds(self, path: Sequence[str], step: str) -> str | None:
        """SQL of the kinds of the elements at `path[*]...`."""
        text = _path(path)
        if text is None:
            return None
        self.lists.append(text + step)
        return f"r._l{len(self.lists)}"

    def columns(self, when: str) -> list[str]:
        out = [f"CASE WHEN {when} THEN json_type(r._t, [{', '.join(map(literal, self.paths))}]) END AS _l"] if self.paths else []
        return out + [f"CASE WHEN {when} THEN json_type(r._t, {literal(p)}) END AS _l{i}" for i, p in enumerate(self.lists, 1)]


def _path(keys: Sequence[str]) -> str | None:
    if any(not key or c in key for key in keys for c in '"\\*'):
        return None
    return "$" + "".join(f'."{key}"' for key in keys)


@dataclass(frozen=True, slots=True)
class Wire:
    """One column or part of one. SQL texts; `x` is the wire value they were made for."""

    shape: object                             # for the structure of json_transform
    value: str                                # the column's value; never raises
    sure: str | None = None                   # true or false or NULL; None: always certain. True for NULL
    unclear: str | None = None                # true: a NULL in it may hide a misfit; None: its NULLs are clear
    void: str = ""                            # all of it is NULL
    misfit: str | None = None                 # true: the look says that an unclear NULL is a misfit
    same: bool = True                         # value is x itself


def wire(type_: Type, x: str, path: Sequence[str], look: Look, *, wide: bool = False) -> Wire:
    """A column at a path of keys. `wide`: its integers are often beyond 2^53."""
    if type_.kind == "STRUCT":
        return _struct(type_, x, path, look)
    if type_.kind in ("LIST", "MAP"):
        return _many(type_, x, path, look)
    if type_.json:
        return Wire("JSON", f"{x}::VARCHAR", f"({x} IS NULL OR NOT regexp_matches({x}::VARCHAR, {NOT_FINITE}))", void=f"{x} IS NULL", same=False)
    if type_.kind == "VARCHAR":
        return Wire("VARCHAR", x, void=f"{x} IS NULL")
    if wide and type_.kind in ("BIGINT", "DECIMAL") and not type_.scale:
        value = f"TRY_CAST({x} AS {type_.sql()})"
        return Wire("VARCHAR", value, f"({x} IS NULL OR {value}::VARCHAR = {x})", void=f"{x} IS NULL", same=False)
    if type_.kind in _NUMBERS:
        return _number(type_, x, path, look)
    value, sure = _from_text(type_.kind, x)
    return Wire("VARCHAR", value, f"({x} IS NULL OR {sure})", void=f"{x} IS NULL", same=False)


_NUMBERS = frozenset({"INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"})


def _number(type_: Type, x: str, path: Sequence[str], look: Look) -> Wire:
    kind = look.kind(path)
    null = f"{x} IS NULL"
    value, sure = x, f"coalesce(isfinite({x}), true)"
    if type_.kind == "BIGINT":
        value, sure = f"TRY_CAST({x} AS BIGINT)", f"coalesce({x} = trunc({x}) AND abs({x}) < {EXACT}, true)"
    elif type_.kind == "INTEGER":
        value, sure = f"TRY_CAST({x} AS INTEGER)", f"coalesce({x} = trunc({x}) AND {x} BETWEEN -2147483648 AND 2147483647, true)"
    elif type_.kind == "FLOAT":
        value, sure = f"TRY_CAST({x} AS FLOAT)", f"coalesce(abs({x}) <= 3.4028234e38, true)"
    elif type_.kind == "DECIMAL":
        value = f"TRY_CAST({x} AS {type_.sql()})"
        sure = f"({null} OR (abs({x}) < {EXACT}::DOUBLE / 1e{type_.scale} AND {value}::DOUBLE = {x}))"
    return Wire("DOUBLE", value, sure, null, null, "true" if kind is None else f"({null} AND {kind} <> 'NULL')", type_.kind == "DOUBLE")


def _from_text(kind: str, x: str) -> tuple[str, str]:
    """(value, certain) of a column whose wire is text."""
    value = f"TRY_CAST({x} AS {kind})"
    if kind == "BOOLEAN":
        return f"({x} = 'true')", f"{x} IN ('true', 'false')"
    if kind == "BLOB":
        return f"try(from_base64({x}))", f"regexp_full_match({x}, '([A-Za-z0-9+/]{{4}})*')"
    if kind == "UUID":
        return value, f"({value} IS NOT NULL AND regexp_full_match({x}, '{_UUID}'))"
    if kind == "DATE":
        return value, f"({x} LIKE '____-__-__' AND {x} >= '0' AND {value} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31')"
    if kind == "TIME":
        return value, rf"(regexp_full_match({x}, '\d\d:\d\d:\d\d(\.\d*)?') AND {value} < TIME '24:00:00')"
    years = f"{value} >= {kind} '0001-01-01 00:00:00{{0}}' AND {value} < {kind} '9999-12-31 23:59:59{{0}}'"
    if kind == "TIMESTAMP":
        return value, f"(regexp_full_match({x}, '{_LOCAL}') AND {years.format('')})"
    shape = f"CASE WHEN {x} LIKE '____-__-__T__:__:__%Z' THEN {x} >= '0' ELSE regexp_full_match({x}, '{_INSTANT}') END"
    return value, f"({shape} AND {years.format('+00')})"


# ---- nested ----------------------------------------------------------------------------------------------------

def _struct(type_: Type, x: str, path: Sequence[str], look: Look) -> Wire:
    keys = [type_.key_of(name) for name, _ in type_.fields]
    parts = [wire(t, f"struct_extract_at({x}, {i})", (*path, key), look) for i, ((_, t), key) in enumerate(zip(type_.fields, keys, strict=True), 1)]
    kind = look.kind(path)
    packed = ", ".join(f"{quote(name)} := {p.value}" for (name, _), p in zip(type_.fields, parts, strict=True))
    void = _all([p.void for p in parts])
    misfit = "true" if kind is None else _any([f"{kind} NOT IN ('NULL', 'OBJECT')", *(p.misfit for p in parts)])
    return Wire({key: p.shape for key, p in zip(keys, parts, strict=True)}, f"CASE WHEN {x} IS NOT NULL THEN struct_pack({packed}) END",
                _conjunction([p.sure for p in parts]), _any([p.unclear for p in parts]) or void, void, misfit, same=False)


def _many(type_: Type, x: str, path: Sequence[str], look: Look) -> Wire:
    """A list or the values of a map. A NULL in what is nested deeper than one level of scalars is left to the exact form."""
    mapped = type_.kind == "MAP"
    if mapped and type_.item.fields:
        return _left_to_the_exact_form(type_, x, path, look)
    e = f"e{len(path)}"
    inner = wire(type_.item, f"{e}.value" if mapped else e, (), Look())
    items = f"map_entries({x})" if mapped else x
    kind = look.kind(path)
    kinds = look.kinds(path, ".*" if mapped else "[*]") if not type_.item.fields else None
    sure = f"coalesce(len(list_filter({items}, lambda {e}: NOT coalesce({inner.sure}, false))) = 0, true)" if inner.sure else None
    hollow = f"coalesce(len(list_filter({items}, lambda {e}: {inner.unclear})) > 0, true)" if inner.unclear else f"{x} IS NULL"
    inside = None
    if inner.unclear:
        seen = f"len(list_filter({items}, lambda {e}: NOT ({inner.unclear})))"
        inside = hollow if kinds is None else f"coalesce(len(list_filter({kinds}, lambda k: k <> 'NULL')) <> {seen}, false)"
    misfit = "true" if kind is None else _any([f"({x} IS NULL AND {kind} <> 'NULL')", f"({x} IS NOT NULL AND {inside})" if inside else None])
    value, shape = x, inner.shape
    if mapped:
        value = f"map_from_entries(list_transform({items}, lambda {e}: struct_pack(k := {e}.key, v := {inner.value})))"
    elif not inner.same:
        value = f"list_transform({x}, lambda {e}: {inner.value})"
    return Wire(f"MAP(VARCHAR, {shape})" if mapped else [shape], x if inner.same else value, sure, hollow, f"{x} IS NULL", misfit, inner.same)


def _left_to_the_exact_form(type_: Type, x: str, path: Sequence[str], look: Look) -> Wire:
    """Maps of structs, lists or maps."""
    kind = look.kind(path)
    misfit = "true" if kind is None else f"({x} IS NULL AND {kind} <> 'NULL')"
    return Wire("MAP(VARCHAR, JSON)", f"NULL::{type_.sql()}", f"{x} IS NULL", f"{x} IS NULL", f"{x} IS NULL", misfit, same=False)


def _any(parts: Sequence[str | None]) -> str | None:
    known = [p for p in parts if p]
    return "(" + " OR ".join(known) + ")" if known else None


def _all(parts: Sequence[str]) -> str:
    return "(" + " AND ".join(parts) + ")"


def _conjunction(parts: Sequence[str | None]) -> str | None:
    known = [p for p in parts if p]
    return _all(known) if known else None


def structure(shape: object) -> str:
    return literal(json.dumps(shape, ensure_ascii=False))
