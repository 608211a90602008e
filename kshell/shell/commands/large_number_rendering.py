"""`.large_number_rendering off|footer|all`: large numbers of tables in words, below a single row or everywhere."""

from __future__ import annotations

from kshell.errors import BadValueError, did_you_mean
from kshell.shell.commands._arguments import need
from kshell.shell.context import Context

USAGE, COMPLETES = "off|footer|all", "large"
HELP = "large numbers of tables in words: 1.23 million"
WAYS = ("off", "footer", "all")


def run(context: Context, arguments: str) -> None:
    way = need(arguments, f".large_number_rendering {USAGE}").lower()
    if way not in WAYS:
        raise BadValueError(f"{way} is none of {', '.join(WAYS)}", hint=did_you_mean(way, WAYS) or f"write .large_number_rendering {USAGE}")
    context.settings.large_numbers = way
    context.note(f"large numbers in words: {way}")
