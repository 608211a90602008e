"""SQLAlchemy over psycopg, which Superset and Redash use: what it reflects, and what it asks with parameters."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa

import kshell
from kshell.options import Secret
from kshell.serve import Servers
from kshell.serve.access import Access
from kshell.serve.host import Limits
from tests.serve.conftest import PASSWORD

RELATIONS = """
CREATE TABLE t (id BIGINT PRIMARY KEY, amount DECIMAL(10,2) NOT NULL DEFAULT 1, ts TIMESTAMPTZ, name VARCHAR, tags VARCHAR[], doc JSON);
INSERT INTO t VALUES (1, 9.5, '2026-01-02 03:04:05+00', 'ann', ['a', 'b'], '{"a": 1}'), (2, 0.05, NULL, 'bob', [], NULL);
COMMENT ON TABLE t IS 'the table'; COMMENT ON COLUMN t.id IS 'the id';
CREATE TABLE child (id INTEGER PRIMARY KEY, t BIGINT REFERENCES t(id), UNIQUE (t, id));
CREATE VIEW orders AS SELECT * FROM t;
CREATE SCHEMA other; CREATE VIEW other.orders AS SELECT 1 AS x;
"""


@pytest.fixture(scope="module")
def database() -> Iterator[sa.Engine]:
    with kshell.connect() as session:
        session.sql(RELATIONS).close()
        servers = Servers(session)
        served = servers.start("pgwire", Access(kind="pgwire", user="kshell", password=Secret(PASSWORD), token_file=None, host="127.0.0.1",
                                                port=0), Limits())
        database = sa.create_engine(f"postgresql+psycopg://kshell:{PASSWORD}@{served.address}/memory")
        yield database
        database.dispose()
        servers.close()


@pytest.fixture(scope="module")
def seen(database: sa.Engine) -> sa.Inspector:
    return sa.inspect(database)


def test_relations_are_listed_by_schema(seen: sa.Inspector) -> None:
    assert seen.get_schema_names() == ["information_schema", "kshell", "lake", "live", "main", "other"]
    assert (seen.default_schema_name, sorted(seen.get_table_names()), seen.get_view_names()) == ("main", ["child", "t"], ["orders"])
    assert (seen.get_table_names("other"), seen.get_view_names("other")) == ([], ["orders"])
    assert [seen.has_table(name) for name in ("t", "orders", "nope")] == [True, True, False]
    assert not seen.has_table("t", "other")


def test_columns_have_types(seen: sa.Inspector) -> None:
    assert {column["name"]: str(column["type"]) for column in seen.get_columns("orders")} == {
        "id": "BIGINT", "amount": "NUMERIC(10, 2)", "ts": "TIMESTAMP", "name": "TEXT", "tags": "ARRAY", "doc": "JSON"}
    (column, *_) = seen.get_columns("t")
    assert (column["nullable"], column["comment"], seen.get_table_comment("t")) == (False, "the id", {"text": "the table"})
    assert [c["default"] for c in seen.get_columns("t")][:2] == [None, "1"]


def test_keys_and_indexes(seen: sa.Inspector) -> None:
    assert seen.get_pk_constraint("t")["constrained_columns"] == ["id"]
    (key,) = seen.get_foreign_keys("child")
    assert (key["constrained_columns"], key["referred_table"], key["referred_columns"]) == (["t"], "t", ["id"])
    assert [unique["column_names"] for unique in seen.get_unique_constraints("child")] == [["t", "id"]]
    assert seen.get_pk_constraint("orders")["constrained_columns"] == []
    assert [index["column_names"] for index in seen.get_indexes("child")] == [["t", "id"]]
    assert seen.get_indexes("orders") == []


def test_the_text_of_a_view(seen: sa.Inspector) -> None:
    assert str(seen.get_view_definition("orders")).startswith("SELECT")


def test_the_isolation_is_that_of_a_snapshot(database: sa.Engine) -> None:
    with database.connect() as connection:
        assert connection.get_isolation_level() == "REPEATABLE READ"
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    with database.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1


def test_a_reflected_view_is_asked_with_parameters_and_a_limit(database: sa.Engine) -> None:
    meta = sa.MetaData()
    meta.reflect(database, views=True)
    orders = meta.tables["orders"]
    with database.connect() as connection:
        chosen = sa.select(orders.c.id, orders.c.amount, orders.c.tags, orders.c.doc)
        chosen = chosen.where(orders.c.name == "ann", orders.c.amount > Decimal("0.1"))
        assert connection.execute(chosen.limit(5).offset(0)).all() == [(1, Decimal("9.50"), ["a", "b"], {"a": 1})]
        assert connection.execute(sa.select(sa.func.count()).select_from(orders).where(orders.c.id.in_([1, 2, 3]))).scalar() == 2
        assert connection.execute(sa.select(orders.c.name).order_by(orders.c.id.desc())).scalars().all() == ["bob", "ann"]


def test_what_fails_leaves_the_connection_usable(database: sa.Engine) -> None:
    with database.connect() as connection:
        with pytest.raises(sa.exc.ProgrammingError):
            connection.execute(sa.text("SELECT nope FROM orders"))
        connection.rollback()
        with pytest.raises(sa.exc.DBAPIError):
            connection.execute(sa.text("DELETE FROM t"))
        connection.rollback()
        assert connection.scalar(sa.text("SELECT count(*) FROM t")) == 2
