"""Edits: a statement, the text that DuckDB gets instead, and how a place in one is found in the other.

Invariant: a position inside replaced text maps to the start of what the user typed there."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Edit:
    """`original[start:end]` became `put`."""

    start: int
    end: int
    put: str


@dataclass(slots=True)
class Edits:
    """`tables`: temporary tables, quoted, that end with the statement's result."""

    original: str
    edits: list[Edit] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

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
