"""What a statement reads, through views and macros, found without running it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from kshell.query.reads import reads

MADE = """
CREATE TABLE orders (id INT, other INT); CREATE TABLE words (w VARCHAR); CREATE SCHEMA live; CREATE VIEW live.orders AS FROM main.orders;
CREATE VIEW big (n) AS SELECT id FROM orders WHERE id > 9;
CREATE VIEW bigger AS FROM big WHERE n > 99;
CREATE MACRO since(x) AS TABLE SELECT * FROM words WHERE w > x;
CREATE MACRO newest() AS (SELECT max(n) FROM bigger);
CREATE VIEW "Odd Name" AS SELECT newest() AS top;
"""


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    made = duckdb.connect()
    made.execute(MADE)
    yield made
    made.close()


@pytest.mark.parametrize(("text", "ours"), [
    ("SELECT count(*) FROM orders", {"orders"}),
    ("FROM memory.main.orders o JOIN words w ON true", {"orders", "words"}),
    ("FROM live.orders", {"orders"}),
    ("SELECT 1 WHERE 3 IN (SELECT id FROM orders)", {"orders"}),
    ("WITH x AS (FROM words) SELECT 'orders' AS words FROM x", {"words"}),
    ("FROM orders(since := now())", {"orders"}),
    ("FROM big", {"orders"}),
    ("FROM BIGGER", {"orders"}),
    ("FROM since('a')", {"words"}),
    ('FROM "Odd Name"', {"orders"}),
    ("EXPLAIN FROM bigger", {"orders"}),
    ("DESCRIBE big", {"orders"}),
    ("SUMMARIZE words", {"words"}),
    ("COPY big TO 'x.csv'", {"orders"}),
    ("CREATE TABLE t AS FROM bigger", {"orders"}),
    ("TAIL orders LIMIT 3", {"orders"}),
    ("SELECT 1", set()),
    ("SELECT 'orders', 1 AS words", set()),
    ("SELECT other AS orders FROM range(3) t(other)", set()),
    ("FROM kafka.orders", set()),
    ("FROM elsewhere.main.orders", set()),
    ("", set()),
    ("SELECT '\udc80'", set()),
    ("FROM 'orders", set()),
])
def test_it_reads_these_sources_and_no_other(cursor: duckdb.DuckDBPyConnection, text: str, ours: set[str]) -> None:
    assert reads(cursor, text, ["Orders", "words"]) & {"orders", "words"} == ours


def test_nobody_looks_behind_what_is_ours(cursor: duckdb.DuckDBPyConnection) -> None:
    assert reads(cursor, "FROM big", ["big"]) == {"big"}


def test_views_that_name_each_other_end(cursor: duckdb.DuckDBPyConnection) -> None:
    cursor.execute("CREATE VIEW a AS SELECT 1 AS n; CREATE VIEW b AS FROM a; CREATE OR REPLACE VIEW a AS SELECT 1 AS n FROM words")
    assert {"a", "words"} <= reads(cursor, "FROM b", ["words"])
