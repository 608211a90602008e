"""`.headers on|off`: column names above rows."""

from __future__ import annotations

from kshell.shell.commands._arguments import on_off
from kshell.shell.context import Context

USAGE, COMPLETES = "[on|off]", "onoff"
HELP = "column names above rows"


def run(context: Context, arguments: str) -> None:
    context.settings.headers = on_off(arguments, context.settings.headers, ".headers on|off")
    context.note(f".headers {'on' if context.settings.headers else 'off'}")
