"""`.quit [code]`: the same as `.exit`."""

from __future__ import annotations

from kshell.shell.commands import exit as leaving

USAGE, COMPLETES = "[code]", ""
HELP = "leave; the exit code may be given"

run = leaving.run
