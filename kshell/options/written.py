"""Values and options as a user wrote them, before any option's kind has looked at them.

Invariant: spans count characters from the start of the statement's text, and `value_text` gives text that reads back as the same value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Span:
    start: int
    end: int

    @property
    def length(self) -> int:
        return max(1, self.end - self.start)


@dataclass(frozen=True, slots=True)
class Word:
    """An unquoted word: json, add, read_committed. Dots join a name: local.shop.orders."""

    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """INTERVAL '1 hour', TIMESTAMP '...', TIMESTAMPTZ '...': the keyword in capitals and the text."""

    kind: Literal["INTERVAL", "TIMESTAMP", "TIMESTAMPTZ"]
    text: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """SECRET name, getenv('X'), getvariable('x'), FILE '/path', COMMAND '...': a value found when the statement runs."""

    kind: Literal["secret", "getenv", "getvariable", "file", "command"]
    name: str


# str: a quoted string. dict: MAP {...} with keys of any scalar. None: NULL.
Value = str | Word | int | float | bool | None | Typed | Lookup | list["Value"] | dict["str | int", "Value"]


@dataclass(frozen=True, slots=True)
class RawOption:
    """An option as written. `key` is canonical: upper case, `.` and `-` as `_`."""

    key: str
    written: str
    value: Value
    span: Span
    value_span: Span


Options = tuple[RawOption, ...]


def canonical(key: str) -> str:
    """Keys are equal when their canonical forms are."""
    return key.upper().replace(".", "_").replace("-", "_")


def string_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def value_text(value: object) -> str:
    """The value as SQL text."""
    if isinstance(value, bool) or value is None:
        return {True: "TRUE", False: "FALSE", None: "NULL"}[value]
    if isinstance(value, Word):
        return value.text
    if isinstance(value, Typed):
        return f"{value.kind} {string_text(value.text)}"
    if isinstance(value, Lookup):
        return _lookup_text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(value_text(v) for v in value) + "]"
    if isinstance(value, dict):
        return "MAP {" + ", ".join(f"{value_text(k)}: {value_text(v)}" for k, v in value.items()) + "}"
    return string_text(value) if isinstance(value, str) else str(value)


def _lookup_text(lookup: Lookup) -> str:
    if lookup.kind == "secret":
        return f"SECRET {lookup.name}"
    if lookup.kind in ("getenv", "getvariable"):
        return f"{lookup.kind}({string_text(lookup.name)})"
    return f"{lookup.kind.upper()} {string_text(lookup.name)}"
