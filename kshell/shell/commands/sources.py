"""`.sources [pattern]`: the statement SHOW SOURCES."""

from __future__ import annotations

from kshell.columns import literal
from kshell.shell.commands._arguments import like
from kshell.shell.context import Context

USAGE, COMPLETES = "[PATTERN]", "source"
HELP = "sources and how they read"


def run(context: Context, arguments: str) -> None:
    context.query("SHOW SOURCES" + (f" LIKE {literal(like(arguments.strip()))}" if arguments.strip() else ""))
