"""The words a statement may be made of, by position: for completion and colours.

Invariant: words of kshell's own grammar stand here once; option keys and their values do not, they are declared in `kshell.lang`."""

from __future__ import annotations

# after the words on the left, at the start of a statement, these may follow
FOLLOW: dict[tuple[str, ...], tuple[str, ...]] = {
    ("CREATE",): ("SOURCE", "SINK", "SECRET", "TABLE", "VIEW", "MACRO", "SCHEMA", "OR REPLACE", "TEMP"),
    ("CREATE", "OR"): ("REPLACE",),
    ("CREATE", "OR", "REPLACE"): ("SOURCE", "SINK", "SECRET", "TABLE", "VIEW", "MACRO"),
    ("EXPLAIN",): ("SELECT", "FROM", "ANALYZE", "CREATE SINK"),
    ("ALTER",): ("SOURCE", "SINK", "TABLE", "VIEW"),
    ("DROP",): ("SOURCE", "SINK", "TABLE", "VIEW", "SECRET", "MACRO", "SCHEMA"),
    ("PAUSE",): ("SOURCE", "SINK", "ALL"),
    ("RESUME",): ("SOURCE", "SINK", "ALL"),
    ("FLUSH",): ("SINK", "ALL"),
    ("OPTIMIZE",): ("SINK",),
    ("WAIT",): ("SOURCE", "SINK", "ALL"),
    ("REFRESH",): ("SOURCE", "SINK", "CATALOG"),
    ("CHECK",): ("SINK",),
    ("VERIFY",): ("SINK",),
    ("REPLAY",): ("ERRORS OF SINK",),
    ("SHOW",): ("TOPICS", "SOURCES", "SINKS", "CONNECTIONS", "SECRETS", "SERVERS", "CONSUMER GROUPS", "SUBJECTS", "CREATE",
                "TABLES", "ALL TABLES", "DATABASES", "SCHEMAS", "VARIABLES"),
    ("SHOW", "CREATE"): ("SOURCE", "SINK", "CONNECTION"),
    ("SHOW", "TOPICS"): ("FROM", "LIKE", "EXTENDED"),
    ("DESCRIBE",): ("SOURCE", "SINK", "TOPIC"),
    ("LIST",): ("TOPICS", "SOURCES", "SINKS", "CONNECTIONS"),
    ("RESET",): (),
    ("CALL",): ("kshell_serve('", "kshell_stop('", "kshell_servers()"),
}
AFTER_NAME: dict[str, tuple[str, ...]] = {
    "CREATE SOURCE": ("FROM KAFKA",),
    "CREATE SINK": ("FROM", "AS SELECT"),
    "ALTER SOURCE": ("SET (", "RESET (", "RENAME TO", "ADD COLUMN", "DROP COLUMN", "SEEK TO"),
    "ALTER SINK": ("SET (", "RESET (", "RENAME TO", "SKIP PARTITION", "REPLAY PARTITION", "ACCEPT ROLLBACK", "ACCEPT NEW TOPIC",
                   "ACCEPT NEW CLUSTER OFFSETS", "RECOVER PROGRESS FROM DATA", "RESUME EVOLUTION"),
    "DROP SOURCE": ("CASCADE", "RESTRICT"),
    "DROP SINK": ("FORCE",),
    "FLUSH SINK": ("TIMEOUT",), "OPTIMIZE SINK": ("TIMEOUT",),
    "WAIT SOURCE": ("UNTIL CAUGHT UP", "UNTIL ROWS", "TIMEOUT"),
    "WAIT SINK": ("UNTIL CAUGHT UP", "TIMEOUT"),
    "CHECK SINK": ("AGAINST KAFKA", "TIMEOUT"),
    "VERIFY SINK": ("AGAINST KAFKA", "TIMEOUT"),
    "REPLAY SINK": ("WHERE", "TIMEOUT"),
    "DESCRIBE SOURCE": ("EXTENDED",), "DESCRIBE SINK": ("EXTENDED",), "DESCRIBE TOPIC": ("FROM", "EXTENDED"),
}
START = (
    "SELECT", "FROM", "WITH", "CREATE", "ATTACH", "DETACH", "ALTER", "DROP", "SHOW", "DESCRIBE", "SUMMARIZE", "EXPLAIN", "TAIL",
    "PRINT", "PAUSE", "RESUME", "FLUSH", "WAIT", "REFRESH", "CHECK", "OPTIMIZE", "REPLAY", "SET", "RESET", "USE", "COPY", "INSERT",
    "UPDATE", "DELETE",
    "PIVOT", "UNPIVOT", "VALUES", "BEGIN", "COMMIT", "ROLLBACK", "LIST", "CALL"
)
TAIL = ("SINCE", "LAST", "FROM BEGINNING", "FROM END", "WHERE", "LIMIT", "TIMEOUT")
# words after which a table is named
TABLE_BEFORE = frozenset({"FROM", "JOIN", "INTO", "TABLE", "DESCRIBE", "DESC", "SUMMARIZE", "TAIL", "PRINT", "UPDATE", "VIEW"})
CLAUSES = (
    "SELECT", "FROM", "WHERE", "GROUP BY", "GROUP BY ALL", "ORDER BY", "ORDER BY ALL", "LIMIT", "HAVING", "QUALIFY", "JOIN",
    "LEFT JOIN", "USING", "ON", "AS", "AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "BETWEEN", "CASE", "WHEN", "THEN",
    "ELSE", "END", "DISTINCT", "UNION ALL", "EXCEPT", "INTERSECT", "OVER", "PARTITION BY", "FILTER", "DESC", "ASC", "NULLS LAST",
    "INTERVAL", "TIMESTAMP", "EXCLUDE", "REPLACE", "EMIT CHANGES", "TRUE", "FALSE", "VALUES", "WITH", "ASOF JOIN", "CROSS JOIN",
    "EXISTS", "OFFSET", "CAST", "SAMPLE", "WINDOW"
)
FUNCTIONS = (
    "count", "sum", "avg", "min", "max", "arg_min", "arg_max", "median", "quantile_cont", "approx_count_distinct", "list", "string_agg",
    "first", "last", "any_value", "mode", "histogram", "coalesce", "nullif", "ifnull", "greatest", "least", "round", "abs", "floor",
    "ceil", "now", "today", "age", "date_trunc", "date_diff", "date_part", "time_bucket", "epoch", "epoch_ms", "strftime", "strptime",
    "make_timestamp", "lower", "upper", "length", "trim", "replace", "split_part", "regexp_matches", "regexp_extract", "regexp_replace",
    "contains", "starts_with", "concat", "printf", "decode", "encode", "hex", "unhex", "base64", "md5", "hash", "json_extract",
    "json_extract_string", "unnest", "row_number", "rank", "lag", "lead", "list_contains", "list_filter", "list_transform", "map_keys",
    "map_values", "struct_pack", "kafka_scan", "kafka_header", "range", "generate_series", "read_csv", "read_json", "read_parquet",
    "iceberg_scan", "try_cast", "typeof", "getvariable"
)
SOURCE_ARGUMENTS = ("since", "until", '"partition"', "start", "stop", "tier", "last")
# words that are kshell's own: coloured like SQL keywords, although DuckDB does not know them
OWN = frozenset({
    "ACCEPT", "AGAINST", "ATTACH", "BEGINNING", "CASCADE", "CAUGHT", "CHANGES", "CHECK", "CONNECTION", "CONNECTIONS", "CONSUMER",
    "DESCRIBE", "DETACH", "EMIT", "EVOLUTION", "EXTENDED", "FLUSH", "FORCE", "GROUPS", "ICEBERG", "INTO", "KAFKA", "LIST", "OPTIMIZE",
    "PAUSE", "PRINT", "RECOVER", "REFRESH", "REPLAY", "RESTRICT", "RESUME", "SECRET", "SECRETS", "SEEK", "SERVERS", "SHOW", "SINCE", "SINK",
    "SINKS", "SKIP", "SOURCE", "SOURCES", "SUMMARIZE", "TAIL", "TIMEOUT", "TOPIC", "TOPICS", "UNTIL", "VERIFY", "WAIT"
})
OTHERS = frozenset({
    "ADD", "ALL", "ANALYZE", "ANTI", "BY", "CHECKPOINT", "COLUMN", "COLUMNS", "CONFLICT", "CROSS", "CUBE", "CURRENT", "DATABASE",
    "DEFAULT", "DO", "EXISTS", "EXPORT", "FOLLOWING", "FULL", "GROUPING", "IF", "IMPORT", "INNER", "INSTALL", "KEY", "LATERAL", "LEFT",
    "LOAD", "MACRO", "MAP", "NOTHING", "ONLY", "OUTER", "POSITIONAL", "PRECEDING", "PRIMARY", "READ", "RECURSIVE", "RENAME",
    "RETURNING", "RIGHT", "ROLLUP", "ROW", "ROWS", "SCHEMA", "SEMI", "SET", "SETS", "START", "STRUCT", "TABLE", "TEMP", "TO",
    "TRANSACTION", "UNBOUNDED", "VACUUM", "VIEW", "WRITE"
})


def keywords() -> frozenset[str]:
    """Every word that is drawn as a keyword, in capitals."""
    phrases = (*START, *CLAUSES, *(w for words in FOLLOW.values() for w in words))
    return frozenset(word for phrase in phrases for word in phrase.replace("(", "").split()) | OWN | OTHERS
