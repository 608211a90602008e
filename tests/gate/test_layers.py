"""What each layer of read-only lets through on DuckDB 1.5.5, so that none is taken for enough: the gate stops what the others do not."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from kshell.engine import Engine
from kshell.errors import ReadOnlyError
from kshell.gate import permitted

READ_ONLY = "BEGIN TRANSACTION READ ONLY"
STOPPED_BY_A_TRANSACTION = [
    "INSERT INTO orders VALUES (1)", "UPDATE orders SET a = 1", "DELETE FROM orders", "CREATE TABLE x (a INTEGER)", "DROP TABLE orders",
    "SELECT nextval('numbers')", "EXPLAIN ANALYZE INSERT INTO orders VALUES (1)", "CREATE VIEW x AS FROM orders",
    "ALTER TABLE orders ADD COLUMN b INTEGER",
]
PASSED_BY_A_TRANSACTION = [
    "COPY orders TO '{folder}/x.csv'", "EXPORT DATABASE '{folder}/export'", "ATTACH '{folder}/x.db'", "SET threads = 1",
    "CREATE SECRET s (TYPE s3)", "CHECKPOINT", "CREATE TEMP TABLE x (a INTEGER)", "FROM read_text('/etc/hostname')",
    "FROM enable_logging()", "SELECT setseed(0.5)", "SET VARIABLE x = 1", "COMMIT",
]
PASSED_BY_THE_LOCK = [
    "COPY orders TO '{folder}/x.csv'", "ATTACH '{folder}/x.db'", "EXPORT DATABASE '{folder}/export'",
    "FROM read_text('{folder}/*.txt')", "CREATE SECRET s (TYPE s3)", "CHECKPOINT", "FROM enable_logging()",
    "INSERT INTO orders VALUES (1)", "SET VARIABLE x = 1",
]
STOPPED_BY_THE_LOCK = [
    "COPY orders TO '{folder}/../x.csv'", "FROM read_text('/etc/hostname')", "FROM read_text('{folder}/../../etc/hostname')",
    "FROM read_text('http://127.0.0.1:1/x')", "ATTACH '/tmp/x.db'", "SET threads = 1", "INSTALL spatial",
    "SET python_enable_replacements = true", "SET lock_configuration = false", "FROM glob('/etc/*.conf')",
]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(threads=1)
    made.need("avro", "iceberg", "httpfs")
    made.cursor().execute("CREATE TABLE orders (a INTEGER); CREATE SEQUENCE numbers")
    (tmp_path / "table").mkdir()
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "table")


@pytest.mark.fault("F90")
@pytest.mark.parametrize("text", STOPPED_BY_A_TRANSACTION)
def test_a_transaction_that_only_reads_stops_it(fresh: Engine, text: str) -> None:
    cursor = fresh.cursor()
    cursor.execute(READ_ONLY)
    with pytest.raises((duckdb.InvalidInputException, duckdb.TransactionException)):
        cursor.execute(text)


@pytest.mark.fault("F90")
@pytest.mark.parametrize("text", PASSED_BY_A_TRANSACTION)
def test_a_transaction_that_only_reads_lets_it_through_and_the_gate_does_not(fresh: Engine, folder: str, text: str) -> None:
    cursor = fresh.cursor()
    cursor.execute(READ_ONLY)
    cursor.execute(text.format(folder=folder))
    _require_refused(fresh, text.format(folder=folder))


@pytest.mark.fault("F91")
@pytest.mark.parametrize("text", STOPPED_BY_THE_LOCK)
def test_the_lock_stops_it(fresh: Engine, folder: str, text: str) -> None:
    fresh.lock([folder])
    with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
        fresh.cursor().execute(text.format(folder=folder))
    _require_refused(fresh, text.format(folder=folder))


@pytest.mark.fault("F90")
@pytest.mark.parametrize("text", PASSED_BY_THE_LOCK)
def test_the_lock_lets_it_through_and_the_gate_does_not(fresh: Engine, folder: str, text: str) -> None:
    fresh.lock([folder])
    fresh.cursor().execute(text.format(folder=folder))
    _require_refused(fresh, text.format(folder=folder))


def _require_refused(engine: Engine, text: str) -> None:
    with engine.cursor() as cursor, pytest.raises(ReadOnlyError):
        permitted(cursor, text, remote=True)
