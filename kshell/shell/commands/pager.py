"""`.pager on|off`: results larger than the screen go through the pager."""

from __future__ import annotations

from kshell.shell.commands._arguments import on_off
from kshell.shell.context import Context

USAGE, COMPLETES = "[on|off]", "onoff"
HELP = "what is larger than the screen goes to the pager"


def run(context: Context, arguments: str) -> None:
    context.settings.pager = on_off(arguments, context.settings.pager, ".pager on|off")
    context.note(f".pager {'on' if context.settings.pager else 'off'}")
