"""`.once FILE` or `.once | COMMAND`: the next result goes there."""

from __future__ import annotations

from kshell.shell.commands._arguments import need
from kshell.shell.context import Context

USAGE, COMPLETES = "FILE | '|' COMMAND", "path"
HELP = "the next result goes to a file or a command"


def run(context: Context, arguments: str) -> None:
    context.redirect(need(arguments, ".once FILE"), once=True)
