"""Numbers for people: short in the toolbar and the footer, grouped in a question.

Invariant: at most four significant digits where a unit follows, so that a bar does not jump about."""

from __future__ import annotations

_COUNTS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BYTES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def count(value: float) -> str:
    """12, 999, 1.2k, 312k, 4.0M."""
    for scale, unit in _COUNTS:
        if value >= scale:
            return _three(value / scale) + unit
    return f"{value:.0f}"


def size(value: float) -> str:
    """0 B, 96 MB, 1.5 GB; decimal units, as in options."""
    for scale, unit in _BYTES:
        if value >= scale:
            return f"{value / scale:.1f} {unit}" if value < 10 * scale else f"{value / scale:.0f} {unit}"
    return f"{value:.0f} B"


def age(seconds: float) -> str:
    """0.8 s, 41 s, 12 min, 3.5 h, 2.1 d."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} d"


def elapsed(seconds: float) -> str:
    return f"{seconds:.3f} s" if seconds < 10 else f"{seconds:.1f} s"


def grouped(value: int) -> str:
    """3 201: digits in groups of three."""
    return f"{value:,}".replace(",", " ")


def plural(value: int, word: str) -> str:
    return f"{grouped(value)} {word}{'' if value == 1 else 's'}"


def _three(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"
