"""`.mode [name]`: how rows are shown. Without a name it says which."""

from __future__ import annotations

from kshell import output
from kshell.errors import NotFoundError, UsageError
from kshell.shell.context import Context

USAGE, COMPLETES = "[MODE]", "mode"
HELP = "how rows are shown: table, csv, json, vertical ..."


def run(context: Context, arguments: str) -> None:
    settings = context.settings
    word = arguments.lower()
    if word.startswith("--toggle "):          # psql's \x
        word = word.removeprefix("--toggle ")
        word = "auto" if settings.mode == word else word
    if word == "auto":
        settings.mode = None
    elif word:
        settings.mode = _known(word)
    context.note(f"mode {settings.mode or context.default_mode()}")


def _known(word: str) -> str:
    """A mode or another name of one: box, line, duckbox, jsonlines."""
    try:
        return output.find(word).name
    except UsageError as unknown:
        raise NotFoundError(f"there is no mode {word}", hint=unknown.hint) from None
