"""Words for people on standard error: notes, warnings, errors, footers.

Invariant: on a terminal a long line is broken between words; an excerpt with its caret, and whatever goes into a pipe, stays as it is."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

_EXCERPT = "  "


def say(line: str) -> None:
    """One message, which may have lines."""
    print(wrapped(line, columns()), file=sys.stderr, flush=True)


def columns() -> int:
    """Of the screen that messages go to; 0: it is none, or one that breaks no lines."""
    return shutil.get_terminal_size().columns if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else 0


def wrapped(text: str, most: int) -> str:
    """`most` columns; 0: no limit."""
    if most < 20:
        return text
    return "\n".join(line if line.startswith(_EXCERPT) or len(line) <= most else _broken(line, most) for line in text.split("\n"))


def _broken(line: str, most: int) -> str:
    # the middle dot of a footer begins the next line with its part, not alone
    return textwrap.fill(line.replace(" · ", " ·\xa0"), most, subsequent_indent=_EXCERPT, break_long_words=False,
                         break_on_hyphens=False).replace("\xa0", " ")
