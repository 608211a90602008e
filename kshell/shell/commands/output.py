"""`.output [FILE]`: later results go to a file, in the mode of its extension; without a file back to the screen."""

from __future__ import annotations

from kshell.shell.context import Context

USAGE, COMPLETES = "[FILE]", "path"
HELP = "results go to a file; without one to the screen"


def run(context: Context, arguments: str) -> None:
    context.redirect(arguments.strip(), once=False)
