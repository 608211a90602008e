"""`kshell`, with a catalog that answers 409 to some commits that it has not looked at, and to some that it has made: a proxy that sends a
request twice does the second. `python -m tests.chaos.liar run script.sql ...`; KSHELL_SEED makes it repeatable.

It lies to this process alone. What PyIceberg does after a 409 to its own landing would be a fault of the neighbour, which the table and
not kshell would suffer from."""

from __future__ import annotations

import itertools
import os
import random
import sys
from typing import NoReturn

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import CommitTableResponse, Table

from kshell.cli import main
from kshell.iceberg import adapter

BEFORE, AFTER = "409 before the work", "409 after the work"
SHARE = 0.15                                  # with more, pauses between attempts grow to half a minute


def lie() -> None:
    """About the first request and the second for certain, about others by chance."""
    send, draw, numbers = adapter.send, random.Random(os.environ["KSHELL_SEED"]), itertools.count(1)

    def lying(table: Table, staged: adapter.Staged) -> CommitTableResponse:
        number = next(numbers)
        if number == 1 or draw.random() < SHARE:
            _refuse(BEFORE)
        response = send(table, staged)
        if number == 2 or draw.random() < SHARE:
            _refuse(AFTER)
        return response

    adapter.send = lying


def _refuse(answer: str) -> NoReturn:
    print(answer, file=sys.stderr, flush=True)
    raise CommitFailedException(answer)


if __name__ == "__main__":
    lie()
    sys.exit(main())
