"""What a terminal asks about before it runs, and what leaving asks."""

from __future__ import annotations

import pytest

from kshell import lang
from kshell.shell import leave
from kshell.shell.confirm import question
from tests.shell.fakes import FakeSession, waiting_rows


@pytest.mark.parametrize("text", [
    "DROP SOURCE orders CASCADE", "DROP TABLE t CASCADE", "ALTER SOURCE orders SEEK TO 'earliest'", "ALTER SINK s ACCEPT ROLLBACK",
    "ALTER SINK s ACCEPT NEW TOPIC", "ALTER SINK s ACCEPT NEW CLUSTER OFFSETS MAP {0: 100}",
    "CREATE OR REPLACE SINK s FROM o INTO ICEBERG local.a.b",
])
def test_what_cannot_be_had_back_is_asked_about(text: str) -> None:
    assert question(lang.parse(text))


@pytest.mark.parametrize("text", [
    "DROP SOURCE orders", "DROP SINK s", "DROP TABLE t", "CREATE SINK s FROM o INTO ICEBERG local.a.b", "SELECT 1", "FLUSH ALL",
    "EXPLAIN CREATE OR REPLACE SINK s FROM o INTO ICEBERG local.a.b", "ALTER SINK s SKIP PARTITION 3 TO 910",
])
def test_other_statements_just_run(text: str) -> None:
    assert question(lang.parse(text)) is None


@pytest.mark.parametrize(("answer", "flush"), [("", True), ("y", True), ("Y", True), ("n", False), ("no", False)])
def test_leaving_asks_about_rows_that_wait(session: FakeSession, answer: str, flush: bool) -> None:
    session.waiting = [waiting_rows("a", 3000), waiting_rows("b", 201)]
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return answer

    assert leave.wants_flush(session, ask) is flush
    assert asked == ["3 201 rows not yet in Iceberg: flush them (Y) or leave them in Kafka (n)? "]


def test_without_waiting_rows_nothing_is_asked(session: FakeSession) -> None:
    def never(text: str) -> str:
        raise AssertionError(text)

    assert leave.wants_flush(session, never)
