"""Places in a topic: where a source, a sink or a scan begins and ends.

Invariant: a position is resolved to offsets by whoever knows the topic; here it is only understood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kshell.options.kinds import Context, Kind, Misfit, one_of
from kshell.options.units import duration_s
from kshell.options.written import Typed, Word, string_text, value_text

Form = Literal["earliest", "latest", "timestamp", "ago", "map", "places", "source", "buffer"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Position:
    """`value`: timestamp: ms since 1970 UTC; ago: seconds; map: {partition: offset};
    places: {(topic, partition): offset}, topic None: whichever it is; otherwise None."""

    kind: Form
    value: Any = None


@dataclass(frozen=True)
class PositionOf(Kind):
    """A position written in one of the given forms."""

    forms: tuple[Form, ...] = ("earliest", "latest", "timestamp", "ago", "map")
    refused: tuple[tuple[str, str], ...] = ()   # word -> why it is none, with what to write instead

    @property
    def takes(self) -> str:  # type: ignore[override]
        return one_of(tuple(_FORMS[f] for f in self.forms))

    @property
    def words(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(_FORMS[f] for f in self.forms if _FORMS[f].startswith("'"))

    def take(self, value: Any, context: Context) -> Position:
        position = value if isinstance(value, Position) else self._read(value, context)
        if position.kind not in self.forms:
            raise self.misfit(value)
        return position

    def _read(self, value: Any, context: Context) -> Position:
        if isinstance(value, dict) and "places" in self.forms:
            return Position("places", {_place(k): _whole(v, "offset") for k, v in value.items()})
        if isinstance(value, dict):
            return Position("map", {_whole(k, "partition"): _whole(v, "offset") for k, v in value.items()})
        if isinstance(value, timedelta) or (isinstance(value, Typed) and value.kind == "INTERVAL"):
            return Position("ago", _seconds(value))
        if isinstance(value, Typed | datetime):
            return Position("timestamp", instant_ms(value, context.zone))
        word = value.text if isinstance(value, Word) else value
        for form in ("earliest", "latest", "source", "buffer"):
            if isinstance(word, str) and word.lower() == form:
                return Position(form)
        raise self._misread(value, word)

    def _misread(self, value: Any, word: Any) -> Misfit:
        for refused, why in self.refused:
            if isinstance(word, str) and word.lower() == refused:
                return Misfit(why)
        if isinstance(word, int) and not isinstance(word, bool) and not {"map", "places"}.isdisjoint(self.forms):
            return self.misfit(value, f"an offset needs its partition: MAP {{0: {word}}}")
        if isinstance(word, str) and "ago" in self.forms and duration_s(word) is not None:
            return self.misfit(value, f"write INTERVAL {string_text(word)}")
        if isinstance(word, str) and re.match(r"\d{4}-\d\d-\d\d", word) and "timestamp" in self.forms:
            return self.misfit(value, f"write TIMESTAMP {string_text(word)}")
        return self.misfit(value)

    def text(self, value: Any) -> str:
        return position_text(value) if isinstance(value, Position) else value_text(value)


@dataclass(frozen=True)
class Offsets(Kind):
    """One offset, or a map of partition to offset."""

    takes: str = "an offset or MAP {partition: offset}"

    def take(self, value: Any, context: Context) -> int | dict[int, int]:
        if isinstance(value, dict):
            return {_whole(k, "partition"): _whole(v, "offset") for k, v in value.items()}
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.misfit(value)
        return value


_FORMS: dict[Form, str] = {
    "earliest": "'earliest'", "latest": "'latest'", "source": "'source'", "buffer": "'buffer'", "timestamp": "TIMESTAMP '...'",
    "ago": "INTERVAL '...' (that long ago)", "map": "MAP {partition: offset}",
    "places": "MAP {partition: offset}",
}


def position_text(position: Position) -> str:
    if position.kind == "map":
        return value_text(position.value)
    if position.kind == "ago":
        micros = round(position.value * 1_000_000)
        return f"INTERVAL '{micros} microseconds'" if micros % 1_000_000 else f"INTERVAL '{micros // 1_000_000} seconds'"
    if position.kind == "timestamp":
        moment = _EPOCH + timedelta(milliseconds=position.value)
        return f"TIMESTAMPTZ '{moment.isoformat(sep=' ', timespec='milliseconds')}'"
    return string_text(position.kind)


def instant_ms(value: Typed | datetime, zone: str) -> int:
    """Milliseconds since 1970 UTC. A time without an offset is in `zone`."""
    moment = _parsed(value.text) if isinstance(value, Typed) else value
    if moment.tzinfo is None:
        try:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError):
            raise Misfit(f"cannot be read in the time zone {zone}", hint="write the offset: TIMESTAMPTZ '2026-01-01 00:00:00+00'") from None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip().replace(" +", "+").replace(" UTC", "+00:00"))
    except ValueError:
        raise Misfit(f"is no time: {string_text(text)}", hint="write TIMESTAMP '2026-01-31 12:00:00'") from None


def _seconds(value: Typed | timedelta) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else duration_s(value.text)
    if seconds is None or seconds < 0:
        raise Misfit(f"takes an interval of fixed length, not {value_text(value)}", hint="write INTERVAL '2 hours' or INTERVAL '30 days'")
    return seconds


def _place(key: Any) -> tuple[str | None, int]:
    """A partition, or 'topic/partition' where there are several topics; a topic's name has no slash."""
    topic, slash, partition = key.rpartition("/") if isinstance(key, str) else ("", "", "")
    if slash and topic and partition.isascii() and partition.isdigit():
        return topic, _whole(int(partition), "partition")
    return None, _whole(key, "partition")


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < (2**31 if what == "partition" else 2**63):
        raise Misfit(f"takes MAP {{partition: offset}} of whole numbers; {value_text(value)} is no {what}")
    return value
