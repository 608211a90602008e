"""format('%I.%I', schema, name): PostgreSQL's own way to put a name together, in DuckDB's printf.

Invariant: only a text with PostgreSQL's marks is taken; DuckDB's format has {} in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kshell.columns import literal
from kshell.engine import CATALOG_SCHEMA as SCHEMA
from kshell.lang.reader import string_value
from kshell.lang.tokens import Token
from kshell.query.rewrite import Edit
from kshell.serve.pgwire.compat import spans

_MARK = re.compile(r"%([sIL%])")
_QUOTED_BY = {"I": f"{SCHEMA}.quote_ident", "L": f"{SCHEMA}.quote_nullable"}


def of(found: Sequence[Token], at: int) -> Iterator[Edit]:
    """The edits of a call of format whose name stands at `at`."""
    if found[at].upper != "FORMAT" or not spans.opens(found, at + 1) or found[at + 2].kind != "string":
        return
    text = string_value(found[at + 2].text)
    marks = [mark for mark in _MARK.findall(text) if mark != "%"]
    arguments = spans.arguments(found, at + 1)[1:]
    if not marks or len(marks) != len(arguments):
        return
    yield Edit(found[at].start, found[at].end, "printf")
    yield Edit(found[at + 2].start, found[at + 2].end, literal(_MARK.sub(lambda mark: "%%" if mark[1] == "%" else "%s", text)))
    for mark, (begin, end) in zip(marks, arguments, strict=True):
        if mark in _QUOTED_BY:
            yield Edit(found[begin].start, found[begin].start, f"{_QUOTED_BY[mark]}(")
            yield Edit(found[end].end, found[end].end, ")")
