"""`.sinks [pattern]`: the statement SHOW SINKS."""

from __future__ import annotations

from kshell.columns import literal
from kshell.shell.commands._arguments import like
from kshell.shell.context import Context

USAGE, COMPLETES = "[PATTERN]", "sink"
HELP = "sinks and their last commit"


def run(context: Context, arguments: str) -> None:
    context.query("SHOW SINKS" + (f" LIKE {literal(like(arguments.strip()))}" if arguments.strip() else ""))
