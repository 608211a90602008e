"""`.bail on|off`: end a script at its first error."""

from __future__ import annotations

from kshell.shell.commands._arguments import on_off
from kshell.shell.context import Context

USAGE, COMPLETES = "[on|off]", "onoff"
HELP = "end a script at its first error"


def run(context: Context, arguments: str) -> None:
    context.settings.bail = on_off(arguments, context.settings.bail, ".bail on|off")
    context.note(f".bail {'on' if context.settings.bail else 'off'}")
