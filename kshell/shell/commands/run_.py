"""`.run NAME k=v ...`: a saved query; each k=v becomes a variable first."""

from __future__ import annotations

import re

from kshell.columns import literal, quote
from kshell.errors import BadValueError
from kshell.shell import queries
from kshell.shell.commands._arguments import need, words
from kshell.shell.commands.read import read_script
from kshell.shell.context import Context

USAGE, COMPLETES = "NAME [KEY=VALUE ...]", "query"
HELP = "a saved query; its parameters are variables"
RUNS_SCRIPTS = True
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def run(context: Context, arguments: str) -> None:
    name, *parameters = words(need(arguments, ".run NAME [KEY=VALUE ...]"))
    path = queries.file(name)
    for parameter in parameters:
        key, equals, value = parameter.partition("=")
        if not equals or not key.isidentifier():
            raise BadValueError(f"{parameter} is not KEY=VALUE", hint="write .run NAME n=5")
        context.quietly(f"SET VARIABLE {quote(key)} = {value if _NUMBER.fullmatch(value) else literal(value)}")
    context.run_text(read_script(path), str(path))
