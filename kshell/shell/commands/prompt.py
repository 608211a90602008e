"""`.prompt [MAIN [CONTINUATION]]`: the texts before the cursor; without arguments the first ones again."""

from __future__ import annotations

from kshell.shell.commands._arguments import words
from kshell.shell.context import Context
from kshell.shell.settings import CONTINUATION_PROMPT, MAIN_PROMPT

USAGE, COMPLETES = "[MAIN [CONTINUATION]]", ""
HELP = "the texts before the cursor"


def run(context: Context, arguments: str) -> None:
    main, *rest = words(arguments) or [MAIN_PROMPT]
    context.settings.prompt = main
    context.settings.continuation = rest[0] if rest else CONTINUATION_PROMPT
