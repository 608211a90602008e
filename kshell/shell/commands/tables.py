"""`.tables [pattern]`: what FROM can read, what is kshell's own left out."""

from __future__ import annotations

from kshell.columns import literal
from kshell.engine import OWN_SCHEMAS
from kshell.shell.commands._arguments import like
from kshell.shell.context import Context

USAGE, COMPLETES = "[PATTERN]", "table"
HELP = "tables and views"

QUERY = f"""SELECT CASE WHEN database_name = 'memory' AND schema_name = 'main' THEN name
            WHEN database_name = 'memory' THEN schema_name || '.' || name
            ELSE concat_ws('.', database_name, CASE WHEN schema_name <> 'main' THEN schema_name END, name) END AS name, kind
FROM (SELECT database_name, schema_name, table_name AS name, 'table' AS kind, internal, temporary FROM duckdb_tables()
      UNION ALL SELECT database_name, schema_name, view_name, 'view', internal, temporary FROM duckdb_views())
WHERE NOT internal AND schema_name NOT IN {('kshell', *OWN_SCHEMAS)}"""


def run(context: Context, arguments: str) -> None:
    pattern = f" AND name ILIKE {literal(like(arguments.strip()))}" if arguments.strip() else ""
    context.query(f"{QUERY}{pattern} ORDER BY ALL")
