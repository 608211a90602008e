"""Patterns as PostgreSQL reads them: ~ finds one anywhere, and a backslash in LIKE escapes what follows.

Invariant: only a look at the catalog is read so; in a user's query ~ and LIKE are DuckDB's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kshell.lang.tokens import Token
from kshell.query.rewrite import Edit
from kshell.serve.pgwire.compat import spans

_ANYWHERE = {"~": "~@", "!~": "!~@"}


def of(found: Sequence[Token], at: int, taken: set[int], probe: bool) -> Iterator[Edit]:
    yield from _operator(found, at, taken, probe)
    if probe and found[at].upper in ("LIKE", "ILIKE"):
        yield from _escaping(found, at)


def _escaping(found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`LIKE 'my\\_table'`, also with a parameter, a cast or a call; not where an ESCAPE is written, or the pattern is put together."""
    end = at + 1
    if found[end].kind in ("word", "name"):
        while spans.is_dot(found, end + 1):
            end += 2
        if not spans.opens(found, end + 1):
            return
        end = spans.closing(found, end + 1)
    elif not spans.is_text(found, end):
        return
    while found[end + 1].text == "::":
        end += 4 if spans.is_dot(found, end + 3) else 2
    if found[end + 1].upper != "ESCAPE" and found[end + 1].text != "||":
        yield Edit(found[end].end, found[end].end, " ESCAPE '\\'")


def _operator(found: Sequence[Token], at: int, taken: set[int], probe: bool) -> Iterator[Edit]:
    """OPERATOR(pg_catalog.~) anywhere; a bare ~ only in a look at the catalog, because in a user's query it is DuckDB's."""
    token = found[at]
    if token.upper == "OPERATOR" and spans.opens(found, at + 1):
        end = spans.closing(found, at + 1)
        symbol = found[end - 1].text
        yield Edit(token.start, found[end].end, f" {_ANYWHERE.get(symbol, symbol)} ")
        taken.update(range(at, end + 1))
    elif probe and token.kind == "op" and token.text in _ANYWHERE:
        yield Edit(token.start, token.end, _ANYWHERE[token.text])
