"""Texts whose place is marked: `SELECT «x»` is the text `SELECT x` with a place of one character at 7."""

from __future__ import annotations

from typing import NamedTuple

from kshell.errors import Error


class Marked(NamedTuple):
    text: str
    position: int
    length: int


def unmark(marked: str) -> Marked:
    """An empty mark `«»` is a place of one character, where something is missing."""
    before, _, rest = marked.partition("«")
    inside, _, after = rest.partition("»")
    return Marked(before + inside + after, len(before), max(1, len(inside)))


def mark(text: str, error: Error) -> str:
    """The text with the error's place marked, so that a failing test shows both."""
    if error.position is None:
        return text
    end = min(error.position + error.length, len(text))
    return f"{text[:error.position]}«{text[error.position:end]}»{text[end:]}"
