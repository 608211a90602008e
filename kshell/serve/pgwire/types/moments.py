"""Dates, times and intervals as PostgreSQL writes them with DateStyle ISO and IntervalStyle postgres.

Invariant: a TIMESTAMPTZ and the offset behind it denote the same instant, whatever the zone; infinity and years beyond 9999 or before 1
are written as PostgreSQL writes them (`BC` at the end). A zone that Python does not know (old abbreviations of three letters) is UTC."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytz

from kshell.output._moments import day
from kshell.serve.pgwire.types.cells import Numbers, blanked, from_list, joined, numbers

DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
ENDLESS_DAYS = (1 << 31) - 1
ENDLESS = (1 << 63) - 1
_FIRST_DAY, _END_DAY = -719162, 2932897       # 0001-01-01 and 10000-01-01: the years that Arrow writes as PostgreSQL does
_QUARTER_S = 900                              # zones change their offset at a quarter of an hour


def dates(array: pa.Array) -> pa.Array:
    days = numbers(array.cast(pa.int32()))
    if days.size and (days.min() < _FIRST_DAY or days.max() >= _END_DAY):
        return blanked(from_list([_day(int(d)) for d in days]), array)
    return array.cast(pa.string()).cast(pa.binary())


def _day(number: int) -> str:
    text, _, era = day(number).partition(" ")
    return f"{text} BC" if era else text


def times(array: pa.Array) -> pa.Array:
    ticks = micros_of_day(array)
    if ticks.size and ticks.max() >= 86400_000_000:        # 24:00:00, which is no time for Arrow
        return blanked(from_list([_clock(int(t), 6) for t in ticks]), array)
    return blanked(_trimmed(pa.array(ticks).cast(pa.time64("us"))), array)


def micros_of_day(array: pa.Array) -> Numbers:
    ticks = numbers(array.cast(pa.int64()))
    return ticks // 1000 if array.type.unit == "ns" else ticks


def moments(array: pa.Array, zone: str | None = None) -> pa.Array:
    """TIMESTAMP of any unit; with a zone instants in microseconds, as local time with the offset."""
    unit, ticks = ticks_of(array)
    away = None if zone is None else offsets(ticks // 10 ** DIGITS[unit], zone)
    return blanked(_local(ticks, unit, away), array)


def ticks_of(array: pa.Array) -> tuple[str, Numbers]:
    """The unit and the ticks since 1970; nanoseconds are cut to microseconds, infinity stays what it is."""
    ticks = numbers(array.cast(pa.int64()))
    if array.type.unit != "ns":
        return array.type.unit, ticks
    return "us", np.where(np.abs(ticks) == ENDLESS, ticks, ticks // 1000)


def _local(ticks: Numbers, unit: str, away: Numbers | None) -> pa.Array:
    per_day = 86400 * 10 ** DIGITS[unit]
    first, end = (_FIRST_DAY + 1) * per_day, (_END_DAY - 1) * per_day      # a day less on both sides: the offset may cross it
    if ticks.size and (ticks.min() < first or ticks.max() >= end):
        return from_list([_moment(int(t), DIGITS[unit], None if away is None else int(away[i])) for i, t in enumerate(ticks)])
    shown = ticks if away is None else ticks + away * 10 ** DIGITS[unit]
    text = _trimmed(pa.array(shown).cast(pa.timestamp(unit)))
    if away is None:
        return text
    different, places = np.unique(away, return_inverse=True)
    return joined([text, from_list([_offset(int(o)) for o in different]).take(pa.array(places))])


def _trimmed(array: pa.Array) -> pa.Array:
    """As text, the fraction without zeros at its end."""
    text = array.cast(pa.string())
    if array.type.unit != "s":
        text = pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")
    return text.cast(pa.binary())


def _moment(ticks: int, digits: int, away: int | None) -> str:
    if abs(ticks) == ENDLESS:
        return "infinity" if ticks > 0 else "-infinity"
    number, of_day = divmod(ticks + (away or 0) * 10 ** digits, 86400 * 10 ** digits)
    date, _, era = _day(number).partition(" ")
    return f"{date} {_clock(of_day, digits)}{'' if away is None else _offset(away)}{f' {era}' if era else ''}"


def _clock(ticks: int, digits: int) -> str:
    seconds, fraction = divmod(ticks, 10 ** digits)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{fraction:0{digits}d}".rstrip("0") if fraction else text


@lru_cache(maxsize=256)
def _offset(seconds: int) -> str:
    """+00, +05:30, and +00:17:30 for the local time of a city before there were zones."""
    hours, rest = divmod(abs(seconds), 3600)
    text = f"{'-' if seconds < 0 else '+'}{hours:02d}"
    if rest:
        text += f":{rest // 60:02d}"
    return f"{text}:{rest % 60:02d}" if rest % 60 else text


# ---- zones ---------------------------------------------------------------------------------------------------------

def offsets(seconds: Numbers, zone: str) -> Numbers:
    """Seconds east of UTC at each instant, found once for each quarter of an hour that occurs."""
    quarters, places = np.unique(seconds // _QUARTER_S, return_inverse=True)
    return np.array([offset_at(int(q) * _QUARTER_S, zone) for q in quarters], dtype=np.int64)[places]


@lru_cache(maxsize=8192)
def offset_at(second: int, zone: str) -> int:
    """Seconds east of UTC at an instant; outside the years that Python knows that of the nearest year."""
    within = min(max(second, -62135510400), 253402214400)
    away = datetime.fromtimestamp(within, zone_of(zone)).utcoffset()
    return 0 if away is None else round(away.total_seconds())


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """The system's zone, else that of pytz, which is always there."""
    spelled = _spelled().get(name.lower(), name)
    try:
        return zoneinfo.ZoneInfo(spelled)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    try:
        with pytz.open_resource(spelled) as file:
            return zoneinfo.ZoneInfo.from_file(file, key=spelled)
    except (OSError, ValueError):
        return UTC


@lru_cache(maxsize=1)
def _spelled() -> dict[str, str]:
    return {name.lower(): name for name in pytz.all_timezones}


# ---- intervals -----------------------------------------------------------------------------------------------------

def interval_parts(array: pa.Array) -> tuple[Numbers, Numbers, Numbers]:
    """Months, days and microseconds of each value, 0 for NULL."""
    layout = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
    found = np.frombuffer(array.buffers()[1], layout)[array.offset:array.offset + len(array)].copy()
    if array.null_count:
        found[~array.is_valid().to_numpy(zero_copy_only=False)] = 0
    return found["months"], found["days"], found["nanoseconds"] // 1000


def intervals(array: pa.Array) -> pa.Array:
    parts = zip(*(part.tolist() for part in interval_parts(array)), strict=True)
    return blanked(from_list([interval(*part) for part in parts]), array)


@lru_cache(maxsize=4096)
def interval(months: int, days: int, micros: int) -> str:
    """`1 year 2 mons -3 days +04:05:06.5`; a plus behind something negative; nothing at all is 00:00:00."""
    years, months = (abs(months) // 12, abs(months) % 12) if months >= 0 else (-(-months // 12), -(-months % 12))
    words: list[str] = []
    negative = False
    for number, unit in ((years, "year"), (months, "mon"), (days, "day")):
        if number:
            words.append(f"{'+' if negative and number > 0 else ''}{number} {unit}{'' if number == 1 else 's'}")
            negative = number < 0
    if micros or not words:
        sign = "-" if micros < 0 else "+" if negative else ""
        words.append(sign + _clock(abs(micros), 6))
    return " ".join(words)
