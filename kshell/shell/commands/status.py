"""`.status`: one screen: connections, sources, sinks, servers, memory."""

from __future__ import annotations

from kshell.errors import Error
from kshell.shell.context import Context
from kshell.shell.figures import size

USAGE, COMPLETES = "", ""
HELP = "connections, sources, sinks, memory: one screen"

_PARTS = (("Connections", "SHOW CONNECTIONS"), ("Sources", "SHOW SOURCES"), ("Sinks", "SHOW SINKS"))


def run(context: Context, arguments: str) -> None:
    for title, statement in _PARTS:
        _part(context, title, statement)
    used = context.rows("SELECT sum(memory_usage_bytes)::BIGINT AS used, sum(temporary_storage_bytes)::BIGINT AS spilled "
                        "FROM duckdb_memory()")[0]
    limit = context.rows("SELECT current_setting('memory_limit') AS bytes")[0]["bytes"]
    context.print(f"Memory  {size(used['used'] or 0)} of {limit}, {size(used['spilled'] or 0)} on disk")


def _part(context: Context, title: str, statement: str) -> None:
    try:
        rows = context.rows(statement)
    except Error as e:
        context.print(f"{title}: {e.message}")
        return
    context.print(f"{title}: none" if not rows else title)
    for row in rows:
        context.print("  " + _line(row))
        if row.get("last_error"):
            context.print(f"      {row['last_error']}")


def _line(row: dict[str, object]) -> str:
    name = str(row.get("name", ""))
    rest = [f"{k} {v}" for k, v in row.items() if k not in ("name", "state", "last_error") and v not in (None, "", [])]
    state = row.get("state")
    return "  ".join([name, *([str(state)] if state else []), *rest])
