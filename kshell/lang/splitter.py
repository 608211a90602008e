"""Text into statements and dot commands.

Invariant: pieces are in order, do not overlap, and leave out only blanks, comments and the semicolons between them; each piece ends with
its last token. A dot command is a line of its own where no statement is open; the rest of its line is never read as SQL."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kshell.lang.tokens import plain_text, skip_blank, starts, token_end

_DOT_LINE = re.compile(r"^[ \t\ufeff]*(?P<command>[.\\](?=[A-Za-z?])[^\n]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Piece:
    """`start` counts characters and `line` lines (from 1) of the whole text. `ended`: a semicolon follows, or it is a dot command."""

    text: str
    start: int
    kind: Literal["sql", "dot"]
    line: int
    ended: bool = True


def split(text: str) -> list[Piece]:
    """The pieces of a script, a line of the prompt, or a `-c` argument."""
    pieces: list[Piece] = []
    line, counted = 1, 0
    for start, end, kind, ended in _pieces(text):
        line += text.count("\n", counted, start)
        counted = start
        pieces.append(Piece(text[start:end], start, kind, line, ended))
    return pieces


def is_complete(text: str) -> bool:
    """Whether Enter submits: nothing is open at the end of the text."""
    pieces = split(text)
    return not pieces or pieces[-1].ended


_Place = tuple[int, int, Literal["sql", "dot"], bool]


def _pieces(text: str) -> Iterator[_Place]:
    position = 0
    while True:
        dot = _next_dot_line(text, position)
        yield from _statements(text, position, dot.start() if dot else len(text))
        if dot is None:
            return
        start = dot.start("command")
        yield start, start + len(dot.group("command").rstrip()), "dot", True
        position = dot.end()


def _next_dot_line(text: str, position: int) -> re.Match[str] | None:
    """The first line from `position` that is a dot command; what only looks like one inside a statement or a string is passed over."""
    lines = _DOT_LINE.finditer(text, position)
    first = next(lines, None)
    if first is None or _nothing_open(text[position:first.start()]):
        return first                            # the usual case, for which the rest of the text need not be read
    whole = starts(text[position:]).starts
    for line in lines:
        place = line.start("command") - position
        before = bisect_left(whole, place)
        begins = before < len(whole) and whole[before] == place
        if begins and (before == 0 or text[position + whole[before - 1]] == ";"):
            return line
    return None


def _nothing_open(text: str) -> bool:
    found = starts(text)
    return found.open is None and (not found.starts or text[found.starts[-1]] == ";")


def _statements(text: str, begin: int, end: int) -> Iterator[_Place]:
    chunk = text[begin:end]
    plain = plain_text(chunk)
    found = starts(chunk)
    first: int | None = None
    last = 0
    for start in found.starts:
        if plain[start] != ";":
            first, last = (start if first is None else first), start
        elif first is not None:
            yield begin + first, begin + token_end(plain, last), "sql", True
            first = None
    if found.open is not None:
        first, last = (found.open if first is None else first), found.open
        yield begin + first, begin + len(chunk.rstrip()), "sql", False
    elif first is not None:
        yield begin + first, begin + _end(plain, last), "sql", False


def _end(plain: str, last: int) -> int:
    end = token_end(plain, last)
    return end if skip_blank(plain, end) == len(plain) else len(plain.rstrip())
