"""`.timer on|off`: seconds after each statement."""

from __future__ import annotations

from kshell.shell.commands._arguments import on_off
from kshell.shell.context import Context

USAGE, COMPLETES = "[on|off]", "onoff"
HELP = "seconds after each statement"


def run(context: Context, arguments: str) -> None:
    context.settings.timer = on_off(arguments, context.settings.timer, ".timer on|off")
    context.note(f".timer {'on' if context.settings.timer else 'off'}")
