"""`.shell COMMAND`: run a command of the system. Its output goes where rows go."""

from __future__ import annotations

import subprocess

from kshell.errors import RefusedError
from kshell.shell.commands._arguments import need
from kshell.shell.context import Context

USAGE, COMPLETES = "COMMAND", "path"
HELP = "run a command of the system"


def run(context: Context, arguments: str) -> None:
    command = need(arguments, ".shell COMMAND")
    if context.read_only:
        raise RefusedError(".shell is not available in read-only mode")
    context.flush()
    with context.terminal_lent():
        code = subprocess.run(command, shell=True, check=False).returncode
    if code:
        context.note(f"the command ended with exit code {code}")
