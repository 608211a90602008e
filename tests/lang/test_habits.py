"""Habits of other programs are explained where they fail, and change nothing of what works. What each is told: tests/wrong."""

from __future__ import annotations

import duckdb
import pytest

from kshell.lang import habits
from kshell.lang.forms import EXAMPLES
from tests.lang.test_passthrough import DUCKDB, OURS


def test_a_function_that_duckdb_has_is_nobodys_habit() -> None:
    with duckdb.connect(":memory:") as connection:
        known = {row[0] for row in connection.execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()}
    assert not known & set(habits.FUNCTIONS)


WORKS = [*EXAMPLES.values(), *OURS, *(text for text in DUCKDB if text != "DESCRIBE sources")]


@pytest.mark.parametrize("text", WORKS)
def test_a_statement_that_works_is_nobodys_habit(text: str) -> None:
    assert habits.hint_for(text) is None


@pytest.mark.parametrize(("text", "alone"), [
    ("exit", True), (" QUIT ", True), ("help", True), ("exit;", False), ("exits", False), ("", False), ("clear\nSELECT", False),
    ("SELECT", False),
])
def test_a_word_that_is_the_whole_line_needs_no_semicolon(text: str, alone: bool) -> None:
    assert habits.stands_alone(text) == alone


@pytest.mark.parametrize("text", ["SELECT 'WINDOW TUMBLING'", "SELECT 1 -- EMIT FINAL", 'SELECT "EMIT FINAL"'])
def test_what_is_in_quotes_and_comments_is_nobodys_habit(text: str) -> None:
    assert habits.hint_for(text) is None
