"""The facts about DuckDB 1.5.5 on which the gate's lists stand: a version that brings a name fails here until it is judged."""

import duckdb
import pytest

from kshell.gate import judged, permitted
from kshell.gate.queries import QUERY_WORDS
from tests.gate.conftest import DEFINED

# Table macros that DuckDB and its extensions define themselves.
OWN_TABLE_MACROS = {"duckdb_logs_parsed", "duckdb_profiling_settings", "histogram", "histogram_values", "whoami"}

# What extract_statements says a text is.
TYPES = {
    "SELECT 1": ["SELECT"], "FROM orders": ["SELECT"], "VALUES (1)": ["SELECT"], "TABLE orders": ["SELECT"], "SHOW TABLES": ["SELECT"],
    "DESCRIBE orders": ["SELECT"], "SUMMARIZE orders": ["SELECT"], "PIVOT orders ON a IN (1)": ["SELECT"],
    "UNPIVOT orders ON a": ["SELECT"], "PIVOT orders ON a": ["CREATE", "SELECT"], "EXPLAIN SELECT 1": ["EXPLAIN"],
    "EXPLAIN ANALYZE INSERT INTO orders VALUES (1, 1)": ["EXPLAIN"], "PRAGMA show_tables": ["SELECT"],
    "PRAGMA enable_profiling": ["PRAGMA"], "CALL pragma_version()": ["CALL"], "CHECKPOINT": ["CALL"],
    "INSERT INTO orders VALUES (1, 1)": ["INSERT"], "COPY orders TO 'x'": ["COPY"], "EXPORT DATABASE 'x'": ["EXPORT"],
    "ATTACH 'x'": ["ATTACH"], "DETACH x": ["DETACH"], "LOAD x": ["LOAD"], "INSTALL x": ["LOAD"], "SET threads = 1": ["SET"],
    "RESET threads": ["SET"], "USE live": ["SET"], "SET VARIABLE x = 1": ["SET"], "BEGIN": ["TRANSACTION"], "COMMIT": ["TRANSACTION"],
    "PREPARE x AS SELECT 1": ["PREPARE"], "EXECUTE x": ["EXECUTE"], "DEALLOCATE x": ["DROP"], "VACUUM": ["VACUUM"],
    "CREATE TABLE x (a INTEGER)": ["CREATE"], "CREATE SECRET (TYPE s3)": ["CREATE"], "DROP TABLE x": ["DROP"],
    "ALTER TABLE x ADD COLUMN b INTEGER": ["ALTER"], "MERGE INTO orders USING plain ON (a) WHEN MATCHED THEN DELETE": ["MERGE_INTO"],
    "UPDATE EXTENSIONS": ["???"], "COMMENT ON TABLE x IS 'x'": ["ALTER"],
}
NO_QUERY_FOR_DUCKDB = ["WITH x AS (INSERT INTO orders VALUES (1, 1) RETURNING a) FROM x", "DESCRIBE INSERT INTO orders VALUES (1, 1)",
                       "SELECT 1 INTO x", "FROM orders FOR UPDATE", "EXPLAIN EXPLAIN SELECT 1", "SELECT 'numbers'.nextval()"]


def names(cursor: duckdb.DuckDBPyConnection, condition: str) -> set[str]:
    return {str(row[0]) for row in cursor.execute(f"SELECT lower(function_name) FROM duckdb_functions() WHERE {condition}").fetchall()}


def test_every_table_function_is_judged_once(cursor: duckdb.DuckDBPyConnection) -> None:
    there = names(cursor, "function_type = 'table'")
    assert there - judged.ALLOWED - judged.REFUSED == set(), "judge these in gate/judged.py"
    assert set() == judged.ALLOWED & judged.REFUSED
    assert judged.REFUSED - there - judged.READS_TOPICS == set(), "these are no longer there"
    assert judged.ALLOWED - there == set()


def test_every_scalar_function_with_side_effects_is_judged(cursor: duckdb.DuckDBPyConnection) -> None:
    volatile = names(cursor, "function_type = 'scalar' AND (stability = 'VOLATILE' OR has_side_effects)")
    assert {name for name in volatile if judged.why_scalar(name) is None} == judged.HARMLESS_VOLATILES
    scalars = names(cursor, "function_type = 'scalar'")
    assert set(judged.REFUSED_SCALARS) <= scalars


def test_the_scalar_functions_of_extensions_are_judged(cursor: duckdb.DuckDBPyConnection) -> None:
    with duckdb.connect(config={"autoload_known_extensions": "false"}) as plain:
        core = names(plain, "function_type = 'scalar'")
    brought = names(cursor, "function_type = 'scalar'") - core
    assert {name for name in brought if judged.why_scalar(name) is None} == {"iceberg_bucket", "iceberg_truncate"}


def test_no_table_macro_of_duckdb_passes(cursor: duckdb.DuckDBPyConnection) -> None:
    mine = {word.split("(")[0] for word in DEFINED.replace("MACRO ", "MACRO:").split() if word.startswith("MACRO:")}
    there = names(cursor, "function_type = 'table_macro'") - {name.removeprefix("MACRO:") for name in mine}
    assert there == OWN_TABLE_MACROS
    assert [name for name in sorted(OWN_TABLE_MACROS) if _passes(cursor, f"FROM {name}('x', a)")] == []


def test_scalar_macros_of_duckdb_pass_but_for_two(cursor: duckdb.DuckDBPyConnection) -> None:
    own = names(cursor, "function_type = 'macro' AND internal")
    assert {name for name in own if not _passes(cursor, f'SELECT "{name}"(1)')} == {"pg_sleep", "get_block_size"}


@pytest.mark.fault("F90")
@pytest.mark.parametrize("text", TYPES)
def test_the_types_of_statements(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    assert [str(parsed.type.name) for parsed in cursor.extract_statements(text)] == TYPES[text]
    reads = TYPES[text] in (["SELECT"], ["EXPLAIN"]) and text.split()[0] in QUERY_WORDS | {"EXPLAIN"} and "INSERT" not in text
    assert _passes(cursor, text) == reads


@pytest.mark.parametrize("text", NO_QUERY_FOR_DUCKDB)
def test_what_duckdb_does_not_parse_has_no_effect(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    permitted(cursor, text, remote=True)
    with pytest.raises(duckdb.ParserException):
        cursor.execute(text)


def _passes(cursor: duckdb.DuckDBPyConnection, text: str) -> bool:
    from kshell.errors import ReadOnlyError

    try:
        permitted(cursor, text, remote=True)
    except ReadOnlyError:
        return False
    return True
