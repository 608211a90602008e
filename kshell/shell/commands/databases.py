"""`.databases`: what is attached: databases, clusters and catalogs."""

from __future__ import annotations

from kshell.shell.context import Context

USAGE, COMPLETES = "", ""
HELP = "attached databases"


def run(context: Context, arguments: str) -> None:
    context.query("SELECT database_name AS name, type, coalesce(path, 'in memory') AS path, readonly FROM duckdb_databases() "
                  "WHERE NOT internal ORDER BY name")
