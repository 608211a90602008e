"""`.echo on|off`: show the statements of a script before they run."""

from __future__ import annotations

from kshell.shell.commands._arguments import on_off
from kshell.shell.context import Context

USAGE, COMPLETES = "[on|off]", "onoff"
HELP = "show the statements of a script as they run"


def run(context: Context, arguments: str) -> None:
    context.settings.echo = on_off(arguments, context.settings.echo, ".echo on|off")
    context.note(f".echo {'on' if context.settings.echo else 'off'}")
