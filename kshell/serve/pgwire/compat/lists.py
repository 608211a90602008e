"""Lists as PostgreSQL writes them: '{r,v}', vectors that are text outside of an expression, functions in FROM that are one value.

Invariant: a list that is written in DuckDB's way is left as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kshell.columns import literal
from kshell.engine import CATALOG_SCHEMA as SCHEMA
from kshell.lang.reader import string_value
from kshell.lang.tokens import Token
from kshell.query.rewrite import Edit
from kshell.serve.pgwire.compat import spans
from kshell.serve.pgwire.types.literals import array

# also as I_INDOPTION, which is what pgjdbc calls it on the way
_VECTORS = ("indkey", "indoption", "indclass", "indcollation", "proargtypes")


def of(found: Sequence[Token], at: int, probe: bool) -> Iterator[Edit]:
    yield from _unnested(found, at, probe)
    yield from _listed(found, at)
    if probe and spans.name(found[at]).removeprefix("i_") in _VECTORS:
        yield from _vector(found, at)


def _vector(found: Sequence[Token], at: int) -> Iterator[Edit]:
    """int2vector and oidvector are text to clients, `1 2`. As an argument, cast or with a subscript (from 0 on) they are lists."""
    begin = spans.operand(found, at + 1)
    subscript = found[at + 1].text == "["
    if subscript or found[at + 1].text == "::" or (begin and found[begin - 1].text == "("):
        yield Edit(found[begin].start, found[begin].start, f"{SCHEMA}.kshell_vector(")
        yield Edit(found[at].end, found[at].end, ")")
        if subscript:
            yield Edit(found[at + 1].end, found[at + 1].end, "1 + ")


def _unnested(found: Sequence[Token], at: int, probe: bool) -> Iterator[Edit]:
    """A function in FROM whose alias is its one value, too: `FROM string_to_array(x, ',') s` reads `s[1]`, not `s.s[1]`."""
    word = found[at].upper
    series = word == "GENERATE_SERIES" and probe
    if not (series or word == "STRING_TO_ARRAY") or not spans.opens(found, at + 1) or not spans.in_from(found, at):
        return
    end = spans.closing(found, at + 1)
    named = end + 2 if found[end + 1].upper == "AS" else end + 1
    if not spans.is_alias(found, named) or spans.opens(found, named + 1):
        return
    alias = found[named].text
    if series:
        yield Edit(found[named].end, found[named].end, f"({alias})")
    else:
        yield Edit(found[at].start, found[at].start, "(SELECT ")
        yield Edit(found[end].end, found[named].end, f" AS {alias}) {alias}")


def _listed(found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`= ANY ('{r,v}')`, `'{1,2}'::int[]`: a list that is written as text."""
    token = found[at]
    if token.kind != "string" or not token.text.startswith("'{") or not (_quantified(found, at) or spans.is_cast_to_list(found, at + 1)):
        return
    try:
        items, depth = array(string_value(token.text), str)
    except ValueError:
        return
    if depth == 1:
        yield Edit(token.start, token.end, f"[{', '.join('NULL' if item is None else literal(item) for item in items)}]")


def _quantified(found: Sequence[Token], at: int) -> bool:
    return at > 1 and found[at - 1].text == "(" and found[at - 2].upper in ("ANY", "ALL", "SOME") and found[at + 1].text == ")"
