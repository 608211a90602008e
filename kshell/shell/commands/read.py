"""`.read FILE`: run a script here, in this session."""

from __future__ import annotations

from pathlib import Path

from kshell.errors import NotFoundError
from kshell.shell.commands._arguments import need, words
from kshell.shell.context import Context

USAGE, COMPLETES = "FILE", "path"
HELP = "run a script"
RUNS_SCRIPTS = True


def run(context: Context, arguments: str) -> None:
    path = Path(words(need(arguments, ".read FILE"))[0]).expanduser()
    context.run_text(read_script(path), str(path))


def read_script(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as e:
        raise NotFoundError(f"{path}: {e.strerror}") from None
    except UnicodeDecodeError:
        raise NotFoundError(f"{path} is not UTF-8 text") from None
