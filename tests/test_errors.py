"""The tree of errors is the one that its docstring draws, and every leaf has a code and an exit."""

from __future__ import annotations

import re

import pytest

from kshell import errors
from kshell.errors import Error, StatementError, UnknownOptionError, did_you_mean


def _drawn() -> dict[str, tuple[str, int]]:
    """name -> (code, exit) as drawn; a leaf without an exit has that of its branch."""
    found: dict[str, tuple[str, int]] = {}
    branch_exit = 1
    for line in (errors.__doc__ or "").splitlines():
        row = re.match(r"\s*(│?)\s*[├└]── (\w+)\s+([a-z_]+)?\s*(\d+)?(?:\s|$)", line)
        if row:
            branch_exit = int(row.group(4)) if row.group(4) else 1 if row.group(1) else branch_exit
            found[row.group(2)] = (row.group(3) or "bad_value", branch_exit)
    return found


def _classes() -> dict[str, type[Error]]:
    found = {name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Error)}
    return {name: value for name, value in found.items() if value is not Error}


def test_the_drawing_shows_every_error_with_its_code_and_exit() -> None:
    assert _drawn() == {name: (cls.code, cls.exit) for name, cls in _classes().items()}


def test_codes_are_those_that_machines_are_promised() -> None:
    assert {cls.code for cls in _classes().values()} == {
        "syntax", "unknown_option", "bad_value", "not_found", "exists", "conflict", "refused", "read_only", "decode", "limit", "connection",
        "timeout", "interrupted", "usage", "internal"}


@pytest.mark.parametrize(("name", "code"), [
    ("UsageError", 2), ("UnreachableError", 3), ("DeadlineError", 4), ("CancelledError", 130),
("InternalError", 1),
])
def test_exits_are_those_of_the_manual(name: str, code: int) -> None:
    assert _classes()[name].exit == code


def test_whatever_a_statement_did_wrong_exits_with_1() -> None:
    assert {cls.exit for cls in _classes().values() if issubclass(cls, StatementError)} == {1}


def test_a_place_is_given_once() -> None:
    error = UnknownOptionError("no", hint="yes")
    assert error.at(5, 3) is error
    assert (error.position, error.length) == (5, 3)
    error.at(9, 9)
    assert (error.position, error.length) == (5, 3)


@pytest.mark.parametrize(("name", "known", "hint"), [
    ("TOPC", ["TOPIC", "START"], "did you mean TOPIC?"),
    ("ordrs", ["Orders", "customers"], "did you mean Orders?"),
    ("zzz", ["TOPIC"], None),
    ("", ["TOPIC"], None),
    ("x", [], None),
])
def test_the_nearest_name_is_offered_and_a_far_one_is_not(name: str, known: list[str], hint: str | None) -> None:
    assert did_you_mean(name, known) == hint


def test_several_near_names_are_offered_when_asked_for() -> None:
    assert did_you_mean("order", ["orders", "ordering", "x"], most=2) == "did you mean orders or ordering?"
