"""`.schema [pattern]`: the CREATE statements of tables, views and macros, sources and sinks among them."""

from __future__ import annotations

from kshell.columns import literal
from kshell.shell.commands._arguments import like
from kshell.shell.context import Context
from kshell.shell.definitions import created, user_objects

USAGE, COMPLETES = "[PATTERN]", "table"
HELP = "statements that make tables, views, sources, sinks"


def run(context: Context, arguments: str) -> None:
    pattern = f"name ILIKE {literal(like(arguments.strip()))}" if arguments.strip() else "true"
    for text in [*created(context, arguments.strip()), *user_objects(context, pattern)]:
        context.print(text)
