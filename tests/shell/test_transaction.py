"""A transaction that stays open is pointed out once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kshell.session.status import SourceStatus, Status
from kshell.shell.transaction import OpenTransaction
from tests.support.waiting import wait_until

HOLDS = Status((SourceStatus("orders", "running", 0, 0.0, 10, 96_000_000, None, 0),))
Make = Callable[[float], tuple[OpenTransaction, list[str]]]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[OpenTransaction] = []

    def build(after_s: float) -> tuple[OpenTransaction, list[str]]:
        warnings: list[str] = []
        made.append(OpenTransaction(lambda: HOLDS, warnings.append, after_s))
        return made[-1], warnings

    yield build
    for transaction in made:
        transaction.close()


def test_an_open_transaction_is_pointed_out_with_what_it_holds(make: Make) -> None:
    transaction, warnings = make(0.01)
    transaction.ran("BEGIN")
    wait_until(lambda: warnings, 5)
    assert "96 MB" in warnings[0]


@pytest.mark.parametrize("end", ["COMMIT", "rollback", "-- done\nEND TRANSACTION"])
def test_an_ended_one_is_not(make: Make, end: str) -> None:
    transaction, warnings = make(60)
    transaction.ran("BEGIN TRANSACTION")
    assert transaction.open
    transaction.ran(end)
    assert not transaction.open
    assert warnings == []


def test_other_statements_open_none(make: Make) -> None:
    transaction, _ = make(60)
    transaction.ran("SELECT 'BEGIN'")
    assert not transaction.open
