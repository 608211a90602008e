"""`.open FILE`: attach a database file and look for tables there first. The buffer stays in memory."""

from __future__ import annotations

from pathlib import Path

from kshell.columns import literal, quote
from kshell.shell.commands._arguments import need, words
from kshell.shell.context import Context

USAGE, COMPLETES = "FILE", "path"
HELP = "attach a database file, look for tables there first"


def run(context: Context, arguments: str) -> None:
    path = Path(words(need(arguments, ".open FILE"))[0]).expanduser()
    name = "".join(c if c.isalnum() else "_" for c in path.stem) or "file"
    context.quietly(f"ATTACH {literal(str(path))} AS {quote(name)}")
    context.quietly(f"SET search_path = {literal(f'{name}.main,memory.main')}")
    context.note(f"{path} is attached as {name}")
