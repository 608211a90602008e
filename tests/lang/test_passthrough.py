"""What DuckDB can run reaches DuckDB unchanged, and what kshell takes DuckDB could not have run."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from kshell.lang import parse
from kshell.lang.reader import RESERVED
from kshell.lang.statements import DuckStatement, Statement

DUCKDB = [
    "SELECT 1", "", "-- nothing", "FROM range(3)", "VALUES (1)", "WITH t AS (SELECT 1) FROM t", "(SELECT 1)", "PRAGMA version",
    "FROM kshell_servers()", "SELECT kshell_serve('http')", "CALL kshell.kshell_serve('http')",
    "CALL pragma_version()", "CREATE TABLE topics (a INT)", "CREATE TABLE sink (a INTEGER)", "CREATE TABLE source AS SELECT 2 AS b",
    "CREATE OR REPLACE TABLE sources (a INT)", "CREATE TEMP TABLE stream (a INT)", "CREATE VIEW alert AS SELECT 1", "CREATE SCHEMA sinks",
    "CREATE MACRO tail(x) AS x + 1", 'CREATE TABLE "flush" AS SELECT 4 AS d', "CREATE SEQUENCE connection",
    "CREATE TYPE source2 AS ENUM ('a')", "SELECT tail(1) AS t", "SHOW TABLES", "SHOW ALL TABLES", "SHOW DATABASES", "SHOW SCHEMAS",
    "SHOW VARIABLES", "SHOW TABLES FROM main", 'SHOW "topics"', "SHOW sinks.orders", "SHOW topic", "SHOW consumer", "SHOW topics.a.b",
    "DESCRIBE sink", "DESCRIBE source", "DESCRIBE topic", "DESC sink", "DESCRIBE sink.orders", 'DESCRIBE "sink"', "DESCRIBE SELECT 1",
    "DESCRIBE sources", 'FROM (SHOW "topics")', "FROM (DESCRIBE sink)", "ALTER TABLE source ADD COLUMN b INT",
    "ALTER VIEW sink RENAME TO s2", "DROP TABLE sink", "DROP VIEW alert", "DROP TEMPORARY SECRET x",
    "DROP SECRET x FROM local_file", "DROP SCHEMA sinks", "ATTACH 'x.db'",
    "ATTACH 'x.db' AS k", "ATTACH 'x.db' AS kafka (READ_ONLY)", "ATTACH 'p' AS pg (TYPE postgres)", "ATTACH ':memory:' AS source",
    "ATTACH 'w' AS i (TYPE iceberg, ENDPOINT 'http://x')", "ATTACH 'kafka' AS k (TYPE sqlite)",
    "ATTACH 'a' AS b (SCHEMA catalog, TYPE postgres)", "CREATE SECRET s (TYPE s3, KEY_ID 'x')", "CREATE SECRET (TYPE s3)",
    "CREATE PERSISTENT SECRET s (TYPE gcs)", "CREATE SECRET s (TYPE iceberg, TOKEN 'x')",
    "CREATE SECRET kafka (TYPE s3, SCOPE 'type kafka')", "SET threads = 1", "SET VARIABLE kshell_x = 1", "SET SESSION threads = 1",
    "RESET threads", "RESET VARIABLE kshell_x", "FROM orders emit", "FROM emit changes", "SELECT emit AS changes FROM t",
    "FROM a, emit changes", "FROM s.emit changes", "FROM t WHERE a = 'EMIT CHANGES'", "FROM t -- EMIT CHANGES",
    'SELECT 1 AS "emit", 2 AS "changes"', "EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1", "EXPLAIN CREATE TABLE sink (a INT)",
    "COPY sink TO 'x.csv'", "INSERT INTO source VALUES (1)", "DELETE FROM sink", "UPDATE source SET a = 1", "SUMMARIZE sink",
    "EXPORT DATABASE 'x'", "CHECKPOINT", "VACUUM", "BEGIN", "COMMIT", "USE memory", "LOAD iceberg", "PREPARE flush AS SELECT 1",
    "EXECUTE flush", "PIVOT source ON a USING sum(b)", 'DETACH "a"."b"', "SELECT 'CREATE SOURCE x FROM KAFKA'", "FROM sources",
    "TABLE topics",
]

# Text that kshell takes and DuckDB would read too: as a table of that name, or as an extension's type. Decided in the grammar.
SHADOWED = [
    "SHOW TOPICS", "SHOW SOURCES", "SHOW SINKS", "SHOW CONNECTIONS", "SHOW ALERTS", "SHOW SERVERS", "SHOW SECRETS", "SHOW SUBJECTS",
    "DETACH k", "DETACH DATABASE IF EXISTS k", "ATTACH 'kafka://b' AS k (TYPE kafka)", "ATTACH 'u' AS c (TYPE iceberg, CATALOG rest)",
    "CREATE SECRET s (TYPE kafka)", "CREATE SECRET s (TYPE schema_registry)", "CREATE SECRET s (TYPE iceberg_catalog)",
    "CALL kshell_serve('http')", "CALL kshell_stop('http')", "CALL kshell_servers()", "FROM kshell_serve('http')",
    "FROM kshell_stop('http')",
    "DROP SECRET x", "SET kshell_timeout = '5s'", "RESET kshell_timeout",
]

OURS = [
    "CREATE SOURCE s FROM KAFKA k", "CREATE OR REPLACE SOURCE s (a INT) FROM KAFKA k (TOPIC 't')",
    "CREATE SINK s FROM o INTO ICEBERG l.n.t", "CREATE SINK s AS SELECT 1 INTO ICEBERG l.n.t",
    "EXPLAIN CREATE SINK s FROM o INTO ICEBERG l.n.t", "ALTER SOURCE s SEEK TO 'earliest'", "ALTER SINK s ACCEPT ROLLBACK",
    "ALTER ALERT a SET (EVERY '1s')", "CREATE ALERT a AS SELECT 1 (EVERY '1s')", "DROP SOURCE s", "DROP SINK s", "DROP ALERT s",
    "PAUSE ALL", "RESUME SINK s", "FLUSH", "FLUSH SINK s", "WAIT", "WAIT SOURCE s UNTIL CAUGHT UP", "REFRESH SOURCE s", "CHECK SINK s",
    "VERIFY SINK s", "OPTIMIZE SINK s", "REPLAY ERRORS OF SINK s", "SHOW TOPICS FROM k", "SHOW SINKS LIKE 'a'", "SHOW SOURCES EXTENDED",
    "LIST TOPICS", "LIST SINKS", "SHOW CONSUMER GROUPS", "SHOW CREATE SOURCE s", "SHOW CREATE CONNECTION k", "DESCRIBE TOPIC 'x'",
    "DESCRIBE SOURCE s", "DESC SINK s EXTENDED", "TAIL s", "PRINT 'x'", "SUBSCRIBE TO s", "FROM s EMIT CHANGES",
    "SELECT a FROM s WHERE b EMIT CHANGES LIMIT 3",
]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        yield opened


def _duckdb_reads(connection: duckdb.DuckDBPyConnection, text: str) -> bool:
    try:
        connection.extract_statements(text)
    except duckdb.Error:
        return False
    return True


@pytest.mark.parametrize("text", DUCKDB)
def test_what_duckdb_can_run_reaches_it_unchanged(text: str, connection: duckdb.DuckDBPyConnection) -> None:
    assert parse(text) == DuckStatement(text=text)
    assert text.startswith("DETACH") or _duckdb_reads(connection, text)


@pytest.mark.parametrize("text", DUCKDB)
def test_a_comment_before_a_statement_does_not_change_whose_it_is(text: str) -> None:
    assert isinstance(parse(f"/* CREATE SOURCE */ -- x\n{text}"), DuckStatement)


@pytest.mark.parametrize("text", OURS)
def test_what_kshell_takes_duckdb_could_not_have_run(text: str, connection: duckdb.DuckDBPyConnection) -> None:
    statement: Statement = parse(text)
    assert not isinstance(statement, DuckStatement)
    assert not _duckdb_reads(connection, text)


@pytest.mark.parametrize("text", SHADOWED)
def test_the_few_words_taken_from_duckdb_are_the_ones_of_the_grammar(text: str) -> None:
    assert not isinstance(parse(text), DuckStatement)


@pytest.mark.parametrize("word", ["RUN", "KILL", "ASSERT", "SELEC", "FORM"])
def test_a_typing_error_is_duckdbs_to_tell(word: str) -> None:
    assert isinstance(parse(f"{word} x"), DuckStatement)


def test_reserved_words_are_those_of_this_duckdb(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute("SELECT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category = 'reserved'").fetchall()
    assert {row[0] for row in rows} == set(RESERVED)
