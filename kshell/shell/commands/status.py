"""`.status`: one screen: connections, sources, sinks, memory. A sink that stands still is shown with the statement that resolves it."""

from __future__ import annotations

from typing import Any

from kshell.errors import Error
from kshell.shell.context import Context
from kshell.shell.figures import size

USAGE, COMPLETES = "", ""
HELP = "connections, sources, sinks, memory: one screen"

_PARTS = {
    "Connections": "name, type, state, address, detail FROM kshell.connections",
    "Sources": "name, state, topic, lag_messages AS lag, buffer_rows, buffer_bytes, error_rows AS errors, last_error FROM kshell.sources",
    "Sinks": "name, state, table_name, pending_rows AS pending, last_snapshot_id AS snapshot, last_error, resolve_with FROM kshell.sinks",
}
_BELOW = ("last_error", "resolve_with")


def run(context: Context, arguments: str) -> None:
    for title, query in _PARTS.items():
        _part(context, title, f"SELECT {query} ORDER BY name")
    used = context.rows("SELECT sum(memory_usage_bytes)::BIGINT AS used, sum(temporary_storage_bytes)::BIGINT AS spilled "
                        "FROM duckdb_memory()")[0]
    limit = context.rows("SELECT current_setting('memory_limit') AS bytes")[0]["bytes"]
    context.print(f"Memory: {size(used['used'] or 0)} of {limit}, {size(used['spilled'] or 0)} on disk")


def _part(context: Context, title: str, query: str) -> None:
    try:
        rows = context.rows(query)
    except Error as e:
        context.print(f"{title}: {e.message}")
        return
    context.print(f"{title}:" if rows else f"{title}: none")
    for row in rows:
        context.print(f"  {_line(row)}")
        for key in _BELOW:
            if row.get(key):
                context.print(f"      {row[key]}")


def _line(row: dict[str, Any]) -> str:
    """`orders  running  topic orders  lag 12  buffer_rows 300`; what is not known is left out."""
    said = {k: size(v) if k == "buffer_bytes" else v for k, v in row.items() if k not in ("name", "state", *_BELOW) and v not in (None, "")}
    rest = [f"{k} {v}" for k, v in said.items()]
    return "  ".join([str(row["name"]), *([str(row["state"])] if row["state"] else []), *rest])
