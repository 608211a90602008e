"""`.topics [pattern]`: the statement SHOW TOPICS."""

from __future__ import annotations

from kshell.columns import literal
from kshell.shell.commands._arguments import like
from kshell.shell.context import Context

USAGE, COMPLETES = "[PATTERN]", "topic"
HELP = "topics of the cluster"


def run(context: Context, arguments: str) -> None:
    context.query("SHOW TOPICS" + (f" LIKE {literal(like(arguments.strip()))}" if arguments.strip() else ""))
