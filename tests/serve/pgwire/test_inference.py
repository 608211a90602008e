"""A parameter that stands beside a value of the query has its type, when a client asks."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from kshell.serve.pgwire.inference import inferred

INT4, INT8, TEXT, NUMERIC, TIMESTAMPTZ, INT8S = 23, 20, 25, 1700, 1184, 1016


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA odd; CREATE TABLE odd.only_there (x INTEGER)")
        connection.execute("CREATE TABLE n AS SELECT 1::BIGINT AS i, 'a' AS s, now() AS z, 1.5::DECIMAL(9,2) AS d")
        yield connection


@pytest.mark.parametrize(("text", "types"), [
    ("FROM n WHERE i < $1", {1: INT8}), ("FROM n WHERE $1 >= z", {1: TIMESTAMPTZ}), ("FROM n WHERE i IN ($1, $3, 5)", {1: INT8, 3: INT8}),
    ("FROM n WHERE z BETWEEN $1 AND $2", {1: TIMESTAMPTZ, 2: TIMESTAMPTZ}), ("FROM n WHERE i = ANY($1)", {1: INT8S}),
    ("FROM n WHERE lower(s) = $1 AND date_trunc('day', z) = $2", {1: TEXT, 2: TIMESTAMPTZ}),
    ("SELECT s, count(*) FROM n WHERE i > $1 GROUP BY s HAVING count(*) > $2 AND sum(d) < $3", {1: INT8, 2: INT8, 3: NUMERIC}),
    ("FROM n AS a JOIN n AS b ON a.i = b.i AND a.z > $1 WHERE b.d = $2", {1: TIMESTAMPTZ, 2: NUMERIC}),
    ("WITH c AS (SELECT i * 2 AS twice FROM n WHERE s = $1) FROM c WHERE twice > $2", {1: TEXT, 2: INT8}),
    ("WITH c AS (FROM n) SELECT (SELECT max(z) FROM c WHERE i = $1)", {1: INT8}),
    ("FROM n WHERE i = $1 UNION ALL FROM n WHERE d = $2", {1: INT8, 2: NUMERIC}),
    ("SELECT CASE WHEN i = $1 THEN 'x' END FROM n QUALIFY row_number() OVER (ORDER BY z) < $2", {1: INT8, 2: INT8}),
    ("FROM odd.only_there WHERE x = $1", {1: INT4}),
])
def test_a_parameter_has_the_type_beside_it(duck: duckdb.DuckDBPyConnection, text: str, types: dict[int, int]) -> None:
    assert inferred(duck, "memory.main", text, range(1, 10)) == types


def test_hundreds_of_parameters_that_do_not_stand_together_are_not_asked_about_one_by_one(duck: duckdb.DuckDBPyConnection) -> None:
    many = " OR ".join(f"i = ${number}" for number in range(2, 500))
    assert inferred(duck, "memory.main", f"SELECT i FROM n GROUP BY i HAVING count(*) = $1 OR {many}", range(1, 500)) == {}


@pytest.mark.parametrize("text", [
    "SELECT $1", "SELECT 1 WHERE $1 = $2", "FROM n WHERE i > $1 + $2", "FROM n WHERE z > $1::DATE", "FROM nowhere WHERE i = $1",
    "FROM n WHERE nothing = $1", "FROM only_there WHERE x = $1", "INSERT INTO n VALUES ($1)", "SELEC $1", "",
    "(" * 3000 + "$1" + ")" * 3000,
    "FROM n WHERE i = $name",
])
def test_another_parameter_has_none(duck: duckdb.DuckDBPyConnection, text: str) -> None:
    assert inferred(duck, "memory.main", text, range(1, 10)) == {}


def test_the_search_path_is_that_of_the_client_and_only_what_is_asked_is_answered(duck: duckdb.DuckDBPyConnection) -> None:
    assert inferred(duck, "memory.odd", "FROM only_there WHERE x = $1 AND x > $2", [2]) == {2: INT4}


def test_what_the_parent_reads_goes_on(duck: duckdb.DuckDBPyConnection) -> None:
    rows = duck.execute("FROM range(10000)").to_arrow_reader(100)
    assert inferred(duck, "memory.main", "FROM n WHERE i = $1", [1]) == {1: INT8}
    assert sum(batch.num_rows for batch in rows) == 10000


def test_a_client_that_is_gone_is_told_nothing() -> None:
    closed = duckdb.connect()
    closed.close()
    assert inferred(closed, "memory.main", "SELECT 1 = $1", [1]) == {}
