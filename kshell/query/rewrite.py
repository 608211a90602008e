"""Edits: a statement, the text that DuckDB gets instead, and how a place in one is found in the other.

Invariant: a position inside replaced text maps to the start of what the user typed there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Edit:
    """`original[start:end]` became `put`."""

    start: int
    end: int
    put: str


@dataclass(slots=True)
class Edits:
    """`tables`: temporary tables, quoted, that end with the statement's result; `columns`: what they have, name and type."""

    original: str
    edits: list[Edit] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    columns: list[tuple[str, str]] = field(default_factory=list)

    def replace(self, start: int, end: int, put: str) -> None:
        """Edits are made from left to right."""
        self.edits.append(Edit(start, end, put))

    @property
    def text(self) -> str:
        parts, at = [], 0
        for edit in self.edits:
            parts += [self.original[at:edit.start], edit.put]
            at = edit.end
        return "".join(parts) + self.original[at:]

    def as_typed(self, name: str) -> str:
        """A column that DuckDB named after what it got, named after what was typed."""
        for edit in self.edits:
            table, _, alias = edit.put.partition(" AS ")
            pattern = r"\.".join(f'"?{re.escape(part)}"?' for part in table.split(".")) + r"\b"
            name = re.sub(pattern + (rf"( AS ({re.escape(alias)}|\w+))?" if alias else ""), self._typed(edit), name)
        return name

    def _typed(self, edit: Edit) -> Callable[[re.Match[str]], str]:
        return lambda _: self.original[edit.start:edit.end]

    def place(self, position: int, length: int) -> tuple[int, int]:
        """Position and length in the original for a position in `text`."""
        shift = 0
        for edit in self.edits:
            begins = edit.start + shift
            if position < begins:
                break
            if position < begins + len(edit.put):
                return edit.start, edit.end - edit.start
            shift += len(edit.put) - (edit.end - edit.start)
        return position - shift, length
