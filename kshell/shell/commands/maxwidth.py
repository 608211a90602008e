"""`.maxwidth [n]`: columns of the screen that a table may take; 0 takes the terminal's width."""

from __future__ import annotations

from kshell.shell.commands._arguments import number
from kshell.shell.context import Context

USAGE, COMPLETES = "[N]", ""
HELP = "width of a table; 0: that of the terminal"


def run(context: Context, arguments: str) -> None:
    if arguments:
        context.settings.maxwidth = number(arguments, ".maxwidth 120")
    context.note(f"maxwidth {context.settings.maxwidth}")
