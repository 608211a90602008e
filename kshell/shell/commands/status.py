"""`.status`: one screen: connections, sources, sinks, servers, memory. A sink that stands still is shown with the statement
that resolves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kshell.errors import Error
from kshell.shell.context import Context
from kshell.shell.figures import count, plural, size

USAGE, COMPLETES = "", ""
HELP = "connections, sources, sinks, servers, memory: one screen"

Row = dict[str, Any]


def run(context: Context, arguments: str) -> None:
    _part(context, "Connections", "kshell.connections", _connection)
    _part(context, "Sources", "kshell.sources", _source)
    _part(context, "Sinks", "kshell.sinks", _sink)
    _part(context, "Servers", "(SELECT kind AS name, * FROM kshell.servers)", _server)
    used = context.rows("SELECT sum(memory_usage_bytes)::BIGINT AS used, sum(temporary_storage_bytes)::BIGINT AS spilled "
                        "FROM duckdb_memory()")[0]
    limit = context.rows("SELECT current_setting('memory_limit') AS bytes")[0]["bytes"]
    context.print(f"Memory: {size(used['used'] or 0)} of {limit}, {size(used['spilled'] or 0)} on disk")


def _part(context: Context, title: str, table: str, line: Callable[[Row], str]) -> None:
    try:
        rows = context.rows(f"FROM {table} ORDER BY name")
    except Error as e:
        context.print(f"{title}: {e.message}")
        return
    context.print(f"{title}:" if rows else f"{title}: none")
    width = max((len(str(row["name"])) for row in rows), default=0)
    for row in rows:
        context.print(f"  {row['name']!s:<{width}}  {row['state']}  {line(row)}")
        for below in ("last_error", "resolve_with"):
            if row.get(below):
                context.print(f"      {row[below]}")


def _connection(row: Row) -> str:
    return f"{row['type']} {row['address']}"


def _source(row: Row) -> str:
    lag = "unknown" if row["lag_messages"] is None else count(row["lag_messages"])
    held = f"buffer {count(row['buffer_rows'] or 0)} rows {size(row['buffer_bytes'] or 0)}"
    return f"topic {row['topic']}, lag {lag}, {held}, {plural(row['error_rows'] or 0, 'error')}"


def _sink(row: Row) -> str:
    snapshot = f", snapshot {row['last_snapshot_id']}" if row["last_snapshot_id"] else ""
    return f"into {row['table_name']}, {count(row['pending_rows'] or 0)} rows pending{snapshot}"


def _server(row: Row) -> str:
    safe = "TLS" if row["tls"] else "insecure" if row["insecure"] else "no TLS"
    return f"on {row['address']}, {safe}, {plural(row['sessions'], 'session')}, {row['running']} running"
