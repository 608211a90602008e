"""The corpus as values. Invariant: an entry that cannot be read is an error of the test run, never an entry less.

    > a line of the script; the last error of the script is the one meant        $ kshell words of a command line
      code [at `text under the caret`]: a part of the message
      hint: a part of the hint                                                   (no such line: there is no hint)

`{refused}` is a port that refuses, `{silent}` one that accepts and never answers, `{folder}` the working folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("corpus.txt")
EXITS = {"syntax": 1, "unknown_option": 1, "bad_value": 1, "not_found": 1, "exists": 1, "conflict": 1, "refused": 1, "read_only": 1,
         "decode": 1, "limit": 1, "usage": 2, "connection": 3, "timeout": 4}
_ANSWER = re.compile(r"(\w+)(?:/(\d+))?(?: at `([^`]*)`)?: (.*)")


@dataclass(frozen=True, slots=True)
class Entry:
    line: int
    typed: str                                # the script, or the words after `kshell`
    command: bool                             # a command line
    code: str
    exit: int
    at: str | None                            # None: no place
    message: str
    hint: str | None

    def __str__(self) -> str:
        return f"{self.line}: {self.typed[:50]}"


def entries() -> list[Entry]:
    """Blocks, apart by empty lines; lines that begin with # are words about them."""
    found, block, first = [], list[str](), 0
    for number, line in enumerate([*FILE.read_text("utf-8").splitlines(), ""], start=1):
        if line and not line.startswith("#"):
            first = first if block else number
            block.append(line)
        elif block:
            found.append(_entry(block, first))
            block = []
    return found


def _entry(block: list[str], line: int) -> Entry:
    typed = [text[2:] for text in block if text[:2] in ("> ", "$ ")]
    told = [text.strip() for text in block if text.startswith("  ")]
    answer = _ANSWER.fullmatch(told[0])
    if answer is None or len(typed) + len(told) != len(block) or len(told) > 2 or (len(told) == 2 and not told[1].startswith("hint: ")):
        raise ValueError(f"{FILE.name}:{line}: not an entry: {block}")
    code, exit_, at, message = answer.groups()
    return Entry(line, "\n".join(typed), block[0].startswith("$"), code, int(exit_ or EXITS[code]), at, message,
                 told[1].removeprefix("hint: ") if len(told) == 2 else None)
