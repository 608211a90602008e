"""What all output modes share: the settings, the writer they fill in, and the one function that makes text safe for a terminal.

Invariant: a mode is one file, its name is what users type; no mode imports another; a writer gets every batch once and in
order, and has handed it to the stream when `batch` returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import pyarrow as pa

from kshell.output._shape import OutColumn
from kshell.output._values import Texts, readable, texts


class Stream(Protocol):
    """Where bytes go: a file, a pipe, a terminal."""

    def write(self, data: bytes, /) -> object: ...
    def flush(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Settings:
    header: bool = True
    nullvalue: str | None = None              # None: the mode's own (empty, or NULL where people read it)
    terminal: bool = False                    # the stream is a terminal: nothing may reach it as a control sequence
    width: int | None = None                  # columns of the screen; None: no cut
    maxrows: int | None = None                # rows a table shows before it keeps head and tail only; None: all
    types: bool = True                        # table: types in the header
    table: str = "table"                      # insert: the name of the table
    large: str = "off"                        # table, large numbers in words: off, footer (below a single row), all
    wide_as_text: bool = False                # json, ndjson: numbers that a double does not hold are strings
    plan: bool = False                        # the rows are the text of a plan: people see it as it is


# C0, DEL, C1; bidirectional controls; line and paragraph separators; surrogates that stand for invalid UTF-8
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\x1b": "\\e", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """The text with every control character as a visible escape: ESC is \\e, U+202E is \\u202e, an invalid byte is \\xNN."""
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    char = found.group()
    if 0xDC80 <= ord(char) <= 0xDCFF:
        return f"\\x{ord(char) - 0xDC00:02x}"
    return _SHORT.get(char) or f"\\u{ord(char):04x}"


class Writer:
    """One result on one stream. `begin`, any number of `batch`, `end`."""

    null: ClassVar[str] = ""

    def __init__(self, stream: Stream, columns: Sequence[OutColumn], settings: Settings) -> None:
        self.stream = stream
        self.columns = tuple(columns)
        self.settings = settings

    def begin(self) -> None:
        """What stands before the first row. A result without rows has it too."""

    def batch(self, batch: pa.RecordBatch) -> None:
        raise AssertionError("every mode writes batches")

    def end(self) -> None:
        """What stands after the last row."""

    @property
    def nullvalue(self) -> str:
        return self.null if self.settings.nullvalue is None else self.settings.nullvalue

    def put(self, text: str) -> None:
        self.stream.write(text.encode("utf-8", "backslashreplace"))
        self.stream.flush()

    def safe(self, text: str) -> str:
        """For formats that keep every byte, except on a terminal."""
        return printable(text) if self.settings.terminal else text


def rows_of(columns: Sequence[Texts]) -> Iterator[tuple[str | None, ...]]:
    return zip(*columns, strict=True)


def machine(batch: pa.RecordBatch, columns: Sequence[OutColumn]) -> list[Texts]:
    """Text of every value for programs: BLOB as base64."""
    return [texts(array, column.shape) for array, column in zip(batch.columns, columns, strict=True)]


def human(batch: pa.RecordBatch, columns: Sequence[OutColumn], null: str, clean: Callable[[str], str] = printable) -> list[list[str]]:
    """Text of every value for people: printable, BLOB as text where it is text."""
    shown = []
    for array, column in zip(batch.columns, columns, strict=True):
        blob = column.shape.id == "blob"
        values = [None if v is None else readable(v) for v in array.to_pylist()] if blob else texts(array, column.shape)
        shown.append([null if v is None else clean(v) for v in values])
    return shown


def unique(names: Sequence[str]) -> list[str]:
    """Names for formats in which two columns cannot share one: a, a_1, a_2. Case counts."""
    result: list[str] = []
    for name in names:
        candidate, n = name, 0
        while candidate in result:
            n += 1
            candidate = f"{name}_{n}"
        result.append(candidate)
    return result
