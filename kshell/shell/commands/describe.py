"""`.describe [name]`: columns of a table, a view or a source; without a name all of them. psql's \\d."""

from __future__ import annotations

from kshell.shell.commands import tables
from kshell.shell.context import Context

USAGE, COMPLETES = "[TABLE]", "table"
HELP = "columns of a table, or all tables"


def run(context: Context, arguments: str) -> None:
    name = arguments.strip()
    if name:
        context.query(f"SELECT column_name, column_type FROM (DESCRIBE FROM {name})")
    else:
        tables.run(context, "")
