"""The schemas that stand for PostgreSQL's catalog: made once per engine, and which names are in them.

Invariant: the names that are rewritten are those that the SQL files define; nothing lists them a second time."""

from __future__ import annotations

import re
from functools import lru_cache

from kshell.engine import CATALOG_SCHEMA, INFORMATION_SCHEMA, Engine
from kshell.sqlfile import template

_FILES = ("session", "types", "relations", "catalog", "names", "functions", "information_schema", "empty")
_DEFINED = re.compile(r'^CREATE (?:VIEW|MACRO|TYPE) memory\.(\w+)\.("[^"]+"|\w+)', re.MULTILINE)


def install(engine: Engine) -> None:
    """All in one transaction: another connection sees everything of it or nothing."""
    with engine.publish_lock, engine.cursor() as cursor:
        if cursor.execute("SELECT 1 FROM duckdb_schemas() WHERE schema_name = ? AND database_name = 'memory'", [CATALOG_SCHEMA]).fetchone():
            return
        cursor.execute(f"BEGIN; CREATE SCHEMA memory.{CATALOG_SCHEMA}; CREATE SCHEMA memory.{INFORMATION_SCHEMA}")
        for file in _FILES:
            cursor.execute(template(f"pg/{file}.sql"))
        cursor.execute("COMMIT")


@lru_cache(maxsize=1)
def defined() -> dict[str, frozenset[str]]:
    """Schema -> what it holds, in lower case."""
    found: dict[str, set[str]] = {CATALOG_SCHEMA: set(), INFORMATION_SCHEMA: set()}
    for file in _FILES:
        for schema, name in _DEFINED.findall(template(f"pg/{file}.sql")):
            found[schema].add(name)
    return {schema: frozenset(names) for schema, names in found.items()}
