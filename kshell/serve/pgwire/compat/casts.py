"""Casts to the types that look a name up: regclass, regtype, regnamespace, regproc, regrole.

Invariant: text that is written or given as a parameter becomes a number, since clients compare it with one; a column of numbers becomes
the name, since that is what they print. `::oid` after it makes it a number in either case. A list of OIDs is one of UINTEGER, the list that
goes to clients as oid[]: asyncpg reads it before it knows other arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kshell.engine import CATALOG_SCHEMA as SCHEMA
from kshell.lang.tokens import Token
from kshell.query.rewrite import Edit
from kshell.serve.pgwire.compat import spans

_LOOKUPS = {"regclass": "kshell_regclass", "regtype": "kshell_regtype", "regnamespace": "kshell_regnamespace", "regproc": "kshell_regproc",
            "regprocedure": "kshell_regproc", "regrole": "kshell_regrole"}
_NUMBERS = ("oid", "int4", "int8", "int", "integer", "bigint")


def of(found: Sequence[Token], at: int, taken: set[int]) -> Iterator[Edit]:
    """The edits of a cast whose `::` or CAST stands at `at`."""
    if found[at].text == "::":
        yield from _colons(found, at, taken)
    elif found[at].upper == "CAST" and spans.opens(found, at + 1):
        yield from _written(found, at, taken)


def _colons(found: Sequence[Token], at: int, taken: set[int]) -> Iterator[Edit]:
    named = _type_at(found, at + 1)
    if spans.name(found[named]) == "oid" and [t.text for t in found[named + 1:named + 3]] == ["[", "]"]:
        yield Edit(found[at + 1].start, found[named + 2].end, "UINTEGER[]")
        taken.update(range(at, named + 3))
        return
    lookup = _LOOKUPS.get(spans.name(found[named]))
    if lookup is None:
        return
    if found[named + 1].text == "[":
        yield from _list(found, at, named, taken)
        return
    begin = spans.operand(found, at)
    number = spans.is_text(found, begin) or _becomes_number(found, named + 1) or _compared(found, named + 1)
    yield Edit(found[begin].start, found[begin].start, f"{SCHEMA}.{lookup if number else lookup + '_name'}(")
    yield Edit(found[at].start, found[named].end, ")")
    taken.update(range(at, named + 1))


def _list(found: Sequence[Token], at: int, named: int, taken: set[int]) -> Iterator[Edit]:
    """x::regtype[], the arguments of a function"""
    if spans.name(found[named]) == "regtype" and found[named + 2].text == "]":
        begin = spans.operand(found, at)
        yield Edit(found[begin].start, found[begin].start, f"{SCHEMA}.kshell_regtype_names(")
        yield Edit(found[at].start, found[named + 2].end, ")")
        taken.update(range(at, named + 3))


def _written(found: Sequence[Token], at: int, taken: set[int]) -> Iterator[Edit]:
    """CAST(x AS regclass)"""
    close = spans.closing(found, at + 1)
    lookup = _LOOKUPS.get(spans.name(found[close - 1]))
    as_ = close - 4 if spans.is_dot(found, close - 2) else close - 2
    if lookup is None or found[as_].upper != "AS":
        return
    within = found[close + 1].upper == "AS" and spans.name(found[_type_at(found, close + 2)]) in _NUMBERS
    number = spans.is_text(found, at + 2) or within or _becomes_number(found, close + 1)
    yield Edit(found[at].start, found[at].end, f"{SCHEMA}.{lookup if number else lookup + '_name'}")
    yield Edit(found[as_].start, found[close].start, "")
    taken.update({at, *range(as_, close)})


def _becomes_number(found: Sequence[Token], at: int) -> bool:
    return found[at].text == "::" and spans.name(found[_type_at(found, at + 1)]) in _NUMBERS


def _compared(found: Sequence[Token], at: int) -> bool:
    """`prorettype::regtype <> 'trigger'::regtype`: with text that becomes a number."""
    return (found[at].text in ("=", "<>", "!=") and spans.is_text(found, at + 1) and found[at + 2].text == "::"
            and spans.name(found[_type_at(found, at + 3)]) in _LOOKUPS)


def _type_at(found: Sequence[Token], at: int) -> int:
    """The name of a type, after its schema if it has one."""
    return at + 2 if spans.is_dot(found, at + 1) else at
