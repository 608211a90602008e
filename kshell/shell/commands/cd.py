"""`.cd [folder]`: where relative paths start. Without a folder: home."""

from __future__ import annotations

import os
from pathlib import Path

from kshell.errors import NotFoundError
from kshell.shell.commands._arguments import words
from kshell.shell.context import Context

USAGE, COMPLETES = "[FOLDER]", "path"
HELP = "the folder that relative paths start from"


def run(context: Context, arguments: str) -> None:
    path = Path(words(arguments)[0] if arguments else "~").expanduser()
    try:
        os.chdir(path)
    except OSError as e:
        raise NotFoundError(f"{path}: {e.strerror}") from None
    context.note(str(Path.cwd()))
