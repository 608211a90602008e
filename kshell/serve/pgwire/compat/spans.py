"""Places in a statement's tokens: what a parenthesis closes, where the operand of a cast begins, which clause a token stands in.

Invariant: every answer is an index into the tokens that `padded` gave, and so are the few places after it that a rule looks at."""

from __future__ import annotations

from collections.abc import Sequence

from kshell.lang.reader import RESERVED
from kshell.lang.tokens import Token, tokens

_CLOSES = {")": "(", "]": "["}
_AHEAD = 8
_FROM = ("FROM", "JOIN")
_CLAUSES = ("SELECT", "WHERE", "ON", "HAVING", "BY", "VALUES", "LIMIT", "OFFSET", "SET", "WHEN", "THEN", "ELSE", "AND", "OR",
            "QUALIFY", "RETURNING")


def padded(text: str) -> list[Token]:
    """The tokens of a text, with more of kind `end` after them than any rule looks ahead."""
    found = tokens(text)
    return found + [found[-1]] * _AHEAD


def name(token: Token) -> str:
    """What a token names, in lower case: quoted or not."""
    if token.kind == "name":
        return token.text[1:-1].lower()
    return token.text.lower() if token.kind == "word" else ""


def is_dot(found: Sequence[Token], at: int) -> bool:
    return at >= 0 and found[at].kind == "op" and found[at].text == "."


def opens(found: Sequence[Token], at: int) -> bool:
    return found[at].kind == "op" and found[at].text == "("


def is_alias(found: Sequence[Token], at: int) -> bool:
    return found[at].kind == "name" or (found[at].kind == "word" and found[at].upper not in RESERVED)


def is_text(found: Sequence[Token], at: int) -> bool:
    """A string or a parameter."""
    token = found[at]
    return token.kind == "string" or token.text == "?" or (token.kind == "op" and token.text[:1] == "$")


def is_type(found: Sequence[Token], at: int) -> bool:
    """After `::`, or after AS at the end of CAST(... AS type)."""
    before = found[at - 1] if at else None
    return before is not None and (before.text == "::" or before.upper == "AS")


def is_cast_to_list(found: Sequence[Token], at: int) -> bool:
    """`::int[]`, `::pg_catalog.text[]`"""
    named = at + 3 if is_dot(found, at + 2) else at + 1
    return found[at].text == "::" and found[named + 1].text == "[" and found[named + 2].text == "]"


def closing(found: Sequence[Token], at: int) -> int:
    """The parenthesis that closes the one at `at`; the end of the text where there is none."""
    depth = 0
    for index in range(at, len(found)):
        if found[index].kind == "op" and found[index].text in "()":
            depth += 1 if found[index].text == "(" else -1
            if depth == 0:
                return index
    return len(found) - 1 - _AHEAD


def opening(found: Sequence[Token], at: int) -> int:
    """The bracket that the one at `at` closes."""
    close, open_ = found[at].text, _CLOSES[found[at].text]
    depth = 0
    for index in range(at, -1, -1):
        if found[index].kind == "op" and found[index].text in (close, open_):
            depth += 1 if found[index].text == close else -1
            if depth == 0:
                return index
    return 0


def arguments(found: Sequence[Token], at: int) -> list[tuple[int, int]]:
    """The first and last token of each argument of the call whose parenthesis opens at `at`."""
    end, depth, begin = closing(found, at), 0, at + 1
    parts: list[tuple[int, int]] = []
    for index in range(at + 1, end + 1):
        text = found[index].text if found[index].kind == "op" else ""
        if (text == "," and depth == 0) or index == end:
            parts += [(begin, index - 1)] if index > begin else []
            begin = index + 1
        depth += (text in ("(", "[")) - (text in (")", "]"))
    return parts


def operand(found: Sequence[Token], end: int) -> int:
    """Where the expression begins that ends before `end`: a literal, a name with its dots, a call, a list, with casts of its own."""
    at = end - 1
    while at > 0 and found[at].kind == "op" and found[at].text in _CLOSES:
        at = opening(found, at)
        if at == 0 or not _called(found, at):
            break
        at -= 1
    while at > 1 and is_dot(found, at - 1):
        at -= 2
    return operand(found, at - 1) if at > 1 and found[at - 1].text == "::" else at


def _called(found: Sequence[Token], at: int) -> bool:
    """Whether a name or another bracket stands right before this one."""
    before = found[at - 1]
    reserved = before.kind == "word" and before.upper in RESERVED - {"ARRAY", "CAST"}
    return (before.kind in ("word", "name") and not reserved) or (found[at].text == "[" and before.text in _CLOSES)


def in_from(found: Sequence[Token], at: int) -> bool:
    """Whether a call at `at` is a table of FROM, rather than an expression."""
    depth = 0
    for index in range(at - 1, -1, -1):
        token = found[index]
        if token.kind == "op" and token.text in ("(", ")"):
            depth += 1 if token.text == ")" else -1
            if depth < 0:
                return False
        elif depth == 0 and token.upper in _FROM:
            return True
        elif depth == 0 and token.upper in _CLAUSES:
            return False
    return False
