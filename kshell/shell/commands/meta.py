"""`.meta on|off`: show the _kafka_ columns in tables, or fold them."""

from __future__ import annotations

from kshell.shell.commands._arguments import on_off
from kshell.shell.context import Context

USAGE, COMPLETES = "[on|off]", "onoff"
HELP = "show or fold the _kafka_ columns in tables"


def run(context: Context, arguments: str) -> None:
    context.settings.meta = on_off(arguments, context.settings.meta, ".meta on|off")
    context.note(f".meta {'on' if context.settings.meta else 'off'}")
