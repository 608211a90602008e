"""Text with a unit: durations in seconds, sizes in bytes.

Invariant: a number without a unit is neither; `duration_text` and `size_text` read back as the same number."""

from __future__ import annotations

import re
from decimal import Decimal

_MICROS = {
    **dict.fromkeys(("us", "microsecond", "microseconds"), 1),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1_000),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1_000_000),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60_000_000),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600_000_000),
    **dict.fromkeys(("d", "day", "days"), 86_400_000_000),
    **dict.fromkeys(("w", "week", "weeks"), 604_800_000_000),
}
_BYTES = {"b": 1, **{f"{p}b": 1000 ** n for n, p in enumerate("kmgt", 1)}, **{f"{p}ib": 1024 ** n for n, p in enumerate("kmgt", 1)}}
_PART = re.compile(r"\s*(\d[\d_]*(?:\.\d+)?)\s*([a-z]+)\s*", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(r"\s*(\d{1,4}):([0-5]\d)(?::([0-5]\d(?:\.\d{1,6})?))?\s*", re.ASCII)
MOST_SECONDS = 100 * 365 * 86_400               # beyond it a duration is a typing error, and dates overflow


def duration_s(text: str) -> float | None:
    """Seconds of `250ms`, `1h30m`, `5 minutes`, `01:30:00`; None: not a duration."""
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = clock.groups()
        micros = (int(hours) * 60 + int(minutes)) * 60_000_000 + int(Decimal(seconds or 0) * 1_000_000)
    else:
        parts = _parts(text, _MICROS)
        if parts is None:
            return None
        micros = parts
    return micros / 1_000_000 if micros <= MOST_SECONDS * 1_000_000 else None


def size_bytes(text: str) -> int | None:
    """Bytes of `128MB`, `1.5 GiB`; None: not a size."""
    found = _PART.fullmatch(text)
    return _parts(text, _BYTES) if found and len(found.group(1)) <= 30 else None


def _parts(text: str, units: dict[str, int]) -> int | None:
    """The sum of `number unit` pairs; None: something else is in the text."""
    total, end = 0, 0
    while end < len(text):
        part = _PART.match(text, end)
        if part is None or part.group(2).lower() not in units or len(part.group(1)) > 30:
            return None
        total += int(Decimal(part.group(1).replace("_", "")) * units[part.group(2).lower()])
        end = part.end()
    return total if text.strip() else None


def duration_text(seconds: float) -> str:
    """`60s`, `2h`, `250ms`: the largest unit that needs no fraction."""
    micros = round(seconds * 1_000_000)
    for unit in ("d", "h", "m", "s", "ms"):
        if micros and micros % _MICROS[unit] == 0:
            return f"{micros // _MICROS[unit]}{unit}"
    return f"{micros}us" if micros else "0s"


def size_text(count: int) -> str:
    """`512MB`, `1GiB`: the largest unit that needs no fraction."""
    for unit in ("TB", "TiB", "GB", "GiB", "MB", "MiB", "KB", "KiB"):
        if count and count % _BYTES[unit.lower()] == 0:
            return f"{count // _BYTES[unit.lower()]}{unit}"
    return f"{count}B"
