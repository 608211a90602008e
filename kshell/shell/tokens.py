"""Tokens of text that is still being typed, for colours, completion and the secret check.

Invariant: never raises, and the tokens with the gaps between them give back the text. A string, quoted name or comment that is not
closed yet runs to the end and says `open`. `duckdb.tokenize` cannot serve here: it drops the unfinished rest, where the cursor is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "quoted", "string", "number", "comment", "operator"]


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    start: int
    open: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def name(self) -> str:
        """An identifier without its quotes; a word as it is."""
        return self.text.strip('"').replace('""', '"') if self.kind == "quoted" else self.text


_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<string>[eExX]?'(?:[^']|'')*(?:'|\Z)|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?:(?P=tag)|\Z))
      | (?P<quoted>"(?:[^"]|"")*(?:"|\Z))
      | (?P<number>\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<operator>:=|::|->>|->|=>|<=|>=|<>|!=|\|\||\S)""",
    re.VERBOSE | re.DOTALL)


def tokens(text: str, *, comments: bool = False) -> list[Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup if match.lastgroup != "tag" else "string"
        if kind == "comment" and not comments:
            continue
        found.append(Token(kind, match.group(), match.start(), _is_open(kind, match.group())))  # type: ignore[arg-type]
    return found


def _is_open(kind: str | None, text: str) -> bool:
    if kind == "comment":
        return text.startswith("/*") and not (len(text) >= 4 and text.endswith("*/"))
    if kind == "quoted":
        return len(text) < 2 or text.count('"') % 2 == 1
    if kind != "string":
        return False
    if text.startswith("$"):
        tag = text[:text.index("$", 1) + 1]
        return len(text) < 2 * len(tag) or not text.endswith(tag)
    return text.count("'") % 2 == 1
