"""`.maxrows [n]`: rows that a table shows before it leaves out its middle; 0 shows all."""

from __future__ import annotations

from kshell.shell.commands._arguments import number
from kshell.shell.context import Context

USAGE, COMPLETES = "[N]", ""
HELP = "rows of a table before its middle is left out"


def run(context: Context, arguments: str) -> None:
    if arguments:
        context.settings.maxrows = number(arguments, ".maxrows 40")
    context.note(f"maxrows {context.settings.maxrows}")
