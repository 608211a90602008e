"""`.serve [kind]`: servers for other clients; this version has none, and says so by name."""

from __future__ import annotations

from kshell.errors import RefusedError
from kshell.shell.context import Context

USAGE, COMPLETES = "[KIND]", ""
HELP = "servers for other clients: not built yet"


def run(context: Context, arguments: str) -> None:
    what = f"serving by {arguments.split()[0]}" if arguments.strip() else "serving"
    raise RefusedError(f"{what} is not built yet",
                       hint="kshell run FILE keeps sources and sinks alive; other programs read the Iceberg tables")
