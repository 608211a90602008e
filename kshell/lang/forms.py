"""The form of each statement, shown as the hint of a syntax error and by `.manual`.

Invariant: a form is one line, in the notation of the grammar: [ ] may be left out, | one of, ... more of the same."""

OPTIONS = "[(option value, ...)]"
FORMS = {
    "ATTACH": "ATTACH 'kafka://host:9092' AS name (TYPE kafka, ...), or ATTACH 'uri' AS name (TYPE iceberg, CATALOG rest, ...)",
    "DETACH": "DETACH [DATABASE] [IF EXISTS] name",
    "CREATE SOURCE": "CREATE [OR REPLACE] SOURCE [IF NOT EXISTS] name [(column type [NOT NULL] [FROM '$.path'], ...)] "
                     f"FROM KAFKA [cluster] {OPTIONS}",
    "CREATE SINK": "[EXPLAIN] CREATE [OR REPLACE] SINK [IF NOT EXISTS] name FROM source | AS SELECT ... "
                   f"INTO ICEBERG catalog.namespace.table {OPTIONS}",
    "CREATE SECRET": "CREATE [OR REPLACE] [TEMPORARY | PERSISTENT] SECRET [IF NOT EXISTS] name "
                     "(TYPE kafka | schema_registry | iceberg_catalog, option value, ...)",
    "DROP SECRET": "DROP SECRET [IF EXISTS] name",
    "ALTER SOURCE": "ALTER SOURCE [IF EXISTS] name SET (option value, ...) | RESET (option, ...) | RENAME TO name | "
                    "ADD COLUMN name type [FROM '$.path'] | DROP COLUMN name | SEEK TO position",
    "ALTER SINK": "ALTER SINK [IF EXISTS] name SET (option value, ...) | RESET (option, ...) | RENAME TO name | "
                  "SKIP PARTITION n TO offset | REPLAY PARTITION n FROM offset | ACCEPT ROLLBACK | ACCEPT NEW TOPIC | "
                  "ACCEPT NEW CLUSTER OFFSETS MAP {partition: offset} | RECOVER PROGRESS FROM DATA | "
                  "RECOVER PROGRESS FROM PROPERTY | RESUME EVOLUTION",
    "DROP": "DROP SOURCE | SINK [IF EXISTS] name [CASCADE | RESTRICT] [FORCE]",
    "PAUSE": "PAUSE SOURCE name | SINK name | ALL",
    "RESUME": "RESUME SOURCE name | SINK name | ALL",
    "FLUSH": "FLUSH [SINK name | ALL] [TIMEOUT '60s']",
    "WAIT": "WAIT [SOURCE name | SINK name | ALL] [UNTIL CAUGHT UP | UNTIL ROWS n] [TIMEOUT '60s']",
    "REFRESH": "REFRESH SOURCE name | SINK name | CATALOG name",
    "OPTIMIZE": "OPTIMIZE SINK name [TIMEOUT '60s']",
    "CHECK": "CHECK SINK name [AGAINST KAFKA] [TIMEOUT '60s']",
    "REPLAY": "REPLAY ERRORS OF SINK name [WHERE condition] [TIMEOUT '60s']",
    "SHOW": "SHOW TOPICS | SOURCES | SINKS | CONNECTIONS | SECRETS | CONSUMER GROUPS [FROM cluster] [LIKE 'pattern'] [EXTENDED]",
    "SHOW CREATE": "SHOW CREATE SOURCE name | SINK name | CONNECTION name",
    "DESCRIBE": "DESCRIBE TOPIC 'name' [FROM cluster] [EXTENDED] | SOURCE name [EXTENDED] | SINK name [EXTENDED]",
    "TAIL": "TAIL source | 'topic' | cluster.topic | (SELECT ...) [FROM BEGINNING | FROM END | SINCE time | LAST n] [WHERE condition] "
            "[LIMIT n] [TIMEOUT '60s']",
    "PRINT": "PRINT 'topic' | cluster.topic | source [FROM BEGINNING | FROM END | SINCE time | LAST n] [INTERVAL n] [LIMIT n]",
    "SUBSCRIBE": "SUBSCRIBE [TO] source | 'topic' | cluster.topic | (SELECT ...) "
                 "[FROM BEGINNING | FROM END | SINCE time | LAST n] [LIMIT n]",
    "EMIT CHANGES": "SELECT ... FROM source EMIT CHANGES [LIMIT n]",
    "SET": "SET kshell_name = value",
    "RESET": "RESET kshell_name",
}
