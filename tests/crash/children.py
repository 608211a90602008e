"""What a forked child runs beside the program itself. Each gets the words of a command line and returns an exit code."""

from __future__ import annotations

from collections.abc import Sequence


def expiring(words: Sequence[str]) -> int:
    """The program with an expiry after every flush, which otherwise waits an hour."""
    from kshell.cli import main
    from kshell.flush import flusher

    flusher.EXPIRY_S = 0.0
    return main(words)
