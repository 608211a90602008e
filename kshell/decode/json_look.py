"""SQL that finds the records with members beside the columns: keys of the record, of structs, of list elements and of map values.

Invariant: a record with a member that no column holds is found, unless that member is known to decide nothing (null, {} or []) or to
get no column. Costs one more parse; records that are known to be regular are spared it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from kshell.columns import Column, literal
from kshell.decode.json_sql import any_of
from kshell.decode.types import Type


class Each(Enum):
    """A step to all that a list or a map holds, as DuckDB's paths spell it."""

    ELEMENT = "[*]"
    VALUE = ".*"


Path = tuple[str | Each, ...]                 # a key, or each of several


@dataclass(frozen=True, slots=True)
class Node:
    """A place where an object stands whose members are columns, or fields of one."""

    path: Path
    known: frozenset[str]
    steps: str                                # the path as DuckDB spells it; empty: it cannot be spelled


def nodes(columns: Sequence[Column], types: Sequence[Type], ignored: Iterable[Path]) -> list[Node]:
    """The record itself first. `ignored`: paths that get no column."""
    places: dict[Path, tuple[set[str], str]] = {(): ({c.source_path[0] for c in columns}, "$")}
    for column, type_ in zip(columns, types, strict=True):
        steps = "$"
        for key in column.source_path:
            steps = _step(steps, key)
        _below(type_, column.source_path, steps, places)
    for path in ignored:
        if path[:-1] in places and isinstance(path[-1], str):
            places[path[:-1]][0].add(path[-1])
    return [Node(path, frozenset(known), steps) for path, (known, steps) in places.items()]


def _below(type_: Type, path: Path, steps: str, places: dict[Path, tuple[set[str], str]]) -> None:
    if type_.kind == "STRUCT":
        places[path] = ({type_.key_of(name) for name, _ in type_.fields}, steps)
        for name, inner in type_.fields:
            key = type_.key_of(name)
            _below(inner, (*path, key), _step(steps, key), places)
    elif type_.fields:
        each = each_of(type_)
        _below(type_.item, (*path, each), _step(steps, each), places)


def each_of(type_: Type) -> Each:
    return Each.ELEMENT if type_.kind == "LIST" else Each.VALUE


def _step(steps: str, step: str | Each) -> str:
    if isinstance(step, Each):
        return steps and steps + step.value
    return f'{steps}."{step}"' if steps and step and not any(c in step for c in '"\\*\0') else ""


def spelled(path: Path) -> str:
    """As DuckDB spells it; empty: it cannot be."""
    steps = "$"
    for step in path:
        steps = _step(steps, step)
    return steps


def look(batch: str, places: Sequence[Node], undecided: Iterable[Path], *, careful: bool) -> str:
    """A SELECT of (_index, the keys that are beside the columns as text) over `decode.with_text`."""
    text = "CASE WHEN json_valid(_t) THEN _t END" if careful else "_t"
    strange = [_beside(node) for node in places]
    found = [*(f"len({keys}) > 0" for keys in strange), *map(_decides, undecided)]
    where = any_of(f"coalesce({condition}, false)" for condition in found)
    keyed = f"SELECT *, json_keys(r._t) AS _keys FROM (SELECT _index, {text} AS _t FROM {batch}) r"
    return f"SELECT _index, [{', '.join(strange)}]::VARCHAR FROM ({keyed}) r WHERE {where}"


def strays(places: Sequence[Node]) -> str:
    """SQL: a member without a column stands at one of these places of `r._t`, none of which is the record itself."""
    return any_of(f"coalesce(len({_beside(node)}) > 0, false)" for node in places) or "false"


def count(batch: str, places: Sequence[Node], value: str = "value") -> str | None:
    """A SELECT of the number of members at these places that have no column; in lists and maps each key once. None: there is no place.
    `value`: SQL of the record."""
    beside = [f"coalesce(len({_beside(node)}), 0)" for node in places if node.steps]
    if not beside:
        return None
    text = f"SELECT TRY_CAST(try(decode({value})) AS JSON) AS _t FROM {batch}"
    return f"SELECT coalesce(sum({' + '.join(beside)}), 0) FROM (SELECT *, json_keys(r._t) AS _keys FROM ({text}) r) r"


def _beside(node: Node) -> str:
    """The keys there that are not known, as a list."""
    if not node.steps:
        return "['?']"                        # DuckDB's paths cannot lead there: such records are looked at one by one
    keys = f"json_keys(r._t, {literal(node.steps)})" if node.path else "r._keys"
    if "*" in node.steps:
        keys = f"list_distinct(flatten({keys}))"
    names = ", ".join(map(_text, sorted(node.known)))
    return f"list_filter({keys}, lambda k: k NOT IN ({names}))" if names else keys


def _text(key: str) -> str:
    """A literal; text of SQL cannot hold the character 0."""
    return f"({' || chr(0) || '.join(map(literal, key.split(chr(0))))})" if "\0" in key else literal(key)


def _decides(path: Path) -> str:
    """SQL: something stands at the path that decides a type."""
    steps = spelled(path)
    if not steps:
        return "true"
    value = f"json_extract(r._t, {literal(steps)})"
    nothing = "('null', '{}', '[]')"
    if "*" in steps:
        return f"len(list_filter({value}, lambda v: v::VARCHAR NOT IN {nothing})) > 0"
    return f"{value}::VARCHAR NOT IN {nothing}"
