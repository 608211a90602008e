"""`.servers [pattern]`: the statement SHOW SERVERS."""

from __future__ import annotations

from kshell.columns import literal
from kshell.shell.commands._arguments import like
from kshell.shell.context import Context

USAGE, COMPLETES = "[PATTERN]", ""
HELP = "servers of this process and their clients"


def run(context: Context, arguments: str) -> None:
    context.query("SHOW SERVERS" + (f" LIKE {literal(like(arguments.strip()))}" if arguments.strip() else ""))
