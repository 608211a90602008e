"""`.dump [FILE]`: all definitions as a script that restores them; secrets as getenv()."""

from __future__ import annotations

from pathlib import Path

from kshell.errors import RefusedError
from kshell.shell.commands._arguments import words
from kshell.shell.context import Context
from kshell.shell.definitions import created, user_objects

USAGE, COMPLETES = "[FILE]", "path"
HELP = "all definitions as a script"


def run(context: Context, arguments: str) -> None:
    text = "\n".join([*created(context, ""), *user_objects(context, "true")])
    if not arguments:
        context.print(text)
        return
    path = Path(words(arguments)[0]).expanduser()
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as e:
        raise RefusedError(f"{path}: {e.strerror}") from None
    context.note(f"wrote {path}")
