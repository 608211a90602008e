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
    columns = shutil.get_terminal_size().columns if _wraps() else 0
    print(wrapped(line, columns), file=sys.stderr, flush=True)


def _wraps() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def wrapped(text: str, columns: int) -> str:
    """`columns` 0: no limit."""
    if columns < 20:
        return text
    return "\n".join(line if line.startswith(_EXCERPT) or len(line) <= columns else _broken(line, columns) for line in text.split("\n"))


def _broken(line: str, columns: int) -> str:
    # the middle dot of a footer begins the next line with its part, not alone
    return textwrap.fill(line.replace(" · ", " ·\xa0"), columns, subsequent_indent=_EXCERPT, break_long_words=False,
                         break_on_hyphens=False).replace("\xa0", " ")
