"""`.history [n] [/pattern/]`: statements typed before, the newest last."""

from __future__ import annotations

import re

from kshell.errors import BadValueError, RefusedError
from kshell.shell.context import Context

USAGE, COMPLETES = "[N] [/PATTERN/]", ""
HELP = "statements typed before"


def run(context: Context, arguments: str) -> None:
    if context.history is None:
        raise RefusedError("a script has no history")
    count, pattern = _read(arguments)
    found = [e for e in context.history.entries() if pattern.search(e)]
    for entry in found[-count:]:
        context.print(entry)


def _read(arguments: str) -> tuple[int, re.Pattern[str]]:
    match = re.fullmatch(r"(\d+)?\s*(?:/(.*)/)?", arguments.strip())
    if not match:
        raise BadValueError(f"{arguments} is neither a count nor a /pattern/", hint="write .history 20 /count/")
    try:
        return int(match[1] or 20), re.compile(match[2] or "", re.IGNORECASE)
    except re.error as e:
        raise BadValueError(f"the pattern does not read: {e}") from None
