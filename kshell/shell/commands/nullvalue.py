"""`.nullvalue [text]`: what stands for NULL. Without a text each mode shows its own."""

from __future__ import annotations

from kshell.shell.commands._arguments import words
from kshell.shell.context import Context

USAGE, COMPLETES = "[TEXT]", ""
HELP = "the text that stands for NULL"


def run(context: Context, arguments: str) -> None:
    context.settings.nullvalue = " ".join(words(arguments)) if arguments else None
