"""`.queries`: the saved queries and what they say about themselves."""

from __future__ import annotations

from kshell.shell import queries
from kshell.shell.context import Context

USAGE, COMPLETES = "", ""
HELP = "saved queries"


def run(context: Context, arguments: str) -> None:
    found = queries.found()
    width = max((len(name) for name in found), default=0)
    for name, path in sorted(found.items()):
        context.print(f"{name:<{width}}  {queries.summary(path)}")
    if not found:
        context.note("no query is saved; .save NAME keeps the last one")
