"""What a forked child runs beside the program itself. Each gets the words of a command line and returns an exit code."""

from __future__ import annotations

from collections.abc import Sequence


def compacting(words: Sequence[str]) -> int:
    """The program where two files are many."""
    from kshell.cli import main
    from kshell.iceberg import tiers

    tiers.FAN = 2
    return main(words)


def replaying_one_by_one(words: Sequence[str]) -> int:
    """The program with pieces of one record that is marked at once, so that one statement makes several commits."""
    from kshell.cli import main
    from kshell.session import error_rows, replay

    error_rows.PIECE_ROWS = replay.MARKS = 1
    return main(words)


def forgetting_verdicts(words: Sequence[str]) -> int:
    """The program with a defect: it does not look whether the error table is ahead of the table."""
    from kshell.cli import main
    from kshell.iceberg import errors_table

    errors_table._already = lambda *_: frozenset()  # type: ignore[assignment]
    return main(words)
