"""`.highlight on|off`: colours in the line being typed."""

from __future__ import annotations

from kshell.shell.commands._arguments import on_off
from kshell.shell.context import Context

USAGE, COMPLETES = "[on|off]", "onoff"
HELP = "colours in the line being typed"


def run(context: Context, arguments: str) -> None:
    context.settings.highlight = on_off(arguments, context.settings.highlight, ".highlight on|off")
    context.note(f".highlight {'on' if context.settings.highlight else 'off'}")
