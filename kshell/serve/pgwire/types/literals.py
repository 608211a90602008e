"""PostgreSQL's literals, as text that DuckDB reads: dates, times, intervals, bytea, arrays.

Invariant: a literal that is not one of PostgreSQL's ISO forms raises ValueError; none is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from kshell.output._moments import day
from kshell.serve.pgwire.types.moments import ENDLESS, ENDLESS_DAYS, offset_at

_DAY_US = 86400_000_000
_DATE = r"(?P<year>\d{4,7})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?"
_OFFSET = r"(?P<offset>Z|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?)"
_ERA = r"(?:\s+(?P<era>AD|BC))?"
_DAY_ONLY = re.compile(_DATE + _ERA, re.IGNORECASE)
_MOMENT = re.compile(rf"{_DATE}(?:(?:\s+|T){_CLOCK}\s*{_OFFSET}?)?{_ERA}", re.IGNORECASE)
_TIME = re.compile(rf"{_CLOCK}\s*{_OFFSET}?", re.IGNORECASE)
_ENDLESS = {"infinity": "infinity", "+infinity": "infinity", "-infinity": "-infinity", "epoch": "1970-01-01 00:00:00"}
Fields = dict[str, str | None]


def _fields(pattern: re.Pattern[str], text: str) -> Fields:
    found = pattern.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return found.groupdict()


# ---- dates and times -----------------------------------------------------------------------------------------------

def date(text: str) -> str:
    if word := _ENDLESS.get(text.strip().lower()):
        return word.partition(" ")[0]
    return date_of(_days(_fields(_DAY_ONLY, text)))


def time(text: str) -> str:
    """An offset behind a time without zone is ignored, as PostgreSQL does."""
    return clock_of(_micros(_fields(_TIME, text)))


def timetz(text: str) -> str:
    found = _fields(_TIME, text)
    return clock_of(_micros(found)) + offset_of(_seconds(found["offset"] or "+00"))


def timestamp(text: str) -> str:
    if word := _ENDLESS.get(text.strip().lower()):
        return word
    found = _fields(_MOMENT, text)
    return moment_of(_days(found) * _DAY_US + _micros(found))


def instant(text: str, zone: str) -> str:
    """In UTC; a local time without an offset is meant in the zone."""
    if word := _ENDLESS.get(text.strip().lower()):
        return word if word.endswith("infinity") else f"{word}+00"
    found = _fields(_MOMENT, text)
    local = _days(found) * _DAY_US + _micros(found)
    away = _seconds(found["offset"]) if found["offset"] else _away(local // 1_000_000, zone)
    return f"{moment_of(local - away * 1_000_000)}+00"


def _away(local_second: int, zone: str) -> int:
    """The offset of a local time; where a clock is set back its first passing, where it is set forward the offset before."""
    before, after = offset_at(local_second - 86400, zone), offset_at(local_second + 86400, zone)
    return before if offset_at(local_second - before, zone) == before or offset_at(local_second - after, zone) != after else after


def _days(found: Fields) -> int:
    """Days since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms")."""
    year, month, of_month = (int(found[name] or 0) for name in ("year", "month", "day"))
    if (found["era"] or "").upper() == "BC":
        year = 1 - year
    elif not year:
        raise ValueError("year 0")
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + of_month - 1
    days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    if not (1 <= month <= 12 and day(days).startswith(f"{year if year > 0 else 1 - year:04d}-{month:02d}-{of_month:02d}")):
        raise ValueError("no such day")
    return days


def _micros(found: Fields) -> int:
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    fraction = round(int((found["fraction"] or "0").ljust(9, "0")) / 1000)
    micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
    if minute > 59 or second > 60 or micros > _DAY_US:
        raise ValueError("no such time")
    return micros


def _seconds(offset: str) -> int:
    if offset in "zZ":
        return 0
    digits = offset[1:].replace(":", "")
    if len(digits) % 2:
        digits = "0" + digits
    hours, minutes, seconds = (int(digits[n:n + 2] or 0) for n in (0, 2, 4))
    if hours > 15 or minutes > 59 or seconds > 59:
        raise ValueError(offset)
    return (hours * 3600 + minutes * 60 + seconds) * (-1 if offset[0] == "-" else 1)


def date_of(days: int) -> str:
    """Days since 1970 as DuckDB reads a date."""
    if not -ENDLESS_DAYS < days < ENDLESS_DAYS:
        raise ValueError(days)
    return day(days)


def moment_of(micros: int) -> str:
    """Microseconds since 1970 as DuckDB reads a timestamp."""
    if not -ENDLESS < micros < ENDLESS:
        raise ValueError(micros)
    days, of_day = divmod(micros, _DAY_US)
    date, _, era = day(days).partition(" ")
    return f"{date}{f' {era}' if era else ''} {clock_of(of_day)}"


def clock_of(micros: int) -> str:
    if not 0 <= micros <= _DAY_US:
        raise ValueError(micros)
    seconds, fraction = divmod(micros, 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}"


def offset_of(seconds: int) -> str:
    if abs(seconds) >= 16 * 3600:
        raise ValueError(seconds)
    return f"{'-' if seconds < 0 else '+'}{abs(seconds) // 3600:02d}:{abs(seconds) // 60 % 60:02d}:{abs(seconds) % 60:02d}"


# ---- intervals -----------------------------------------------------------------------------------------------------

_UNITS = {"microsecond": (0, 0, 1), "millisecond": (0, 0, 1000), "second": (0, 0, 1_000_000),
          "minute": (0, 0, 60_000_000), "hour": (0, 0, 3600_000_000), "day": (0, 1, 0), "week": (0, 7, 0),
          "month": (1, 0, 0), "year": (12, 0, 0)}
_SHORT = {"us": "microsecond", "ms": "millisecond", "s": "second", "sec": "second", "m": "minute", "min": "minute",
          "h": "hour", "hr": "hour", "d": "day", "w": "week", "mon": "month", "y": "year", "yr": "year"}
_WORD = re.compile(r"\s*,?\s*(?:(?P<sign>[+-]?)(?P<hour>\d+):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d*)?))?"
                   r"|(?P<number>[+-]?\d+(?:\.\d*)?|[+-]?\.\d+)\s*(?P<unit>[A-Za-z]+))")
_ISO = re.compile(r"\s*P(?:(?P<date>(?:[+-]?\d+(?:\.\d*)?[YMWD])+))?(?:T(?P<clock>(?:[+-]?\d+(?:\.\d*)?[HMS])+))?\s*")
_PART = re.compile(r"([+-]?\d+(?:\.\d*)?)([A-Z])")
_ISO_DATE = {"Y": "year", "M": "month", "W": "week", "D": "day"}
_ISO_CLOCK = {"H": "hour", "M": "minute", "S": "second"}


def interval(text: str) -> str:
    """`1 year 2 mons 3 days 04:05:06.5`, `1 day, 0:00:01`, `@ 1 hour ago`, `P1Y2M3DT4H5M6.5S`."""
    return interval_of(*_summed(_iso(text) if text.lstrip().startswith("P") else _words(text)))


def interval_of(months: int, days: int, micros: int) -> str:
    if max(abs(months), abs(days)) >= 1 << 31 or abs(micros) >= 1 << 63:
        raise ValueError("more than an interval holds")
    return f"{months} months {days} days {micros} microseconds"


def _words(text: str) -> list[tuple[str, str]]:
    body = text.strip().removeprefix("@")
    ago = body.endswith(" ago")
    body, at, found = body.removesuffix(" ago").rstrip(), 0, list[tuple[str, str]]()
    while at < len(body):
        word = _WORD.match(body, at)
        if word is None:
            raise ValueError(text)
        at = word.end()
        if word["unit"]:
            found.append((word["number"], _unit(word["unit"])))
        else:
            parts = ((word["hour"], "hour"), (word["minute"], "minute"), (word["second"] or "0", "second"))
            found += [(word["sign"] + number, unit) for number, unit in parts]
    if not found:
        raise ValueError(text)
    return [(_negated(number), unit) for number, unit in found] if ago else found


def _negated(number: str) -> str:
    return number[1:] if number.startswith("-") else f"-{number.removeprefix('+')}"


def _unit(word: str) -> str:
    name = word.lower()
    for known in (name, name.removesuffix("s")):
        if (unit := _SHORT.get(known, known)) in _UNITS:
            return unit
    raise ValueError(word)


def _iso(text: str) -> list[tuple[str, str]]:
    found = _ISO.fullmatch(text)
    if found is None or not (found["date"] or found["clock"]):
        raise ValueError(text)
    return ([(number, _ISO_DATE[letter]) for number, letter in _PART.findall(found["date"] or "")]
            + [(number, _ISO_CLOCK[letter]) for number, letter in _PART.findall(found["clock"] or "")])


def _summed(parts: Sequence[tuple[str, str]]) -> tuple[int, int, int]:
    """Months, days, microseconds; a fraction is exact down to the microsecond, and goes from days to hours but not from months to days."""
    months = days = micros = 0
    for number, unit in parts:
        of_month, of_day, of_micro = _UNITS[unit]
        months += _whole(number, of_month) if of_month else 0
        micros += _whole(number, of_micro) if of_micro else 0
        if of_day:
            sign, (whole, _, fraction) = -1 if number.startswith("-") else 1, number.lstrip("+-").partition(".")
            days += sign * int(whole or 0) * of_day
            micros += sign * _whole("0." + (fraction or "0"), of_day * _DAY_US)
    return months, days, micros


def _whole(number: str, times: int) -> int:
    sign, (whole, _, fraction) = -1 if number.startswith("-") else 1, number.lstrip("+-").partition(".")
    micros: int = round(int(fraction or 0) * times / 10 ** len(fraction))
    return sign * (int(whole or 0) * times + micros)


# ---- bytea and arrays ----------------------------------------------------------------------------------------------

_ESCAPED = re.compile(r"\\(\\|[0-3][0-7]{2})|\\", re.DOTALL)


def bytea(text: str) -> bytes:
    r"""Hex behind \x, or the older form: \\ for a backslash, \ooo for a byte."""
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    out, at = bytearray(), 0
    for found in _ESCAPED.finditer(text):
        if found[1] is None:
            raise ValueError(text)
        out += text[at:found.start()].encode()
        out += b"\\" if found[1] == "\\" else bytes([int(found[1], 8)])
        at = found.end()
    return bytes(out + text[at:].encode())


_TOKEN = re.compile(r'\s*(?:([{},])|"((?:[^"\\]|\\.)*)"|((?:[^{},"\\\s]|\\.|\s(?!\s*[{},]))+))\s*', re.DOTALL)
_BOUNDS = re.compile(r"\s*(\[-?\d+(:-?\d+)?\])+\s*=")
_MOST_DEPTH = 6


def array(text: str, item: Callable[[str], Any]) -> tuple[list[Any], int]:
    """The values of {1,NULL,"a b"} and how deep they lie; each that is not NULL is read by `item`."""
    bounds = _BOUNDS.match(text)
    at, open_, depth = bounds.end() if bounds else 0, list[list[Any]](), 0
    done: list[Any] | None = None
    expected = "{"
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or done is not None or not _follows(expected, token):
            raise ValueError(text)
        at, mark = token.end(), token[1]
        if mark == "{":
            open_.append([])
            depth, expected = max(depth, len(open_)), "first"
        elif mark == "}":
            closed = open_.pop()
            if open_:
                open_[-1].append(closed)
            else:
                done = closed
            expected = "next"
        elif mark == ",":
            expected = "item"
        else:
            open_[-1].append(_item(token, item))
            expected = "next"
    if done is None or depth > _MOST_DEPTH or not _even(done, depth):
        raise ValueError(text)
    return done, depth


def _even(items: list[Any], depth: int) -> bool:
    """Whether all values lie at this depth; an empty list may end above it."""
    if depth == 1:
        return not any(isinstance(item, list) for item in items)
    return all(isinstance(item, list) and _even(item, depth - 1) for item in items)


def _follows(expected: str, token: re.Match[str]) -> bool:
    """Whether the token may stand here: at the start {; behind { anything but a comma; behind a comma an item; behind an item , or }."""
    mark = token[1] or "value"
    return mark in {"{": "{", "first": ("{", "}", "value"), "item": ("{", "value"), "next": (",", "}")}[expected]


def _item(token: re.Match[str], item: Callable[[str], Any]) -> Any:
    if token[2] is not None:
        return item(re.sub(r"\\(.)", r"\1", token[2], flags=re.DOTALL))
    if token[3].lower() == "null":
        return None
    return item(re.sub(r"\\(.)", r"\1", token[3], flags=re.DOTALL))


def shaped(items: list[Any], sizes: Sequence[int]) -> list[Any]:
    """The flat items of an array of these dimensions."""
    count = 1
    for size in sizes:
        count *= size
    if len(items) != (count if sizes else 0) or any(size < 0 for size in sizes):
        raise ValueError(sizes)
    for size in reversed(sizes[1:]):
        items = [items[n:n + size] for n in range(0, len(items), size)] if size else []
    return items
