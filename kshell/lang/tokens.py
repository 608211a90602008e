"""Tokens of SQL text: DuckDB's own tokenizer says where each begins, we say where it ends.

Invariant: offsets count characters of the text that was given, whatever its encoding; comments and blanks belong to no token.
`duckdb.tokenize` counts UTF-8 bytes and stops without a word at text it cannot read, such as a string that is never closed."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal, NamedTuple

import duckdb

Kind = Literal["word", "name", "string", "number", "op", "open", "end"]

_RESUMES = 1000                                 # a text with more unreadable tokens than this is taken as never closed

# What DuckDB reads as a blank outside quotes, what ends a C string, and the mark at the start of files from Windows. Each is one character,
# so that offsets stay; inside quotes the exchange does not matter, because only offsets are taken from the exchanged text.
_BLANKS = dict.fromkeys([0, 0xa0, *range(0x2000, 0x200c), 0x202f, 0x205f, 0x2060, 0x3000, 0xfeff], " ")
_BLANK = re.compile(r"\s+|--[^\r\n]*")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_WORD = r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*"
_TOKEN = re.compile(
    rf"""(?P<string>[eE]'(?:[^'\\]|\\.|'')*'
                  |(?:[xXbB]|[uU]&)?'[^']*(?:''[^']*)*'(?:[ \t\r\f\v]*\n\s*'[^']*(?:''[^']*)*')*
                  |\$(?P<tag>(?:{_WORD.replace("$", "")})?)\$.*?\$(?P=tag)\$)
       |(?P<name>(?:[uU]&)?"[^"]*(?:""[^"]*)*")
       |(?P<open>[eExXbB]?'|[uU]&['"]|"|/\*|\$(?:{_WORD.replace("$", "")})?\$)
       |(?P<number>(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
       |(?P<word>{_WORD})
       |(?P<op>\$\d+|::|:=|(?:(?!--|/\*)[-+*/<>=~!@\#%^&|`?])+|.)""",
    re.VERBOSE | re.DOTALL)


class Token(NamedTuple):
    """`open`: text that is never closed, up to the end; `end`: the place after the last token."""

    kind: Kind
    start: int
    end: int
    text: str

    @property
    def upper(self) -> str:
        """The keyword it may be; empty for anything quoted."""
        return self.text.upper() if self.kind == "word" else ""


class Starts(NamedTuple):
    """Where tokens begin. `open`: where text begins that is never closed, or None."""

    starts: list[int]
    open: int | None


def starts(text: str) -> Starts:
    """Token offsets of the whole text. Whatever stands after an unreadable token is still read."""
    plain = plain_text(text)
    found: list[int] = []
    base = 0
    for _ in range(_RESUMES):
        found += _tokenized(plain, base)
        end = skip_blank(plain, token_end(plain, found[-1]) if found and found[-1] >= base else base)
        if end == len(plain):
            return Starts(found, None)
        stuck = _TOKEN.match(plain, end)
        if stuck is None or stuck.lastgroup == "open":
            break
        found.append(end)
        base = stuck.end()
    return Starts(found, end)


def tokens(text: str) -> list[Token]:
    """All tokens, ended by one of kind `end`."""
    found, opened = starts(text)
    plain = plain_text(text)
    result = []
    for start, after in pairwise([*found, len(text)]):
        match = _TOKEN.match(plain, start)
        end = min(match.end(), after) if match else after
        result.append(Token(_kind(match), start, end, text[start:end]))
    if opened is not None:
        result.append(Token("open", opened, len(text), text[opened:]))
    last = result[-1].end if result else 0
    return [*result, Token("end", last, last, "")]


def _kind(match: re.Match[str] | None) -> Kind:
    if match is None:
        return "op"
    for kind in ("string", "name", "number", "word"):
        if match.group(kind) is not None:
            return kind
    return "op"


def naming(text: str, name: str, start: int = 0, end: int | None = None) -> Token | None:
    """The first token from `start` to `end` that stands for the name, quoted or not."""
    wanted, end = name.lower(), len(text) if end is None else end
    for token in tokens(text):
        value = token.text[1:-1] if token.kind in ("name", "string") else token.text
        if start <= token.start < end and value.lower() == wanted:
            return token
    return None


def leading_words(text: str, most: int) -> tuple[str, ...]:
    """The unquoted words at the start, in capitals, up to the first token that is none. Cheap: only these are read."""
    plain = plain_text(text[:2000])
    words: list[str] = []
    position = skip_blank(plain, 0)
    while len(words) < most:
        match = _TOKEN.match(plain, position)
        if match is None or match.lastgroup != "word":
            break
        words.append(match.group().upper())
        position = skip_blank(plain, match.end())
    return tuple(words)


def plain_text(text: str) -> str:
    """The text with odd blanks as spaces and unpaired surrogates as `?`, character by character."""
    if text.isascii() and "\0" not in text:
        return text
    return text.translate(_BLANKS).encode("utf-8", "replace").decode()


def token_end(plain: str, start: int) -> int:
    match = _TOKEN.match(plain, start)
    return match.end() if match else len(plain)


def skip_blank(text: str, position: int) -> int:
    """The next place that is neither blank nor comment. A comment that is never closed is not skipped."""
    while True:
        blank = _BLANK.match(text, position)
        if blank:
            position = blank.end()
        elif text.startswith("/*", position):
            end = _comment_end(text, position)
            if end is None:
                return position
            position = end
        else:
            return position


def _comment_end(text: str, position: int) -> int | None:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, position):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return None


def _tokenized(plain: str, base: int) -> list[int]:
    """Offsets in characters of what DuckDB finds from `base` on."""
    rest = plain[base:]
    offsets = [offset for offset, _ in duckdb.tokenize(rest)]
    if rest.isascii():
        return [base + offset for offset in offsets]
    data = rest.encode()
    result, at, before = [], base, 0
    for offset in offsets:
        at += len(data[before:offset].decode())
        before = offset
        result.append(at)
    return result
