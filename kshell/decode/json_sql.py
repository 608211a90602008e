"""The SQL form of JSON: one `json_transform` into wire types, and for each column its value and when that is certain.

Invariant: where `sure` is true the exact form gives the same value. A wire type loses nothing unseen:

* DOUBLE for numbers. Integers below 2^53 are exact in it and fractions show; a wrong kind is NULL, so a NULL needs a look (`Look`).
* VARCHAR for text, times, UUID and BOOLEAN. Only null and absent are NULL; everything else shows its text.
* JSON for JSON text.

DuckDB evaluates CASE branches only for the rows that need them, so a look costs records with NULL in number columns and no others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kshell.columns import literal, quote
from kshell.decode.types import Type

_EXACT = 2**53
_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d*)?)?(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)"
_LOCAL = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d*)?)?"
_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_BASE64 = '"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"'
NOT_FINITE = r"'(?i)(^|[:\[,-])(nan|inf)'"    # in JSON text; also in some harmless text, which the exact form then clears


@dataclass(frozen=True, slots=True)
class Wire:
    """One column or part of one, as SQL over its wire value `x`."""

    shape: object                             # for the structure of json_transform
    value: str                                # the column's value; never raises
    sure: str | None = None                   # true where the value is certain, and for NULL; None: always certain
    brisk: str | None = None                  # cheaper: true implies `sure` and that nothing is unclear; None: as `sure`
    unclear: str | None = None                # true: a NULL in it may hide a misfit; None: its NULLs are clear
    misfit: str | None = None                 # false where the look clears what is unclear
    void: str = ""                            # all of it is NULL
    same: bool = True                         # value is x itself
    decimals: tuple[str, ...] = ()            # DOUBLE expressions that become DECIMAL, where they stand at a fixed place
    hidden_decimals: bool = False             # there are others, inside lists


class Look:
    """What one more parse tells about rows with an unexplained NULL: the kinds of values, by path."""

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth                    # lists around, which name the variables of lambdas
        self._paths: list[str] = []
        self._lists: list[str] = []

    def leaf(self, path: Sequence[str], x: str) -> str:
        """SQL: `x` is NULL and not because of null or absence."""
        return self._at(path, f"({x} IS NULL AND {{}} <> 'NULL')")

    def struct(self, path: Sequence[str], x: str) -> str:
        return self._at(path, "{} NOT IN ('NULL', 'OBJECT')")

    def elements(self, path: Sequence[str], step: str, below: Sequence[str]) -> str | None:
        """SQL of the kinds at `path[*].below`, or None where that cannot be written."""
        head, tail = _path(path), _path(below)
        if head is None or tail is None:
            return None
        self._lists.append(f"{head}{step}{tail[1:]}")
        return f"r._l{len(self._lists)}"

    def _at(self, path: Sequence[str], test: str) -> str:
        text = _path(path)
        if text is None:
            return "true"
        self._paths.append(text)
        return test.format(f"coalesce(r._l[{len(self._paths)}], 'NULL')")

    def columns(self, when: str) -> list[str]:
        """The select list that reads the kinds, for rows where `when` is true."""
        out = [f"CASE WHEN {when} THEN json_type(r._t, [{', '.join(map(literal, self._paths))}]) END AS _l"] if self._paths else []
        return out + [f"CASE WHEN {when} THEN json_type(r._t, {literal(p)}) END AS _l{i}" for i, p in enumerate(self._lists, 1)]


class _Inside(Look):
    """Within the elements of a list, tests compare counts over the list: as many values that are not null as came through."""

    def __init__(self, outer: Look, path: Sequence[str], step: str, items: str, item: str) -> None:
        super().__init__(outer.depth + 1)
        self.outer, self.path, self.step, self.items, self.item = outer, path, step, items, item
        self.tests: list[str] = []

    def leaf(self, path: Sequence[str], x: str) -> str:
        came = f"len(list_filter({self.items}, lambda {self.item}: {x} IS NOT NULL))"
        return self._test(path, f"len(list_filter({{}}, lambda k: k <> 'NULL')) <> {came}")

    def struct(self, path: Sequence[str], x: str) -> str:
        return self._test(path, "len(list_filter({}, lambda k: k NOT IN ('NULL', 'OBJECT'))) > 0")

    def elements(self, path: Sequence[str], step: str, below: Sequence[str]) -> str | None:
        """Lists in lists: what is unclear there is left to the exact form."""
        self.tests.append("true")
        return None

    def _test(self, path: Sequence[str], test: str) -> str:
        kinds = self.outer.elements(self.path, self.step, path)
        self.tests.append("true" if kinds is None else f"coalesce({test.format(kinds)}, true)")
        return "true"


def _path(keys: Sequence[str]) -> str | None:
    if any(not key or c in key for key in keys for c in '"\\*'):
        return None
    return "$" + "".join(f'."{key}"' for key in keys)


# ---- scalars ---------------------------------------------------------------------------------------------------

def wire(type_: Type, x: str, path: Sequence[str], look: Look, *, wide: bool = False) -> Wire:
    """A column at a path of keys. `wide`: its integers are often beyond 2^53."""
    if type_.kind == "STRUCT":
        return _struct(type_, x, path, look, wide)
    if type_.kind in ("LIST", "MAP"):
        return _map_of_nested(type_, x, path, look) if type_.kind == "MAP" and type_.item.fields else _many(type_, x, path, look, wide)
    null = f"{x} IS NULL"
    if type_.json:
        return Wire("JSON", f"{x}::VARCHAR", f"({null} OR NOT regexp_matches({x}::VARCHAR, {NOT_FINITE}))", void=null, same=False)
    if type_.kind == "VARCHAR":
        return Wire("VARCHAR", x, void=null)
    if type_.kind in _NUMBERS and not (wide and _may_be_wide(type_)):
        value, sure = _number(type_, x)
        return Wire("DOUBLE", value, f"({null} OR {sure})", sure, null, look.leaf(path, x), null, type_.kind == "DOUBLE",
                    (x,) if type_.kind == "DECIMAL" else ())
    if type_.kind == "BLOB":                  # JSON text has its quotes: as VARCHAR a number could pass for base64
        sure = f"regexp_full_match({x}::VARCHAR, '{_BASE64}')"
        value = f"CASE WHEN {sure} THEN from_base64(trim({x}::VARCHAR, '\"')) END"
        return Wire("JSON", value, f"({null} OR {sure})", void=null, same=False)
    value, sure = _from_text(type_, x)
    return Wire("VARCHAR", value, f"({null} OR {sure})", void=null, same=False)


_NUMBERS = frozenset({"INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"})


def _may_be_wide(type_: Type) -> bool:
    return type_.kind in ("BIGINT", "DECIMAL") and not type_.scale


def _number(type_: Type, x: str) -> tuple[str, str]:
    """(value, certain) over a DOUBLE. Of a DECIMAL only where `short_numbers` holds for the record."""
    value = f"TRY_CAST({x} AS {type_.sql()})"
    if type_.kind == "BIGINT":
        return value, f"({x} = trunc({x}) AND abs({x}) < {_EXACT})"
    if type_.kind == "INTEGER":
        return value, f"({x} = trunc({x}) AND {x} BETWEEN -2147483648 AND 2147483647)"
    if type_.kind == "FLOAT":
        return value, f"(abs({x}) <= 3.4028234e38)"
    if type_.kind == "DECIMAL":
        return value, f"(abs({x}) < {_EXACT}::DOUBLE / 1e{type_.scale} AND {value}::DOUBLE = {x})"
    return x, f"isfinite({x})"


def short_numbers(x: str, wires: Sequence[Wire]) -> str | None:
    """SQL over a record's text: its numbers have at most 15 digits, which a double keeps. Needed where a DECIMAL is read from a double.
    The first tests are cheap, and enough where the decimals are below 10^9; the last one costs as much as the parse."""
    decimals = [d for w in wires for d in w.decimals]
    hidden = any(w.hidden_decimals for w in wires)
    if not decimals and not hidden:
        return None
    small = [f"coalesce(abs({d}), 0) < 1e9" for d in decimals]
    quick = [*small, *(f"NOT contains({x}, {part})" for part in ("'e-'", "'E-'", r"'\u'")), rf"NOT regexp_matches({x}, '\.[0-9_]{{7}}')"]
    full = rf"NOT regexp_matches({x}, '[0-9._]{{17}}|[0-9._]{{16}}[eE]|[eE]-[0-9_]{{3}}|\\u00[2-6]')"
    return full if hidden else f"CASE WHEN {' AND '.join(quick)} THEN true ELSE {full} END"


def _from_text(type_: Type, x: str) -> tuple[str, str]:
    """(value, certain) over a text."""
    kind = type_.sql()
    value = f"TRY_CAST({x} AS {kind})"
    if type_.kind in _NUMBERS:
        return value, f"{value}::VARCHAR = {x}"
    if kind == "BOOLEAN":
        return f"({x} = 'true')", f"{x} IN ('true', 'false')"
    if kind == "UUID":
        return value, f"({value} IS NOT NULL AND regexp_full_match({x}, '{_UUID}'))"
    if kind == "DATE":
        return value, f"({x} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND {value} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31')"
    if kind == "TIME":
        return value, rf"(regexp_full_match({x}, '\d\d:\d\d:\d\d(\.\d*)?') AND {value} < TIME '24:00:00')"
    zone = "" if kind == "TIMESTAMP" else "+00"
    years = f"{value} >= {kind} '0001-01-01 00:00:00{zone}' AND {value} < {kind} '9999-12-31 23:59:59{zone}'"
    if kind == "TIMESTAMP":
        return value, f"(regexp_full_match({x}, '{_LOCAL}') AND {years})"
    # half the cost of a regular expression; the cast judges all other characters as strictly as one would
    shape = f"CASE WHEN {x} GLOB '[0-9]???-??-??T[0-2]?:??:?[0-9]*Z' THEN true ELSE regexp_full_match({x}, '{_INSTANT}') END"
    return value, f"({shape} AND {years})"


# ---- nested ----------------------------------------------------------------------------------------------------

def _struct(type_: Type, x: str, path: Sequence[str], look: Look, wide: bool) -> Wire:
    keys = [type_.key_of(name) for name, _ in type_.fields]
    parts = [wire(t, f"struct_extract_at({x}, {i})", (*path, key), look, wide=wide)
             for i, ((_, t), key) in enumerate(zip(type_.fields, keys, strict=True), 1)]
    packed = ", ".join(f"{quote(name)} := {p.value}" for (name, _), p in zip(type_.fields, parts, strict=True))
    void = all_of(p.void for p in parts) or ""
    unclear = any_of(p.unclear for p in parts)
    # of a struct without numbers a value of another kind shows only in that everything is NULL
    brisk = all_of([*(p.brisk or p.sure for p in parts), None if unclear else f"NOT {void}"])
    misfit = any_of([look.struct(path, x), *(p.misfit for p in parts)])
    return Wire(dict(zip(keys, (p.shape for p in parts), strict=True)), f"CASE WHEN {x} IS NOT NULL THEN struct_pack({packed}) END",
                all_of(p.sure for p in parts), brisk, unclear or void, misfit, void, same=False,
                decimals=tuple(d for p in parts for d in p.decimals), hidden_decimals=any(p.hidden_decimals for p in parts))


def _many(type_: Type, x: str, path: Sequence[str], look: Look, wide: bool) -> Wire:
    """A list, or the values of a map."""
    mapped = type_.kind == "MAP"
    e = f"e{look.depth}"
    items = f"map_entries({x})" if mapped else x
    inside = _Inside(look, path, ".*" if mapped else "[*]", items, e)
    inner = wire(type_.item, f"{e}.value" if mapped else e, (), inside, wide=wide)
    null = f"{x} IS NULL"
    # DuckDB reads a repeated key into a map without a word, and raises when somebody reads the map
    unique = f"len(list_distinct(map_keys({x}))) = cardinality({x})" if mapped else None
    sure = all_of([f"coalesce({unique}, true)" if unique else None,
                   f"coalesce(len(list_filter({items}, lambda {e}: NOT coalesce({inner.sure}, false))) = 0, true)" if inner.sure else None])
    hollow = f"len(list_filter({items}, lambda {e}: {inner.unclear})) > 0" if inner.unclear else None
    unclear = f"coalesce({hollow}, true)" if hollow else null
    misfit = any_of([look.leaf(path, x), f"({x} IS NOT NULL AND {hollow} AND {any_of(inside.tests) or 'true'})" if hollow else None])
    entry = f"struct_pack(k := {e}.key, v := {inner.value})" if mapped else inner.value
    listed = f"list_transform({items}, lambda {e}: {entry})"
    value = x if inner.same else f"map_from_entries({listed})" if mapped else listed
    if unique:
        value = f"CASE WHEN {unique} THEN {value} END"
    brisk = all_of([sure, f"NOT {unclear}"])
    shape = f"MAP(VARCHAR, {inner.shape})" if mapped else [inner.shape]
    return Wire(shape, value, sure, brisk, unclear, misfit, null, inner.same and not mapped,
                hidden_decimals=bool(inner.decimals) or inner.hidden_decimals)


def _map_of_nested(type_: Type, x: str, path: Sequence[str], look: Look) -> Wire:
    """Maps of structs, lists or maps: left to the exact form."""
    null = f"{x} IS NULL"
    return Wire("MAP(VARCHAR, JSON)", f"NULL::{type_.sql()}", null, "false", null, look.leaf(path, x), null, same=False)


def any_of(parts: Iterable[str | None]) -> str | None:
    known = [p for p in parts if p]
    return "(" + " OR ".join(known) + ")" if known else None


def all_of(parts: Iterable[str | None]) -> str | None:
    known = [p for p in parts if p]
    return "(" + " AND ".join(known) + ")" if known else None


def cast_type(shape: object) -> str | None:
    """The wire types as a type that JSON is cast to. None: fields of a struct may not differ by case alone, or be empty."""
    if isinstance(shape, list):
        item = cast_type(shape[0])
        return item and f"{item}[]"
    if not isinstance(shape, dict):
        return str(shape)
    fields = {key: cast_type(inner) for key, inner in shape.items()}
    if not fields or not all(fields) or not all(fields.values()) or len({key.lower() for key in fields}) < len(fields):
        return None
    return f"STRUCT({', '.join(f'{quote(key)} {type_}' for key, type_ in fields.items())})"


def structure(shape: object) -> str:
    return literal(json.dumps(shape, ensure_ascii=False))


def rest(known: Iterable[str], text: str = "r._t") -> str:
    """SQL of the members without a column, as JSON text, by a second parse of records that have some. Repeated keys stay. `text`: SQL of
    the object whose members they are."""
    keys = ", ".join(literal(k) for k in sorted(known)) or "NULL::VARCHAR"
    extra = f"len(list_filter(json_keys({text}), lambda k: k NOT IN ({keys})))" if known else f"len(json_keys({text}))"
    entries = f"map_entries(json_transform({text}, '\"MAP(VARCHAR, JSON)\"'))"
    kept = f"list_filter({entries}, lambda m: m.key NOT IN ({keys}))" if known else entries
    members = f"list_transform({kept}, lambda m: to_json(m.key)::VARCHAR || ':' || coalesce(m.value::VARCHAR, 'null'))"
    whole = f"'{{' || array_to_string({members}, ',') || '}}'"
    return f"CASE WHEN r._j0 IS NOT NULL THEN CASE WHEN {extra} > 0 THEN {whole} END END AS _rest"


REST_SURE = f"(r._rest IS NULL OR NOT regexp_matches(r._rest, {NOT_FINITE}))"
