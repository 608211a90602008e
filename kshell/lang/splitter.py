"""Text into statements and dot commands.

Invariant: pieces are in order, do not overlap, and leave out only blanks, comments and the semicolons between them; each piece ends with
its last token. A dot command is a line of its own where no statement is open; the rest of its line is never read as SQL."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kshell.lang.tokens import plain_text, starts, token_end

_DOT_LINE = re.compile(r"^[ \t\ufeff]*(?P<command>[.\\](?=[A-Za-z?])[^\n]*)", re.MULTILINE)

# A line of words, numbers, simple strings and such operators as begin no comment: whatever it says, it is one piece, with nothing open.
_ONE_PIECE = re.compile(r"""[A-Za-z(](?:[\w(),.*=<>!:+% \t]++|(?<![\w&'])'[ -&(-:<-\[\]-~]*'(?!'))*+""", re.ASCII)
_DOT_START = re.compile(r"[.\\][A-Za-z?]")


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
    only = text.strip(" \t")
    if _ONE_PIECE.fullmatch(only):
        return [Piece(only, text.index(only), "sql", 1, ended=False)]     # a short query spends a tenth of its time on being split
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
            yield _place(chunk, begin, first, token_end(plain, last), True)
            first = None
    if found.open is not None:
        yield _place(chunk, begin, found.open if first is None else first, len(chunk.rstrip()), False)
    elif first is not None:
        yield _place(chunk, begin, first, token_end(plain, last), False)


def _place(chunk: str, begin: int, first: int, end: int, ended: bool) -> _Place:
    """A dot command may also follow a semicolon on its line; it then ends at the next one."""
    if _DOT_START.match(chunk, first, end) and "\n" not in chunk[first:end]:
        return begin + first, begin + end, "dot", True
    return begin + first, begin + end, "sql", ended
