"""Commands of psql, sqlite3 and DuckDB's CLI that have another name here, or none.

Invariant: an entry is no command of ours, so that a word is either carried out or explained."""

from __future__ import annotations

_SCREEN = "Ctrl-L clears the screen"
_SETTINGS = ".help lists the commands; without an argument .mode and .maxrows tell how they are set"
PSQL = {                                          # behind a backslash
    "dn": "SHOW SCHEMAS", "du": "there are no users here; SHOW SECRETS lists credentials", "df": "FROM duckdb_functions()",
    "di": "FROM duckdb_indexes()", "dp": "there are no grants here", "z": "there are no grants here", "sf": ".schema NAME",
    "c": "ATTACH 'kafka://host:9092' AS k (TYPE kafka), or .profile NAME", "connect": "ATTACH, or .profile NAME",
    "conninfo": "SHOW CONNECTIONS", "copy": "COPY ... TO 'file', or .once FILE before a query",
    "g": "a statement ends at its semicolon; .last shows its result again", "gx": ".last vertical shows the last result one value a line",
    "p": ".history 1", "r": "Ctrl-C clears what is typed", "set": "SET VARIABLE name = value, then getvariable('name')",
    "unset": "RESET VARIABLE name", "pset": ".nullvalue, .mode, .headers, .pager", "a": ".mode list", "t": ".headers off",
    "H": ".mode html", "f": ".mode csv or .mode tsv", "h": ".manual STATEMENT", "errverbose": ".errors",
    "encoding": "text is UTF-8 everywhere", "password": "CREATE OR REPLACE SECRET", "if": "a script has no conditions",
    "ir": ".read FILE", "prompt": "SET VARIABLE name = value", "w": ".once FILE",
    "gexec": "a result is not run; .once FILE, then .read FILE",
}
DOT = {
    "import": "CREATE TABLE name AS FROM 'file.csv', or COPY name FROM 'file.csv'",
    "export": "COPY ... TO 'file', or .once FILE before a query", "fullschema": ".schema", "indexes": "FROM duckdb_indexes()",
    "indices": "FROM duckdb_indexes()", "separator": ".mode csv, .mode tsv or .mode list", "width": ".maxwidth N", "col": ".maxwidth N",
    "rows": ".maxrows N", "columns": ".maxwidth N", "changes": ".timer on", "stats": ".timer on, or --stats", "show": _SETTINGS,
    "eqp": "EXPLAIN, or EXPLAIN ANALYZE", "scanstats": "EXPLAIN ANALYZE", "excel": ".once FILE.csv", "system": ".shell COMMAND",
    "keyword": ".highlight on|off", "constant": ".highlight on|off", "comment": ".highlight on|off", "render_errors": ".highlight on|off",
    "backup": "COPY FROM DATABASE memory TO other; .dump FILE writes definitions", "restore": ".read FILE",
    "save_db": "COPY FROM DATABASE memory TO other", "clone": "COPY FROM DATABASE memory TO other", "load": "LOAD name",
    "param": "SET VARIABLE name = value", "parameter": "SET VARIABLE name = value", "binary": "text is UTF-8 everywhere",
    "crnl": "lines end in \\n", "cls": _SCREEN, "clear": _SCREEN, "thousand_sep": ".large_number_rendering",
    "decimal_sep": ".large_number_rendering", "safe_mode": "--read-only", "nonce": ".shell is always allowed, but for --read-only",
    "ui": "results are drawn by .chart", "ui_command": "results are drawn by .chart", "lint": "there is nothing to lint",
    "limits": "SET kshell_buffer_bytes, SET memory_limit", "timeout": "SET kshell_timeout = '10s'", "trace": ".log FILE",
    "vfsname": "FROM duckdb_databases()", "dbinfo": "FROM duckdb_databases()", "connection": "SHOW CONNECTIONS",
    "connect": "ATTACH 'kafka://host:9092' AS k (TYPE kafka)", "describe_topic": "DESCRIBE TOPIC 'name'",
    "groups": "SHOW CONSUMER GROUPS", "consume": ".tail TOPIC", "head": ".peek TOPIC 10", "count": "SELECT count(*) FROM name",
    "offsets": "DESCRIBE TOPIC 'name' EXTENDED",
}


def hint_for(name: str) -> str | None:
    """`name` with its dot or backslash."""
    known = PSQL if name.startswith("\\") else DOT
    return known.get(name[1:]) or known.get(name[1:].lower())
