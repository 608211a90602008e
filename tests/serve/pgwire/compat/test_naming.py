"""Columns without an alias are called as PostgreSQL calls them, where they are PostgreSQL's."""

from __future__ import annotations

import pytest

from kshell.serve.pgwire.compat import column_name


@pytest.mark.parametrize(("name", "shown"), [
    ("kshell_pg.kshell_regclass('orders')", "regclass"), ("kshell_pg.kshell_regtype_name(c.oid)", "regtype"),
    ("kshell_pg.kshell_regtype_names(proargtypes)", "regtype"), ('"version"()', "version"), ("kshell_pg.version()", "version"),
    ("current_database()", "current_database"), ("current_setting('a', true)", "current_setting"), ("current_user", "current_user"),
    ("kshell_pg.format_type(a, b)", "format_type"), ("(kshell_pg.kshell_regclass('a') = c.oid)", "(regclass('a') = c.oid)"),
])
def test_a_function_of_postgresql_names_its_column(name: str, shown: str) -> None:
    assert column_name(name) == shown


@pytest.mark.parametrize("name", ["id", "count_star()", "sum(amount)", "f(x)", "", "a(b", 'odd "name"(x)', "(a + b)"])
def test_other_columns_are_called_as_duckdb_calls_them(name: str) -> None:
    assert column_name(name) == name
