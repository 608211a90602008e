"""`.log FILE|on|off`: what runs from here on, how long it takes and how it ends, appended to a file."""

from __future__ import annotations

from pathlib import Path

from kshell.shell import journal
from kshell.shell.commands._arguments import need, words
from kshell.shell.context import Context

USAGE, COMPLETES = "FILE|on|off", "path"
HELP = "what runs and how it ends, appended to a file"


def run(context: Context, arguments: str) -> None:
    wish = words(need(arguments, f".log {USAGE}"))[0]
    if wish.lower() == "off":
        context.journal = None
        context.note("log off")
        return
    path = journal.default_path() if wish.lower() == "on" else Path(wish).expanduser()
    opened = journal.Journal(path)
    opened.open()
    context.journal = opened
    context.note(f"log: {path}")
