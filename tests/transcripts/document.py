"""A document as prose and steps, and back to text.

Invariant: `Document.parse(text).text() == text` for a document that nobody changed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

INDENT = "    "
SHELL, PROMPT = "$ ", "kshell> "
_MORE = {SHELL: re.compile(r"> ?"), PROMPT: re.compile(r" *\.\.\.> ?")}
_SETUP = re.compile(r"^(?:<!-- )?setup: (?P<names>[\w, ]+?)(?: -->)?$")


@dataclass
class Step:
    """One thing typed, as its lines stand in the document, and what the program answered."""

    mark: str                                # SHELL or PROMPT
    written: list[str]                       # the lines without indentation, marks included
    output: list[str] = field(default_factory=list)

    @property
    def typed(self) -> str:
        first, *more = self.written
        return "\n".join([first.removeprefix(self.mark), *(_MORE[self.mark].sub("", line, count=1) for line in more)])

    def lines(self) -> list[str]:
        return [(INDENT + line).rstrip() for line in [*self.written, *self.output]]


@dataclass
class Document:
    parts: list[str | Step]                  # a string is one line of prose

    @classmethod
    def parse(cls, text: str) -> Document:
        parts: list[str | Step] = []
        lines = text.split("\n")
        at = 0
        while at < len(lines):
            if _starts_session(lines[at]):
                end = _end_of_session(lines, at)
                parts += _steps([line.removeprefix(INDENT) for line in lines[at:end]])
                at = end
            else:
                parts.append(lines[at])
                at += 1
        return cls(parts)

    @property
    def steps(self) -> list[Step]:
        return [part for part in self.parts if isinstance(part, Step)]

    @property
    def setups(self) -> list[str]:
        """The functions of `setups.py` that this document asks for, in order."""
        found = [_SETUP.match(part) for part in self.parts if isinstance(part, str)]
        return [name.strip() for match in found if match for name in match["names"].split(",")]

    def text(self) -> str:
        lines: list[str] = []
        for part in self.parts:
            lines += part.lines() if isinstance(part, Step) else [part]
        return "\n".join(lines)


def _starts_session(line: str) -> bool:
    return line.startswith((INDENT + SHELL, INDENT + PROMPT))


def _end_of_session(lines: list[str], start: int) -> int:
    """The first line at the margin; empty lines before it belong to the prose."""
    end = start
    for at in range(start, len(lines)):
        if lines[at].startswith(INDENT):
            end = at + 1
        elif lines[at].strip():
            break
    return end


def _steps(lines: list[str]) -> list[Step]:
    steps: list[Step] = []
    for line in lines:
        mark = next((mark for mark in (SHELL, PROMPT) if line.startswith(mark)), None)
        if mark:
            steps.append(Step(mark, [line]))
        elif not steps[-1].output and _MORE[steps[-1].mark].match(line):
            steps[-1].written.append(line)
        else:
            steps[-1].output.append(line)
    return steps
