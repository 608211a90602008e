"""`.help [command]`: the dot commands, or one of them."""

from __future__ import annotations

from kshell.shell import commands
from kshell.shell.context import Context

USAGE, COMPLETES = "[COMMAND]", "command"
HELP = "this list, or one command"


LEFT = 23                                     # columns of a name and its arguments in the list


def run(context: Context, arguments: str) -> None:
    if arguments:
        name, _ = commands.resolve(arguments.split()[0])
        module = commands.module(name)
        context.print(f".{name} {module.USAGE}".rstrip() + f"\n{module.HELP}")
        return
    lines = [_line(name) for name in commands.names()]
    context.page("\n".join([*lines, "", "SQL ends with a semicolon. Also understood: \\d \\dt \\x \\timing \\watch \\e \\o \\i \\q"]))


def _line(name: str) -> str:
    module = commands.module(name)
    full = f".{name} {module.USAGE}".rstrip()
    return f"{full if len(full) <= LEFT else f'.{name} ...':<{LEFT}}  {module.HELP}"
