"""Every error has a SQLSTATE that drivers know, and keeps its words, hint and place."""

from __future__ import annotations

import pytest

from kshell import errors
from kshell.errors import BadValueError, Error, LimitError, NotFoundError
from kshell.serve.pgwire.sqlstate import fields_of, sqlstate


@pytest.mark.parametrize(("error", "state"), [
    (errors.StatementSyntaxError("x"), "42601"), (errors.ReadOnlyError("x"), "25006"), (errors.UnreachableError("x"), "08006"),
    (errors.DeadlineError("x"), "57014"), (errors.CancelledError("x"), "57014"), (errors.InternalError("x"), "XX000"),
    (NotFoundError("Table t does not exist"), "42P01"), (NotFoundError('column "offset" not found in FROM clause'), "42703"),
    (NotFoundError("Scalar Function with name f does not exist"), "42883"), (NotFoundError("there is no source x"), "42P01"),
    (NotFoundError("there is no database or schema x"), "3D000"), (NotFoundError("there is no connection x"), "42704"),
    (BadValueError("Could not convert string 'a' to INT32"), "22P02"), (BadValueError("x is not"), "22023"),
    (BadValueError("No function matches the given name"), "42883"),
    (LimitError("pgwire serves 64 sessions already"), "53300"), (LimitError("8 statements are running already"), "53300"),
    (LimitError("the result is larger than 5 rows"), "53200"),
])
def test_an_error_has_its_state(error: Error, state: str) -> None:
    assert sqlstate(error) == state


def test_every_error_of_the_tree_has_one() -> None:
    tree = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Error)]
    assert all(len(sqlstate(one("said"))) == 5 for one in tree)


def test_the_fields_keep_hint_and_place_and_further_lines_are_the_detail() -> None:
    made = fields_of(NotFoundError("first\nsecond\nthird", hint="type this", position=7))
    assert made["M"] == "first"
    assert made["D"] == "second\nthird"
    assert made["H"] == "type this"
    assert made["P"] == "8", "places count from 1"
    assert made["S"] == made["V"] == "ERROR"
