"""A program on a terminal of its own.

Invariant: the child of the fork runs no finalizer of this process: a garbage collection between fork and exec would end clients whose
threads the child does not have, and crash it."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

import pexpect


def spawn(program: str, arguments: Sequence[str] = (), **options: Any) -> pexpect.spawn[str]:
    """As `pexpect.spawn`, with text in UTF-8."""
    gc.disable()
    try:
        return pexpect.spawn(program, list(arguments), encoding="utf-8", **options)
    finally:
        gc.enable()
