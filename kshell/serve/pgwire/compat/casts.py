"""Casts to the types that look a name up: regclass, regtype, regnamespace, regproc, regrole.

Invariant: text that is written or given as a parameter becomes a number, since clients compare it with one; a column of numbers becomes
the name, since that is what they print. `::oid` after it makes it a number in either case. A list of OIDs is one of UINTEGER, the list that
goes to clients as oid[]: asyncpg reads it before it knows other arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kshell.lang.tokens import Token
from kshell.query.rewrite import Edit
from kshell.serve.pgwire.compat import spans
from kshell.serve.pgwire.compat.installed import SCHEMA

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
    if lookup is None or found[named + 1].text == "[":
        return
    begin = spans.operand(found, at)
    number = _is_text(found, begin) or (found[named + 1].text == "::" and spans.name(found[_type_at(found, named + 2)]) in _NUMBERS)
    yield Edit(found[begin].start, found[begin].start, f"{SCHEMA}.{lookup if number else lookup + '_name'}(")
    yield Edit(found[at].start, found[named].end, ")")
    taken.update(range(at, named + 1))


def _written(found: Sequence[Token], at: int, taken: set[int]) -> Iterator[Edit]:
    """CAST(x AS regclass)"""
    close = spans.closing(found, at + 1)
    lookup = _LOOKUPS.get(spans.name(found[close - 1]))
    as_ = close - 4 if spans.is_dot(found, close - 2) else close - 2
    if lookup is None or found[as_].upper != "AS":
        return
    number = _is_text(found, at + 2)
    yield Edit(found[at].start, found[at].end, f"{SCHEMA}.{lookup if number else lookup + '_name'}")
    yield Edit(found[as_].start, found[close].start, "")
    taken.update({at, *range(as_, close)})


def _type_at(found: Sequence[Token], at: int) -> int:
    """The name of a type, after its schema if it has one."""
    return min(at + 2 if spans.is_dot(found, at + 1) else at, len(found) - 1)


def _is_text(found: Sequence[Token], at: int) -> bool:
    token = found[at]
    return token.kind == "string" or token.text == "?" or (token.kind == "op" and token.text[:1] == "$")
