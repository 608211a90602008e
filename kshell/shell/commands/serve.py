"""`.serve [kind] [name=value ...]`: the statement CALL kshell_serve, which tells the address and the token once."""

from __future__ import annotations

import re

from kshell.columns import literal
from kshell.errors import BadValueError
from kshell.shell.commands._arguments import words
from kshell.shell.context import Context

USAGE, COMPLETES = "[KIND] [NAME=VALUE ...]", "server"
HELP = "serves other clients by pgwire, http or quack"
_BARE = re.compile(r"-?\d+|true|false", re.IGNORECASE)
_LOOKUP = re.compile(r"getenv\(\W*(\w+)\W*\)", re.IGNORECASE)


def run(context: Context, arguments: str) -> None:
    given = words(arguments)
    kind = given.pop(0) if given and "=" not in given[0] else "pgwire"
    context.query(f"CALL kshell_serve({', '.join([literal(kind), *map(_argument, given)])})")


def _argument(word: str) -> str:
    name, equals, value = word.partition("=")
    name = name.removesuffix(":")             # `port:=5434`, as in the statement
    if not equals or not name.isidentifier():
        raise BadValueError(f"{word} is not NAME=VALUE", hint="write .serve pgwire port=5434")
    lookup = _LOOKUP.fullmatch(value)
    written = f"getenv({literal(lookup[1])})" if lookup else value if _BARE.fullmatch(value) else literal(value)
    return f"{name} := {written}"
