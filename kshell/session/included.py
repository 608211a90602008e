"""The metadata columns that a source keeps beside those it always has.

Invariant: several topics always carry their name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def included(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of INCLUDE."""
    words = tuple(options["INCLUDE"] or ())
    several = options["TOPIC_PATTERN"] is not None or options["TOPICS"] is not None
    return ("topic", *words) if several and "topic" not in words else words
