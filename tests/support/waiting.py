"""Waiting for a fact. Invariant: every wait ends, and one that fails says what it saw last.

A bound here ends a hang and is no claim about speed: a machine that is busy with other tests may take its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], timeout_s: float = 30.0, *, every_s: float = 0.01) -> T:
    """The predicate's first true value. AssertionError with the last value seen once `timeout_s` have passed."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not true within {timeout_s:g} s; last seen: {value!r}")
        time.sleep(every_s)
