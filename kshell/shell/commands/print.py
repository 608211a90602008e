"""`.print TEXT`: a line of text among the rows."""

from __future__ import annotations

from kshell.shell.commands._arguments import words
from kshell.shell.context import Context

USAGE, COMPLETES = "TEXT", ""
HELP = "print a line"


def run(context: Context, arguments: str) -> None:
    context.print(" ".join(words(arguments)))
