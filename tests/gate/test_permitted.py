"""What the gate lets through, what it refuses, and what it tells."""

import time

import duckdb
import pytest

from kshell.engine import Engine
from kshell.errors import LimitError, ReadOnlyError, StatementError, StatementSyntaxError
from kshell.gate import permitted, refusals

READS = """
SELECT 1
(SELECT 1)
((FROM orders))
FROM orders SELECT sum(a)
WITH x AS (SELECT 1) FROM x
VALUES (1), (2)
TABLE orders
DESCRIBE orders
DESC orders
SHOW TABLES
SHOW ALL TABLES
SHOW orders
SUMMARIZE orders
UNPIVOT orders ON COLUMNS(*)
PIVOT orders ON a IN (1, 2) USING count(*)
EXPLAIN SELECT 1
EXPLAIN (SELECT 1)
EXPLAIN ANALYZE FROM orders
EXPLAIN (FORMAT json) FROM orders
EXPLAIN (ANALYZE, FORMAT json) FROM orders
FROM range(3)
SELECT unnest([1, 2]), histogram(a) FROM orders
SELECT [x FOR x IN range(3)]
FROM json_each('[1]')
FROM plain
FROM days(3)
SELECT doubled(a) FROM orders
FROM "named.csv"
FROM main."named.csv"
FROM information_schema.tables
FROM kshell.sources
SELECT 'COPY x TO y; DROP TABLE orders' -- INSERT
/* ATTACH */ SELECT 1;
SHOW SOURCES
LIST SINKS
SHOW SERVERS
SHOW CREATE SOURCE orders
DESCRIBE SOURCE orders
TAIL orders LIMIT 5
TAIL live.orders SINCE INTERVAL '5 minutes' WHERE a > 3 LIMIT 5
TAIL (SELECT a FROM orders WHERE a > 3) LIMIT 5
SELECT a FROM orders EMIT CHANGES LIMIT 5
SELECT FROM WHERE
FROM no_such_function()
""".strip().splitlines()

# Refused for whoever asks: F90 (changes something) and F91 (reads files).
CHANGES = """
INSERT INTO orders VALUES (1, 1)
UPDATE orders SET a = 1
DELETE FROM orders
TRUNCATE orders
MERGE INTO orders USING plain ON (orders.a = plain.a) WHEN MATCHED THEN DELETE
CREATE TABLE x AS FROM orders
CREATE OR REPLACE TEMP VIEW x AS FROM orders
CREATE SECRET s (TYPE s3)
CREATE SOURCE s FROM KAFKA (TOPIC 'x')
DROP TABLE orders
ALTER TABLE orders ADD COLUMN b INTEGER
COPY orders TO 'x.csv'
COPY orders FROM 'x.csv'
EXPORT DATABASE 'x'
IMPORT DATABASE 'x'
ATTACH 'x.db'
ATTACH 'kafka://b:9092' AS k (TYPE kafka)
DETACH x
LOAD iceberg
INSTALL iceberg
UPDATE EXTENSIONS
SET threads = 1
SET VARIABLE x = 1
RESET threads
SET kshell_timeout = '1s'
USE live
PRAGMA enable_profiling
PRAGMA show_tables
CALL pragma_version()
CALL kshell_serve('http')
CHECKPOINT
FORCE CHECKPOINT
VACUUM
ANALYZE
PREPARE x AS SELECT 1
EXECUTE x
DEALLOCATE x
BEGIN
START TRANSACTION
COMMIT
ROLLBACK
COMMENT ON TABLE orders IS 'x'
FLUSH SINK s
PAUSE ALL
OPTIMIZE SINK s
REPLAY ERRORS OF SINK s
REFRESH CATALOG local
EXPLAIN INSERT INTO orders VALUES (1, 1)
EXPLAIN ANALYZE INSERT INTO orders VALUES (1, 1)
EXPLAIN (ANALYZE) DELETE FROM orders
EXPLAIN CREATE TABLE x AS FROM orders
EXPLAIN COPY orders TO 'x.csv'
EXPLAIN CREATE SINK s FROM orders INTO ICEBERG local.a.b
PIVOT orders ON a USING count(*)
FROM (PIVOT orders ON a)
WITH p AS (PIVOT orders ON a) FROM p
EXPLAIN PIVOT orders ON a
FROM quack_serve('quack:localhost:9494', token => 'x')
FROM quack_query('quack:localhost:9494', 'SELECT 1')
FROM enable_logging()
FROM disable_logging()
FROM checkpoint()
FROM force_checkpoint()
FROM truncate_duckdb_logs()
FROM set_iceberg_table_properties('x', {'a': 'b'})
FROM query('DROP TABLE orders')
FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))
FROM query_table('x.csv')
FROM arrow_scan(1, 2, 3)
FROM duckdb_secrets()
FROM which_secret('s3://x', 's3')
FROM duckdb_settings()
FROM duckdb_logs()
SELECT nextval('numbers')
SELECT ('numbers').nextval()
SELECT system.main.nextval('numbers')
SELECT setseed(0.5)
SELECT write_log('x')
SELECT sleep_ms(10)
SELECT pg_sleep(10)
SELECT quack_check_token('a', 'b', 'c')
SELECT json_serialize_plan('FROM read_csv(''x.csv'')')
FROM histogram('x.csv', a)
FROM any_table('x.csv')
FROM any_query('SELECT 1')
SELECT file('/etc/passwd')
FROM file_of('/etc')
SELECT through('/etc/passwd')
SELECT reverse('/etc/passwd')
FROM advancing
FROM over_advancing
WITH x AS (FROM orders WHERE a IN (SELECT nextval('numbers'))) FROM x
SELECT a FROM orders ORDER BY nextval('numbers')
TAIL orders WHERE nextval('numbers') > 3 LIMIT 5
TAIL (SELECT nextval('numbers') FROM orders) LIMIT 5
TAIL orders WHERE 1 = 1) UNION SELECT nextval('numbers') WHERE (1 = 1 LIMIT 5
TAIL orders WHERE (SELECT count(*) FROM (PIVOT orders ON a)) > 0 LIMIT 5
""".strip().splitlines()

FILES = """
FROM read_csv('/etc/passwd')
FROM read_text('/etc/passwd')
FROM read_blob('../secret')
FROM read_parquet('s3://bucket/x.parquet')
FROM read_json_auto('http://host/wh/../x.json')
SELECT (SELECT content FROM read_text('/etc/passwd'))
FROM orders JOIN read_csv('x.csv') ON true
FROM glob('/etc/*')
FROM parquet_metadata('x.parquet')
FROM sniff_csv('x.csv')
FROM iceberg_scan('file:///wh/x')
FROM iceberg_metadata('file:///wh/x')
FROM 'x.csv'
FROM "x.parquet"
FROM x.json
FROM a.b.parquet
FROM other."named.csv"
FROM 'x.csv.gz'
FROM 'x.parquet?version=1'
FROM '/etc/passwd'
FROM 'C:\\x'
FROM 'file:x'
FROM 'http://host/wh/../x'
FROM '/wh/../x'
DESCRIBE 'x.csv'
SUMMARIZE 'x.csv'
SHOW 'x.csv'
EXPLAIN FROM 'x.csv'
EXPLAIN ANALYZE FROM read_csv('x.csv')
PIVOT 'x.csv' ON a IN (1) USING count(*)
WITH x AS (FROM 'x.csv') FROM x
SELECT 1 WHERE EXISTS (FROM 'x.csv')
""".strip().splitlines()

# What the owner of a read-only session may do, and a client of a server may not.
FOR_OWNERS = """
SHOW SECRETS
SHOW TOPICS FROM 'h:9092'
DESCRIBE TOPIC 'orders'
CHECK SINK s
VERIFY SINK s
PRINT 'orders'
TAIL orders
SUBSCRIBE orders
SELECT a FROM orders EMIT CHANGES
TAIL 'orders' LIMIT 5
TAIL k.orders LIMIT 5
TAIL orders SINCE getenv('HOME') LIMIT 5
FROM kafka_scan('orders')
FROM kafka_topics('k')
FROM kshell_buffer.segment_1
FROM memory.kshell_buffer.segment_1
FROM kshell.secrets
FROM memory.kshell.secrets
FROM secrets
DESCRIBE kshell.secrets
FROM duckdb_logs
FROM kshell.secrets
FROM memory.kshell.secrets
""".strip().splitlines()

# Text that is no single statement.
NONE = ["", "  ", ";", "-- SELECT 1",
        "SELECT 1; SELECT 2", "COMMIT; INSERT INTO orders VALUES (1, 1); BEGIN", ".shell true", "SELECT 1;\n.shell true"]


@pytest.mark.parametrize("remote", [False, True], ids=["owner", "client"])
@pytest.mark.parametrize("text", READS)
def test_what_reads_passes_unchanged(cursor: duckdb.DuckDBPyConnection, text: str, remote: bool) -> None:
    assert permitted(cursor, text, remote=remote).text == text.removesuffix(";")


@pytest.mark.fault("F90")
@pytest.mark.parametrize("remote", [False, True], ids=["owner", "client"])
@pytest.mark.parametrize("text", CHANGES)
def test_what_changes_something_is_refused(cursor: duckdb.DuckDBPyConnection, text: str, remote: bool) -> None:
    with pytest.raises(ReadOnlyError) as refused:
        permitted(cursor, text, remote=remote)
    assert refused.value.hint


@pytest.mark.fault("F91")
@pytest.mark.parametrize("word", sorted(refusals.WORDS))
def test_duckdb_does_not_even_parse_it(word: str) -> None:
    """To parse an IMPORT DATABASE it opens a file."""
    with pytest.raises(ReadOnlyError):
        permitted(None, f"{word} DATABASE '/etc'", remote=True)  # type: ignore[arg-type]


@pytest.mark.fault("F91")
@pytest.mark.parametrize("remote", [False, True], ids=["owner", "client"])
@pytest.mark.parametrize("text", FILES)
def test_what_reads_files_is_refused(cursor: duckdb.DuckDBPyConnection, text: str, remote: bool) -> None:
    with pytest.raises(ReadOnlyError):
        permitted(cursor, text, remote=remote)


@pytest.mark.parametrize("text", FOR_OWNERS)
def test_topics_secrets_and_endless_statements_are_not_for_clients(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    permitted(cursor, text)
    with pytest.raises(ReadOnlyError, match="clients of a kshell server only read"):
        permitted(cursor, text, remote=True)


def test_a_client_that_copies_a_stream_needs_no_limit(cursor: duckdb.DuckDBPyConnection) -> None:
    assert permitted(cursor, "TAIL orders", remote=True, endless=True).text == "TAIL orders"
    with pytest.raises(ReadOnlyError, match="is a topic"):
        permitted(cursor, "TAIL 'orders'", remote=True, endless=True)


@pytest.mark.fault("F90")
@pytest.mark.parametrize("text", NONE)
def test_it_is_one_statement_or_none(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    with pytest.raises(StatementSyntaxError):
        permitted(cursor, text, remote=True)


@pytest.mark.parametrize(("text", "at"), [
    ("SELECT 'ä', nextval('numbers')", "nextval"), ("EXPLAIN SELECT nextval('numbers')", "nextval"), ("FROM orders, 'ü.csv'", "'ü.csv'"),
    ("TAIL orders WHERE setseed(0.5) IS NULL LIMIT 1", "setseed"), ("TAIL (SELECT setseed(a) FROM orders) LIMIT 1", "setseed"),
    ("  DROP TABLE orders", "DROP"), ("EXPLAIN DELETE FROM orders", "DELETE"),
])
def test_the_refusal_has_its_place(cursor: duckdb.DuckDBPyConnection, text: str, at: str) -> None:
    with pytest.raises(ReadOnlyError) as refused:
        permitted(cursor, text)
    assert refused.value.position == text.index(at)


def test_the_refusal_says_what_to_do_instead(cursor: duckdb.DuckDBPyConnection) -> None:
    for text, hint in {"PIVOT orders ON a": "IN (", "COPY orders TO 'x.csv'": "let the client write", "FROM read_csv('x')": "CREATE TABLE",
                       "FROM kafka_scan('x')": "CREATE SOURCE", "FROM iceberg_scan('x')": "lake.name", "TAIL orders": "LIMIT"}.items():
        with pytest.raises(ReadOnlyError) as refused:
            permitted(cursor, text, remote=True)
        assert refused.value.hint is not None
        assert hint in refused.value.hint, text


@pytest.mark.fault("F87")
@pytest.mark.parametrize("text", ["SELECT " + "[" * 900 + "1" + "]" * 900, "SELECT " + "||".join(["'a'"] * 3000),
                                  "SELECT " + "(- " * 900 + "1" + ")" * 900])
def test_nesting_without_end_is_an_error_and_no_crash(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    try:
        permitted(cursor, text, remote=True)
    except StatementError as error:
        assert isinstance(error, LimitError | ReadOnlyError), error  # noqa: PT017  both answers are good, a crash is not


@pytest.mark.fault("F100")
def test_a_statement_of_a_megabyte_costs_little(cursor: duckdb.DuckDBPyConnection) -> None:
    """Strings and lists of constants are no work; what would be is refused before a tree of it is written."""
    numbers, names, text = ",".join(map(str, range(40_000))), ",".join(["a"] * 40_000), "{1,2}" * 200_000
    began = time.process_time()
    permitted(cursor, f"SELECT a IN ({numbers}), '{text}' FROM orders", remote=True)
    with pytest.raises(LimitError, match="too large to be looked through"):
        permitted(cursor, f"SELECT {names} FROM orders", remote=True)
    with pytest.raises(LimitError, match="the statement has 60002 operators and commas"):
        permitted(cursor, f"SELECT a IN ({'1,' * 60_000} 1) FROM orders", remote=True)
    assert time.process_time() - began < 10


@pytest.mark.parametrize("text", [
    "SELECT 1, 'x', nextval('numbers')", "SELECT 'a\"b', ('\\').nextval()", "SELECT 'é', [1, 2], nextval('numbers')",
    "SELECT '{\"class\":\"CONSTANT\"', nextval('numbers')", "SELECT DATE '2020-01-01', nextval(NULL)"])
@pytest.mark.parametrize("filler", ["", f" -- {'x' * 20_000}"], ids=["short", "long"])
def test_no_constant_hides_a_call(cursor: duckdb.DuckDBPyConnection, text: str, filler: str) -> None:
    text += filler
    with pytest.raises(ReadOnlyError, match="nextval advances a sequence"):
        permitted(cursor, text, remote=True)


def test_a_macro_is_known_as_soon_as_it_is_there(engine: Engine, cursor: duckdb.DuckDBPyConnection) -> None:
    permitted(cursor, "FROM came_later(3)", remote=True)
    with engine.cursor() as owner:
        owner.execute("CREATE MACRO came_later(path) AS TABLE FROM read_text(path)")
    with pytest.raises(ReadOnlyError, match="came_later calls read_text"):
        permitted(cursor, "FROM came_later('/etc/passwd')", remote=True)


def test_an_owners_view_and_macro_may_read_files_that_no_argument_names(engine: Engine, cursor: duckdb.DuckDBPyConnection) -> None:
    with engine.cursor() as owner:
        owner.execute("CREATE MACRO in_folder(part) AS TABLE FROM read_text('/nowhere/*.txt') WHERE filename = part; "
                      "CREATE VIEW folders AS FROM glob('/etc*')")
    assert permitted(cursor, "FROM in_folder('x')", remote=True)
    assert permitted(cursor, "FROM folders", remote=True)
