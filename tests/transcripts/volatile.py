"""What a transcript may show differently from run to run, declared: everything else must be equal, character for character.

Runs of blanks and of rules count as one, because a wider value widens its column."""

from __future__ import annotations

import re
from collections.abc import Sequence

PLACEHOLDERS: Sequence[tuple[str, str]] = (
    ("token", r"(?<=: )[\w-]{43}$"),
    ("port", r"(?<=127\.0\.0\.1:)\d{5}\b|(?<=-p )\d{5}\b|(?<=servers/pgwire-)\d{5}\b"),
    ("time", r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00(:00)?)?"),
    ("date", r"\d{4}-\d\d-\d\d"),
    ("snapshot", r"\b\d{16,19}\b"),
    ("id", r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
    ("group", r"(?<=-)[0-9a-f]{8}\b"),                    # the end of a default group's name: the table's UUID
    ("seconds", r"\b\d+(\.\d+)? (ms|s|min|h)\b(?! ago)"),
    ("age", r"\b\d+(\.\d+)? (ms|s|min) ago"),
    ("rate", r"\b\d[\d ,.]*k? (rows|events|records)/s"),
    ("size", r"\b\d+(\.\d+)? ?(bytes|[kKMG]i?B)\b"),
)

_WIDTHS = ((re.compile(r"[ \t]+"), " "), (re.compile(r"─+"), "─"), (re.compile(r"-{2,}"), "--"), (re.compile(r"━+"), "━"))
_COMPILED = tuple((f"<{name}>", re.compile(pattern)) for name, pattern in PLACEHOLDERS)


def comparable(lines: Sequence[str]) -> list[str]:
    """The lines with each volatile value as `<its name>` and widths reduced to one."""
    return [_comparable(line) for line in lines]


def _comparable(line: str) -> str:
    for name, pattern in _COMPILED:
        line = pattern.sub(name, line)
    for run, one in _WIDTHS:
        line = run.sub(one, line)
    return line.rstrip()
