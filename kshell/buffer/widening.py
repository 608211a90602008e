"""Which type a live column may take when the committed table has another one.

Invariant: a cast that this module allows keeps every value: the promotions of Iceberg v2 and added fields of structs, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

_NUMBERS = {("integer", "bigint"), ("float", "double")}


def widens(narrow: str, wide: str) -> bool:
    """True when every value of the DuckDB type `narrow` is the same value in `wide`."""
    return narrow == wide or _widens(duckdb.sqltype(narrow), duckdb.sqltype(wide))


def leaves(type_: str) -> int:
    """How many columns DuckDB stores for a type: a struct stores its fields, a list its offsets and its elements."""
    return _leaves(duckdb.sqltype(type_))


def _widens(narrow: Any, wide: Any) -> bool:
    if narrow == wide or (narrow.id, wide.id) in _NUMBERS:
        return True
    if narrow.id != wide.id or narrow.id not in ("decimal", "struct", "list", "map"):
        return False
    if narrow.id == "decimal":
        (_, p), (_, s) = narrow.children
        (_, wider_p), (_, same_s) = wide.children
        return bool(p <= wider_p and s == same_s)
    return _children_widen(narrow.children, wide.children)


def _children_widen(narrow: Sequence[tuple[str, Any]], wide: Sequence[tuple[str, Any]]) -> bool:
    """By name, as DuckDB casts structs; fields that only `wide` has become NULL."""
    by_name = dict(wide)
    return all(name in by_name and _widens(child, by_name[name]) for name, child in narrow)


def _leaves(kind: Any) -> int:
    if kind.id not in ("struct", "list", "map"):
        return 1
    return 1 + sum(_leaves(child) for _, child in kind.children)
