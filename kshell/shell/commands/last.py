"""`.last [mode|all]`: show the last result again, without running it."""

from __future__ import annotations

from kshell.shell.context import Context

USAGE, COMPLETES = "[MODE|all]", "mode"
HELP = "the last result in another mode, or all its rows"


def run(context: Context, arguments: str) -> None:
    context.show_last(arguments.strip().lower())
