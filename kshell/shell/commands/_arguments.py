"""Reading the arguments of dot commands: words with quotes, on and off, counts.

Invariant: what does not fit is a BadValueError that shows the usage."""

from __future__ import annotations

import shlex

from kshell.errors import BadValueError

_ON, _OFF = frozenset({"on", "true", "yes", "1"}), frozenset({"off", "false", "no", "0"})


def words(arguments: str) -> list[str]:
    """Split at blanks; quotes hold a word together. An apostrophe that is not closed is an ordinary character."""
    try:
        return shlex.split(arguments)
    except ValueError:
        return arguments.split()


def on_off(arguments: str, now: bool, usage: str) -> bool:
    """The wished state; no argument turns it around."""
    word = arguments.strip().lower()
    if not word:
        return not now
    if word in _ON:
        return True
    if word in _OFF:
        return False
    raise BadValueError(f"{arguments.strip()} is neither on nor off", hint=f"write {usage}")


def number(text: str, usage: str) -> int:
    digits = text.replace("_", "")
    if not digits.isdigit():
        raise BadValueError(f"{text} is not a count", hint=f"write {usage}")
    return int(digits)


def like(pattern: str) -> str:
    """A shell pattern as one of SQL: `ord*` -> `ord%`. A word without wildcards is looked for anywhere in a name."""
    if not any(c in pattern for c in "*?%"):
        return f"%{pattern}%"
    return pattern.replace("*", "%").replace("?", "_")


def need(arguments: str, usage: str) -> str:
    if not arguments.strip():
        raise BadValueError("something is missing", hint=f"write {usage}")
    return arguments.strip()
