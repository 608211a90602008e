"""Large numbers in words: 12345678 is `12.35 million`, as DuckDB's own shell writes it.

Invariant: below a million, and for what is no finite number, there are no words."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

NAMES = ("million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion", "octillion", "nonillion",
         "decillion", "undecillion")
_FIRST = 6                                    # digits that a million has behind its first


def in_words(text: str) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() < _FIRST:
        return None
    step = min((number.adjusted() - _FIRST) // 3, len(NAMES) - 1)
    shown = round(number.scaleb(-_FIRST - 3 * step), 2)
    if abs(shown) >= 1000 and step + 1 < len(NAMES):          # 999,999,999 is a billion when it is rounded
        step, shown = step + 1, round(shown.scaleb(-3), 2)
    return f"{shown:.2f} {NAMES[step]}"
