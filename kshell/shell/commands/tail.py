"""`.tail SOURCE ...`: the statement TAIL."""

from __future__ import annotations

from kshell.shell.commands._arguments import need
from kshell.shell.context import Context

USAGE, COMPLETES = "SOURCE", "source"
HELP = "rows as they arrive, until Ctrl-C"


def run(context: Context, arguments: str) -> None:
    context.query(f"TAIL {need(arguments, '.tail SOURCE')}")
