"""What those who write PostgreSQL are told, and what is kept of what is missing."""

from __future__ import annotations

import pytest

from kshell.serve.pgwire.compat import hint, missing


@pytest.mark.parametrize(("message", "instead"), [
    ("Catalog Error: Scalar Function with name to_char does not exist!", "strftime(x, '%Y-%m-%d %H:%M:%S')"),
    ('Catalog Error: Table Function with name "json_array_elements" does not exist!', "unnest(x->'$[*]')"),
    ("Catalog Error: Type with name citext does not exist!", "VARCHAR with lower(x)"),
])
def test_a_function_or_type_of_postgresql_only_is_told_its_counterpart(message: str, instead: str) -> None:
    assert hint(message) == f"You are writing DuckDB SQL, not PostgreSQL SQL: {instead}"


def test_a_parameter_without_a_type_is_told_how_to_get_one() -> None:
    message = "Could not choose a best candidate function for the function call \"date_trunc(STRING_LITERAL, STRING_LITERAL)\"."
    assert hint(message, "SELECT $1::INTEGER, date_trunc('hour', $2)") == (
        "a parameter without a type is text: write $2::TIMESTAMP, or the type it has")
    assert hint(message, "SELECT date_trunc('hour', 'x')") is None
    assert hint("Table t does not exist", "FROM t WHERE i = $1") is None


@pytest.mark.parametrize("message", ["Catalog Error: Scalar Function with name frob does not exist!", "Parser Error: syntax error"])
def test_nothing_is_said_of_what_is_not_known(message: str) -> None:
    assert hint(message) is None


def test_a_look_at_what_is_missing_is_told_once() -> None:
    asked = "SELECT *\n FROM pg_catalog.pg_frobs"
    said = [missing(asked, "Table with name pg_frobs does not exist!\nDid you mean x?") for _ in range(3)]
    line = ("a client asked for what kshell lacks of PostgreSQL (Table with name pg_frobs does not exist!): "
            "SELECT * FROM pg_catalog.pg_frobs")
    assert said == [line, None, None]


@pytest.mark.parametrize(("text", "message"), [
    ("SELECT * FROM orderz", "Table with name orderz does not exist!"), ("SELECT pg_catalog.x", "Out of memory")])
def test_what_is_no_look_at_the_catalog_or_failed_otherwise_is_not_told(text: str, message: str) -> None:
    assert missing(text, message) is None
