"""How far the clock of an HTTP server is from ours, by the Date of its answers.

Invariant: the header counts whole seconds and is looked at when the answer begins; what is no date tells nothing."""

from __future__ import annotations

import time
from datetime import UTC
from email.utils import parsedate_to_datetime


class Skew:
    """`seconds`: how far the server is ahead of this machine, as of its last answer; None: it has not said."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    def saw(self, date: str | None) -> None:
        try:
            told = parsedate_to_datetime(date or "")
        except (TypeError, ValueError):
            return
        middle = told.replace(tzinfo=told.tzinfo or UTC).timestamp() + 0.5      # of the second that the header names
        self.seconds = middle - time.time()
