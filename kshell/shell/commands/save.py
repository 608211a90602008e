"""`.save NAME`: keep the last query under a name."""

from __future__ import annotations

from kshell.errors import NotFoundError
from kshell.shell import queries
from kshell.shell.commands._arguments import need, words
from kshell.shell.context import Context

USAGE, COMPLETES = "NAME", ""
HELP = "keep the last query under a name"


def run(context: Context, arguments: str) -> None:
    name = words(need(arguments, ".save NAME"))[0]
    if not context.last_query:
        raise NotFoundError("there is no query to save", hint="run it first")
    context.note(f"wrote {queries.save(name, context.last_query)}")
