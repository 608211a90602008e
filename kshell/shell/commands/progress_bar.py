"""`.progress_bar on|off`: progress of a statement that takes more than a second."""

from __future__ import annotations

from kshell.shell.commands._arguments import on_off
from kshell.shell.context import Context

USAGE, COMPLETES = "[on|off]", "onoff"
HELP = "progress of what takes more than a second"


def run(context: Context, arguments: str) -> None:
    context.settings.progress_bar = on_off(arguments, context.settings.progress_bar, ".progress_bar on|off")
    context.note(f".progress_bar {'on' if context.settings.progress_bar else 'off'}")
