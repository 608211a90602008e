"""ISO 8601 texts into the numbers of Arrow: days, microseconds of the day, microseconds since 1970.

Invariant: extended format only, digits beyond microseconds are cut, a time is never given a zone that it does not have."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_CLOCK = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]*))?)?"
_ZONE = r"(Z|([+-])([0-9]{2})(?::?([0-9]{2}))?)"
_DATE_ONLY, _CLOCK_ONLY = re.compile(_DATE), re.compile(_CLOCK)
_LOCAL, _ZONED = re.compile(f"{_DATE}T{_CLOCK}"), re.compile(f"{_DATE}T{_CLOCK}{_ZONE}")
_EPOCH = date(1970, 1, 1).toordinal()
_DAY = 86_400_000_000
_FIRST, _LAST = (date.min.toordinal() - _EPOCH) * _DAY, (date.max.toordinal() + 1 - _EPOCH) * _DAY


class NotIso(Exception):
    """The text is not of the form; says what it is."""


class OutOfRange(Exception):
    """A year outside 1 to 9999."""


def days(text: str) -> int:
    """DATE."""
    match = _DATE_ONLY.fullmatch(text)
    if match is None:
        raise NotIso("a text that is no ISO 8601 date")
    return _days(*match.groups())


def clock(text: str) -> int:
    """TIME: without an offset, below 24 hours."""
    match = _CLOCK_ONLY.fullmatch(text)
    if match is None:
        raise NotIso("a text that is no ISO 8601 time without an offset")
    micros = _clock(*match.groups())
    if micros >= _DAY:
        raise NotIso("a time of 24 hours")
    return micros


def local(text: str) -> int:
    """TIMESTAMP: an offset would be lost, so none is allowed."""
    match = _LOCAL.fullmatch(text)
    if match is None:
        raise NotIso("a text that is no ISO 8601 timestamp without an offset")
    return _bounded(_days(*match.groups()[:3]) * _DAY + _clock(*match.groups()[3:]))


def instant(text: str) -> int:
    """TIMESTAMP WITH TIME ZONE: the offset is required."""
    match = _ZONED.fullmatch(text)
    if match is None:
        raise NotIso("a text that is no ISO 8601 timestamp with an offset")
    parts = match.groups()
    sign, hours, minutes = parts[8:]
    offset = (int(hours) * 60 + int(minutes or 0)) * 60_000_000 if sign else 0
    if sign and (int(hours) > 15 or int(minutes or 0) > 59):
        raise NotIso("an offset that no place has")
    return _bounded(_days(*parts[:3]) * _DAY + _clock(*parts[3:7]) - (offset if sign == "+" else -offset))


def _days(year: str, month: str, day: str) -> int:
    if year == "0000":
        raise OutOfRange
    try:
        return date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        raise NotIso("a date that is not in the calendar") from None


def _clock(hour: str, minute: str, second: str | None, fraction: str | None) -> int:
    micros = ((int(hour) * 60 + int(minute)) * 60 + int(second or 0)) * 1_000_000 + int((fraction or "0")[:6].ljust(6, "0"))
    if int(minute) > 59 or int(second or 0) > 59 or micros > _DAY:
        raise NotIso("a time that no clock shows")
    return micros


def _bounded(micros: int) -> int:
    if not _FIRST <= micros < _LAST:
        raise OutOfRange
    return micros


READERS: dict[str, Callable[[str], int]] = {"DATE": days, "TIME": clock, "TIMESTAMP": local, "TIMESTAMP WITH TIME ZONE": instant}
