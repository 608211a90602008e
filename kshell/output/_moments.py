"""Dates, times and intervals of Arrow as text, beyond the years that Python's datetime knows.

Invariant: what DuckDB holds is what is printed: infinity, years after 9999 and `(BC)`, nanoseconds, 24:00:00."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa

Texts = list[str | None]
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_ENDLESS_DAYS = (1 << 31) - 1
_ENDLESS = (1 << 63) - 1


@lru_cache(maxsize=4096)
def day(number: int) -> str:
    """Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms")."""
    if abs(number) == _ENDLESS_DAYS:
        return "infinity" if number > 0 else "-infinity"
    year, month, of_month = _civil(number)
    if year <= 0:
        return f"{1 - year:04d}-{month:02d}-{of_month:02d} (BC)"
    return f"{year:04d}-{month:02d}-{of_month:02d}"


def _civil(number: int) -> tuple[int, int, int]:
    era, of_era = divmod(number + 719468, 146097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def _clock(ticks: int, digits: int) -> str:
    """Ticks since midnight; the fraction without zeros at its end."""
    seconds, fraction = divmod(ticks, 10 ** digits)
    minutes, second = divmod(seconds, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    return f"{text}.{fraction:0{digits}d}".rstrip("0") if fraction else text


def days(array: pa.Array) -> Texts:
    return [None if v is None else day(v) for v in array.cast(pa.int32()).to_pylist()]


def times(array: pa.Array) -> Texts:
    digits = _DIGITS[array.type.unit]
    return [None if v is None else _clock(v, digits) for v in array.cast(pa.int64()).to_pylist()]


def moments(array: pa.Array) -> Texts:
    """`2026-11-25 13:00:00.5`, with a zone `2026-11-25T13:00:00.5Z`: an instant, in UTC."""
    digits = _DIGITS[array.type.unit]
    between, after = ("T", "Z") if array.type.tz else (" ", "")
    return [None if v is None else _moment(v, digits, between, after) for v in array.cast(pa.int64()).to_pylist()]


def _moment(ticks: int, digits: int, between: str, after: str) -> str:
    if abs(ticks) == _ENDLESS:
        return "infinity" if ticks > 0 else "-infinity"
    number, of_day = divmod(ticks, 86400 * 10 ** digits)
    date = day(number)
    return f"{date}{' ' if date.endswith(')') else between}{_clock(of_day, digits)}{after}"     # ISO 8601 has no (BC)


def intervals(array: pa.Array) -> Texts:
    return [None if v is None else interval(v.months, v.days, v.nanoseconds) for v in array.to_pylist()]


def interval(months: int, of_days: int, nanoseconds: int) -> str:
    """ISO 8601: P1Y2M3DT4H5M6.5S; every part carries its own sign, none at all is PT0S."""
    years, months = _split(months, 12)
    date = "".join(f"{n}{unit}" for n, unit in ((years, "Y"), (months, "M"), (of_days, "D")) if n)
    clock = _duration(nanoseconds)
    return f"P{date}T{clock}" if clock else f"P{date}" if date else "PT0S"


def _duration(nanoseconds: int) -> str:
    sign = "-" if nanoseconds < 0 else ""
    seconds, fraction = divmod(abs(nanoseconds), 10 ** 9)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    text = "".join(f"{sign}{n}{unit}" for n, unit in ((hours, "H"), (minute, "M")) if n)
    if fraction:
        return text + f"{sign}{second}.{fraction:09d}".rstrip("0") + "S"
    return text + f"{sign}{second}S" if second else text


def _split(number: int, by: int) -> tuple[int, int]:
    """Quotient and rest with the sign of the number: -14 months are -1Y-2M."""
    sign = -1 if number < 0 else 1
    whole, rest = divmod(abs(number), by)
    return sign * whole, sign * rest
