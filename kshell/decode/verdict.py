"""A verdict against one record: a code of the catalogue and a message that never holds the whole value.

Invariant: verdicts are raised only by exact forms, and caught only by the loop that judges a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

MESSAGE_CHARACTERS = 200
RECORD_BYTES = 8 * 1024 * 1024
VALUE_BYTES = 4 * 1024 * 1024
OBJECT_KEYS = 2_000
LEVELS = 1_000


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that is no row. `index` is its row in the batch that was judged; the bytes stay there."""

    index: int
    code: str                                 # TYPE_MISFIT, JSON_SYNTAX, ...
    message: str                              # path, column and type; at most 200 printable characters, never the whole value
    schema_id: int | None = None              # that the record names


class Verdict(Exception):
    """The record is bad. Never leaves decode/."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class Undecodable(Exception):
    """The record at `index` of the batch ends the process that decodes it, or keeps it too long: no verdict, its partition stops."""

    def __init__(self, index: int, code: str, message: str) -> None:
        super().__init__(index, code, message)
        self.index, self.code, self.message = index, code, message


def bad(index: int, verdict: Verdict, schema_id: int | None = None) -> BadRecord:
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in verdict.message[:MESSAGE_CHARACTERS])
    return BadRecord(index, verdict.code, text, schema_id)


def each(rows: Iterable[Any], judge: Callable[[Any], Any]) -> tuple[list[Any], list[int], list[BadRecord]]:
    """(results, their indices, bad records) of judging each row."""
    good: list[Any] = []
    kept: list[int] = []
    faults: list[BadRecord] = []
    for index, row in enumerate(rows):
        try:
            good.append(judge(row))
            kept.append(index)
        except Verdict as verdict:
            faults.append(bad(index, verdict))
    return good, kept, faults


def text_of(data: bytes, what: str) -> str:
    """The bytes as UTF-8 text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Verdict("UTF8_INVALID", f"{what}: byte {error.start} is not UTF-8") from None
