"""Display width: how many columns of a terminal a text takes, by Unicode's East Asian Width (UAX 11).

Invariant: combining marks and format characters take none, wide and full-width characters two."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=8192)
def _char(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf") or unicodedata.combining(char):
        return 0
    if 0x1160 <= ord(char) <= 0x11FF:             # Hangul vowels and finals join the syllable before them
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_char, text))


def pad(text: str, to: int, *, right: bool = False) -> str:
    """Filled with blanks up to `to` columns."""
    blanks = " " * (to - width(text))
    return blanks + text if right else text + blanks


def cut(text: str, to: int) -> str:
    """At most `to` columns; a text that is longer ends in an ellipsis."""
    if width(text) <= to:
        return text
    kept, used = [], 0
    for char in text:
        used += _char(char)
        if used > to - 1:
            break
        kept.append(char)
    return "".join(kept) + "…"
