"""An engine with all four extensions, a table, and what a user may have defined over it."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from kshell import sqlfile
from kshell.columns import literal
from kshell.engine import Engine

DEFINED = """
CREATE TABLE orders (a INTEGER, _kafka_offset BIGINT);
CREATE TABLE "named.csv" (a INTEGER);
CREATE SEQUENCE numbers;
CREATE VIEW plain AS FROM orders;
CREATE VIEW advancing AS SELECT nextval('numbers') AS n;
CREATE VIEW over_advancing AS FROM advancing;
CREATE MACRO days(n) AS TABLE FROM range(n);
CREATE MACRO any_table(name) AS TABLE FROM query_table(name);
CREATE MACRO any_query(text) AS TABLE FROM query(text);
CREATE MACRO file(path) AS (SELECT content FROM read_text(path));
CREATE MACRO file_of(folder, name := 'x') AS TABLE FROM read_text(folder || '/' || name);
CREATE MACRO through(path) AS file(path);
CREATE MACRO reverse(path) AS (SELECT content FROM read_text(path));
CREATE MACRO doubled(n) AS n * 2;
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine()
    made.need("avro", "iceberg", "httpfs")
    with made.cursor() as cursor:
        cursor.execute(f"LOAD {literal(str(quack()))}")
        cursor.execute(sqlfile.render("system/macros.sql"))
        cursor.execute(DEFINED)
    yield made
    made.close()


@pytest.fixture
def cursor(engine: Engine) -> Iterator[duckdb.DuckDBPyConnection]:
    with engine.cursor() as made:
        yield made


def quack() -> Path:
    package = pytest.importorskip("duckdb_extension_quack")
    return Path(next(iter(package.__path__))) / "extensions" / f"v{duckdb.__version__}" / "quack.duckdb_extension"
