"""`.exit [code]`: leave, as Ctrl-D does."""

from __future__ import annotations

from kshell.shell.commands._arguments import number
from kshell.shell.context import Context

USAGE, COMPLETES = "[code]", ""
HELP = "leave; the exit code may be given"


def run(context: Context, arguments: str) -> None:
    context.leave(number(arguments, ".exit 3") if arguments else None)
