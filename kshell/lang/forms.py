"""The form of each statement, shown as the hint of a syntax error and by `.manual`, and an example of most.

Invariant: every example parses; a form is one line, in the notation of the grammar: [ ] may be left out, | one of, ... more of the same."""

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
    "SHOW": "SHOW TOPICS | SOURCES | SINKS | CONNECTIONS | SECRETS | SERVERS | CONSUMER GROUPS [FROM cluster] [LIKE 'pattern'] [EXTENDED]",
    "SHOW CREATE": "SHOW CREATE SOURCE name | SINK name | CONNECTION name",
    "DESCRIBE": "DESCRIBE TOPIC 'name' [FROM cluster] [EXTENDED] | SOURCE name [EXTENDED] | SINK name [EXTENDED]",
    "TAIL": "TAIL source | 'topic' | cluster.topic | (SELECT ...) [FROM BEGINNING | FROM END | SINCE time|offsets | LAST n] "
            "[WHERE condition] [LIMIT n] [TIMEOUT '60s']",
    "PRINT": "PRINT 'topic' | cluster.topic | source [FROM BEGINNING | FROM END | SINCE time|offsets | LAST n] [INTERVAL n] "
             "[LIMIT n]",
    "SUBSCRIBE": "SUBSCRIBE [TO] source | 'topic' | cluster.topic | (SELECT ...) "
                 "[FROM BEGINNING | FROM END | SINCE time|offsets | LAST n] [LIMIT n]",
    "EMIT CHANGES": "SELECT ... FROM source EMIT CHANGES [LIMIT n]",
    "SET": "SET kshell_name = value",
    "RESET": "RESET kshell_name",
    "CALL kshell_serve": "CALL kshell_serve('pgwire' | 'http' | 'quack' [, name := value, ...])",
    "CALL kshell_stop": "CALL kshell_stop('pgwire' | 'http' | 'quack')",
    "CALL kshell_servers": "CALL kshell_servers(), or a query such as FROM kshell_servers()",
}

EXAMPLES = {
    "ATTACH": "ATTACH 'kafka://localhost:9092' AS k (TYPE kafka);\n"
              "ATTACH 'http://localhost:8181' AS ice (TYPE iceberg, CATALOG rest, WAREHOUSE 's3://warehouse');",
    "CREATE SOURCE": "CREATE SOURCE orders FROM KAFKA k (FORMAT json, START INTERVAL '2 hours');\n"
                     "CREATE SOURCE clicks (user_id BIGINT, url VARCHAR, ts TIMESTAMPTZ) FROM KAFKA k (TOPIC 'web.clicks');",
    "CREATE SINK": "CREATE SINK clicks_lake FROM clicks INTO ICEBERG local.web.clicks (PARTITION_BY ['day(ts)'], COMMIT_INTERVAL '60s');\n"
                   "CREATE SINK eu AS SELECT id, upper(country) AS country FROM customers WHERE region = 'EU' INTO ICEBERG local.crm.eu;",
    "CREATE SECRET": "CREATE SECRET prod (TYPE kafka, SASL_MECHANISM 'SCRAM-SHA-512', SASL_USERNAME getenv('KAFKA_USER'), "
                     "SASL_PASSWORD getenv('KAFKA_PASSWORD'));",
    "ALTER SINK": "ALTER SINK clicks_lake SKIP PARTITION 3 TO 910;",
    "DROP": "DROP SINK IF EXISTS clicks_lake;\nDROP SOURCE clicks CASCADE;",
    "FLUSH": "FLUSH SINK clicks_lake TIMEOUT '30s';",
    "WAIT": "WAIT SOURCE clicks UNTIL CAUGHT UP TIMEOUT '60s';",
    "CHECK": "CHECK SINK clicks_lake AGAINST KAFKA;",
    "SHOW": "SHOW TOPICS FROM k LIKE 'ord%' EXTENDED;",
    "DESCRIBE": "DESCRIBE TOPIC 'orders' FROM k;",
    "TAIL": "TAIL clicks SINCE INTERVAL '5 minutes' WHERE url LIKE '%/checkout%' LIMIT 100;",
    "PRINT": "PRINT 'orders' FROM BEGINNING LIMIT 3;",
    "EMIT CHANGES": "SELECT user_id, url FROM clicks WHERE url LIKE '%/error%' EMIT CHANGES LIMIT 10;",
    "SET": "SET kshell_timeout = '10s';",
    "CALL kshell_serve": "CALL kshell_serve('pgwire', port := 5433, password := getenv('DASHBOARDS'));\n"
                         "CALL kshell_serve('http', host := '0.0.0.0', tls_cert := 'cert.pem', tls_key := 'key.pem', "
                         "token := getenv('TOKEN'));",
    "CALL kshell_stop": "CALL kshell_stop('pgwire');",
}
