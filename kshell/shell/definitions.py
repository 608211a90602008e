"""The statements that would make again what there is, for `.dump` and `.schema`.

Invariant: kshell's own objects come from SHOW CREATE, which writes no secret; an object of DuckDB's comes as DuckDB prints it."""

from __future__ import annotations

from kshell.columns import quote
from kshell.engine import OWN_SCHEMAS
from kshell.errors import Error
from kshell.shell.context import Context

BUILT_IN_CATALOG = "local"                    # made by itself on first use


def created(context: Context, only: str) -> list[str]:
    """CREATE SECRET, and SHOW CREATE of connections, sources and sinks, in an order that runs. `only`: a word in the name, '' for all."""
    names = context.session.names()
    secrets = [text for name, text in _secrets(context) if only.strip("*%").lower() in name.lower()]
    wanted = [("CONNECTION", n) for n in (*names.clusters, *names.catalogs) if n != BUILT_IN_CATALOG]
    wanted += [("SOURCE", n) for n in names.sources] + [("SINK", n) for n in names.sinks]
    return secrets + [_statement(context, kind, name) for kind, name in wanted if only.strip("*%").lower() in name.lower()]


def _secrets(context: Context) -> list[tuple[str, str]]:
    """Those of this session: values that are looked up as their look-up, the others as ***."""
    try:
        found = context.rows("SELECT name, definition FROM kshell.secrets WHERE storage = 'memory' ORDER BY name")
    except Error:
        return []                              # a session without the system tables has no secrets
    return [(str(row["name"]), str(row["definition"])) for row in found]


def _statement(context: Context, kind: str, name: str) -> str:
    try:
        rows = context.rows(f"SHOW CREATE {kind} {quote(name)}")
    except Error as e:
        return f"-- {kind} {name}: {e.message}"
    return _ended(str(list(rows[0].values())[-1])) if rows else f"-- {kind} {name} is gone"


def user_objects(context: Context, where: str) -> list[str]:
    """Tables, views and macros of the user; what a source or a sink owns is left out. `where` is a condition over `name`."""
    names = context.session.names()
    own = {n.lower() for n in (*names.sources, *names.sinks)}
    return [_ended(str(row["sql"])) for row in context.rows(_QUERY.format(where=where)) if str(row["name"]).lower() not in own]


_QUERY = f"""SELECT name, sql FROM (
    SELECT 1 AS place, table_oid AS made, database_name, schema_name, table_name AS name, sql, internal FROM duckdb_tables()
    UNION ALL SELECT 2, view_oid, database_name, schema_name, view_name, sql, internal FROM duckdb_views())
WHERE NOT internal AND sql IS NOT NULL AND database_name = 'memory'
  AND schema_name NOT IN {('kshell', 'live', 'lake', *OWN_SCHEMAS)} AND {{where}} ORDER BY place, made"""


def _ended(text: str) -> str:
    return text.strip().rstrip(";") + ";"
