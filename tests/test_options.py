"""Values are read exactly as documented, written back as the same value, and never guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.errors import BadValueError, NotFoundError, RefusedError, UnknownOptionError
from kshell.options import (
    Boolean,
    Context,
    Count,
    Duration,
    Enum,
    Kind,
    ListOf,
    Lookup,
    MapOf,
    Misfit,
    Offsets,
    Option,
    OptionSet,
    OrNull,
    Position,
    PositionOf,
    RawOption,
    Size,
    Span,
    TableName,
    Text,
    Typed,
    Word,
    canonical,
    duration_s,
    duration_text,
    position_text,
    read,
    size_bytes,
    size_text,
    value_text,
)


def _read(kind: Kind, value: Any, *, zone: str = "UTC") -> Any:
    return kind.read(value, Context(lambda lookup: {"KNOWN": "7d", "n": 5, "since": timedelta(minutes=10)}.get(lookup.name), zone))


def _raw(key: str, value: Any, at: int = 10) -> RawOption:
    return RawOption(canonical(key), key, value, Span(at, at + len(key)), Span(at + 20, at + 25))


# ---- units -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "seconds"), [
    ("250ms", 0.25), ("60s", 60), ("5m", 300), ("2h", 7200), ("7d", 604_800), ("1w", 604_800), ("5 minutes", 300),
    ("1 hour 30 minutes", 5400), ("1h30m", 5400),
    ("1.5h", 5400), ("90 S", 90), ("0s", 0), ("01:30:00", 5400), ("00:00:00.5", 0.5), ("1_000ms", 1), ("10us", 0.00001),
    ("36500d", 3_153_600_000),
])
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", [
    "", " ", "60", "s", "5 parsecs", "-5s", "5s x", "1 month", "1 year", "1e3s", "5..s", "99:99", "36501d", "\uff15s", "9" * 40 + "s",
])
def test_what_has_no_unit_or_no_fixed_length_is_no_duration(text: str) -> None:
    assert duration_s(text) is None


@pytest.mark.parametrize(("text", "count"), [
    ("128MB", 128_000_000), ("1GiB", 2**30), ("1.5 GB", 1_500_000_000), ("512kb", 512_000), ("10B", 10), ("1TiB", 2**40), ("0B", 0),
])
def test_a_size_is_decimal_or_binary_by_its_unit(text: str, count: int) -> None:
    assert size_bytes(text) == count


@pytest.mark.parametrize("text", ["", "128", "MB", "-1MB", "1 MB 2 KB", "1 XB", "1Mb b", "9" * 40 + "MB"])
def test_what_has_no_unit_is_no_size(text: str) -> None:
    assert size_bytes(text) is None


@settings(deadline=None)
@given(st.integers(0, 10**15))
def test_units_read_back(number: int) -> None:
    assert duration_s(duration_text(number / 1_000_000)) == number / 1_000_000
    assert size_bytes(size_text(number)) == number


# ---- kinds -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("kind", "value", "result"), [
    (Text(), "a", "a"), (Text(), Word("a.b"), "a.b"), (Text(empty=True), "", ""),
    (Enum(("a", "b"), aliases={"c": "b"}), Word("A"), "a"), (Enum(("a", "b"), aliases={"c": "b"}), "C", "b"),
    (Boolean(), True, True), (Boolean(), Word("off"), False), (Boolean(), "TRUE", True),
    (Count(), 5, 5), (Count(low=0), 0, 0), (OrNull(Count()), None, None), (OrNull(Count()), 5, 5),
    (Duration(), "60s", 60.0), (Duration(), Typed("INTERVAL", "5 minutes"), 300.0), (Duration(), timedelta(seconds=1.5), 1.5),
    (Size(), "1KiB", 1024),
    (ListOf(Count(low=0)), [0, 1], [0, 1]), (ListOf(Count()), [], []), (ListOf(Count(), single=True), 3, [3]),
    (ListOf(Text()), [Word("a"), "b"], ["a", "b"]),
    (MapOf(), {"a": "b", "c": 1, "d": True, "e": Word("f")}, {"a": "b", "c": "1", "d": "true", "e": "f"}),
    (TableName(), "a.b.c", ("a", "b", "c")), (TableName(), Word('a."b c".d.e'), ("a", "b c", "d", "e")),
    (TableName(), '"a.""b"."c"."d"', ('a."b', "c", "d")),
    (Offsets(), 5, 5), (Offsets(), {0: 1}, {0: 1}),
    (Duration(), Lookup("getenv", "KNOWN"), 604_800.0), (Count(), Lookup("getvariable", "n"), 5),
    (MapOf(), {"a": Lookup("getenv", "KNOWN")}, {"a": "7d"}),
    (PositionOf(), "earliest", Position("earliest")), (PositionOf(), Word("LATEST"), Position("latest")),
    (PositionOf(), Typed("INTERVAL", "1 hour"), Position("ago", 3600.0)),
    (PositionOf(), Lookup("getvariable", "since"), Position("ago", 600.0)),
    (PositionOf(), {0: 100, 1: 250}, Position("map", {0: 100, 1: 250})),
    (PositionOf(("buffer",)), "buffer", Position("buffer")),
    (PositionOf(), datetime(2026, 1, 1, tzinfo=UTC), Position("timestamp", 1_767_225_600_000)),
])
def test_a_kind_reads_its_values(kind: Kind, value: Any, result: Any) -> None:
    assert _read(kind, value) == result


@pytest.mark.parametrize(("kind", "value"), [
    (Text(), ""), (Text(), 5), (Text(), None), (Text(), True), (Text(), ["a"]), (Text(pattern="[a-z]+"), "a1"), (Enum(("a",)), "b"),
    (Enum(("a",)), 1),
    (Boolean(), 1), (Boolean(), "yes"), (Count(), 0), (Count(), True), (Count(), 1.0), (Count(), "5"), (Count(), None), (Count(), 2**63),
    (Duration(), 60), (Duration(), "60"), (Duration(), True), (Duration(), None), (Duration(low=10), "9s"), (Duration(high=10), "11s"),
    (Duration(), Typed("TIMESTAMP", "2026-01-01")), (Duration(), timedelta(seconds=-1)), (Size(), 128), (Size(), "128"), (Size(), "0B"),
    (Size(), None),
    (ListOf(Count()), 3), (ListOf(Count()), ["a"]), (ListOf(Count()), [1, 1]), (ListOf(Count(), filled=True), []), (ListOf(Count()), None),
    (MapOf(), "a"), (MapOf(), {1: "a"}), (MapOf(), {"a": ["b"]}), (MapOf(), {"a": None}), (TableName(), "a.b"), (TableName(), "a..b.c"),
    (TableName(), 5),
    (Offsets(), -1), (Offsets(), True), (Offsets(), "5"), (Offsets(), {"a": 1}), (PositionOf(), "committed"), (PositionOf(), 5),
    (PositionOf(), None),
    (PositionOf(), {0: -1}), (PositionOf(), {-1: 0}), (PositionOf(), {0: True}), (PositionOf(), {2**31: 0}),
    (PositionOf(("latest",)), "earliest"),
    (PositionOf(), Typed("INTERVAL", "1 month")), (PositionOf(), Typed("TIMESTAMP", "never")), (PositionOf(), Typed("INTERVAL", "-1 hour")),
    (Text(), Lookup("getenv", "UNSET")), (Text(), Lookup("getvariable", "unset")), (Text(), Lookup("file", "/x")),
    (Text(), Lookup("command", "x")),
    (Text(), Lookup("secret", "gone")), (Duration(), Lookup("getvariable", "n")),
])
def test_a_value_of_another_kind_is_refused(kind: Kind, value: Any) -> None:
    with pytest.raises(Misfit):
        _read(kind, value)


@pytest.mark.parametrize(("text", "zone", "milliseconds"), [
    ("1970-01-01", "UTC", 0), ("1970-01-01 00:00:00.0015", "UTC", 1), ("1970-01-01T00:00:00Z", "UTC", 0),
    ("1970-01-01 01:00:00+01", "America/Lima", 0),
    ("1970-01-01 00:00:00 +00:00", "UTC", 0), ("1970-01-01 00:00:00 UTC", "UTC", 0), ("1970-01-01 01:00:00", "Europe/Berlin", 0),
    ("1969-12-31 23:59:59.999", "UTC", -1), ("2026-07-01 00:00:00", "Europe/Berlin", 1_782_856_800_000),
])
def test_a_time_without_an_offset_is_in_the_zone_of_the_session(text: str, zone: str, milliseconds: int) -> None:
    assert _read(PositionOf(), Typed("TIMESTAMP", text), zone=zone) == Position("timestamp", milliseconds)


def test_an_unknown_zone_asks_for_the_offset() -> None:
    with pytest.raises(Misfit) as caught:
        _read(PositionOf(), Typed("TIMESTAMP", "2026-01-01"), zone="Mars/Olympus")
    assert caught.value.hint is not None
    assert "write the offset" in caught.value.hint


@pytest.mark.parametrize(("kind", "value", "text"), [
    (Duration(), 300.0, "'5m'"), (Size(), 2**30, "'1GiB'"), (OrNull(Size()), None, "NULL"), (ListOf(Size()), [10**6], "['1MB']"),
    (TableName(), ("a", 'b"c', "d"), '"a"."b""c"."d"'), (Text(), "it's", "'it''s'"), (Boolean(), False, "FALSE"), (Count(), 5, "5"),
    (MapOf(), {"a": "it's"}, "MAP {'a': 'it''s'}"), (Duration(), Typed("INTERVAL", "1 hour"), "INTERVAL '1 hour'"),
])
def test_a_value_is_written_as_a_user_would(kind: Kind, value: Any, text: str) -> None:
    assert kind.text(value) == text


@pytest.mark.parametrize(("value", "text"), [
    (None, "NULL"), (True, "TRUE"), (1.5, "1.5"), (Word("json"), "json"), (Lookup("secret", "s"), "SECRET s"),
    (Lookup("getenv", "A"), "getenv('A')"),
    (Lookup("file", "/x"), "FILE '/x'"), ([1, "a"], "[1, 'a']"), ({0: Word("x")}, "MAP {0: x}"), (Typed("TIMESTAMP", "t"), "TIMESTAMP 't'"),
])
def test_a_written_value_is_text_again(value: Any, text: str) -> None:
    assert value_text(value) == text


@settings(deadline=None)
@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_an_instant_reads_back_to_the_millisecond(milliseconds: int) -> None:
    text = position_text(Position("timestamp", milliseconds)).removeprefix("TIMESTAMPTZ '").removesuffix("'")
    assert _read(PositionOf(), Typed("TIMESTAMPTZ", text), zone="Asia/Tokyo") == Position("timestamp", milliseconds)


# ---- option sets --------------------------------------------------------------------------------------------------

SET = OptionSet(
    "MAKE THING",
    (Option("SPEED", Count(), 5, "how fast"), Option("WAIT_TIME", Duration(), None, "how long"),
     Option("SHAPE", Enum(("round",)), "round", "form", fixed=True),
     Option("LATER", Text(), None, "not yet", built=False), Option("OTHER", Text(), None, "excludes SPEED")),
    exclusive=(("SPEED", "OTHER"),), elsewhere={"COLOUR": "paint it afterwards"}, replace="MAKE OR REPLACE THING")


def test_every_option_has_a_value_and_what_was_given_is_known() -> None:
    parsed = SET.parse((_raw("wait-time", "5s"),))
    assert parsed == {"SPEED": 5, "WAIT_TIME": 5.0, "SHAPE": "round", "LATER": None, "OTHER": None}
    assert parsed.given == {"WAIT_TIME"}
    assert parsed.spans == {"WAIT_TIME": Span(30, 35)}


def test_a_base_stands_between_what_is_given_and_the_default() -> None:
    base = {"SPEED": 7, "WAIT_TIME": 1.0}
    parsed = SET.parse((_raw("WAIT_TIME", "5s"),), base=base)
    assert (parsed["SPEED"], parsed["WAIT_TIME"], parsed["SHAPE"]) == (7, 5.0, "round")
    assert parsed.given == {"WAIT_TIME"}


def test_changes_hold_only_what_was_written() -> None:
    assert SET.changes((_raw("SPEED", 6),)) == {"SPEED": 6}
    with pytest.raises(RefusedError, match="SHAPE cannot change afterwards") as caught:
        SET.changes((_raw("shape", "round"),))
    assert (caught.value.position, caught.value.length, caught.value.hint) == (10, 5, "MAKE OR REPLACE THING")


def test_reset_gives_defaults_and_nothing_else() -> None:
    assert SET.reset(["SPEED", "wait.time"]) == {"SPEED": 5, "WAIT_TIME": None}
    with pytest.raises(UnknownOptionError, match="no option sped"):
        SET.reset(["sped"])
    with pytest.raises(RefusedError):
        SET.reset(["SHAPE"])


@pytest.mark.parametrize(("key", "hint"), [
    ("SPED", "did you mean SPEED?"), ("wait-tim", "did you mean WAIT_TIME?"), ("colour", "paint it afterwards"),
    ("xyz", "options: SPEED, WAIT_TIME, SHAPE, OTHER"),
])
def test_an_unknown_option_is_told_the_nearest(key: str, hint: str) -> None:
    with pytest.raises(UnknownOptionError) as caught:
        SET.parse((_raw(key, 1),))
    assert (caught.value.message, caught.value.hint) == (f"MAKE THING has no option {key}", hint)
    assert (caught.value.position, caught.value.length) == (10, len(key))


def test_a_wrong_value_stands_at_the_value() -> None:
    with pytest.raises(BadValueError) as caught:
        SET.parse((_raw("WAIT_TIME", 5),))
    assert type(caught.value) is BadValueError
    assert (caught.value.message, caught.value.hint) == ("WAIT_TIME takes a duration, not 5", "write '5s'")
    assert (caught.value.position, caught.value.length) == (30, 5)


def test_twice_and_exclusive_are_errors_at_the_second() -> None:
    with pytest.raises(BadValueError, match="SPEED is given twice") as caught:
        SET.parse((_raw("SPEED", 1), _raw("speed", 1, at=50)))
    assert caught.value.position == 50
    with pytest.raises(BadValueError, match="OTHER and SPEED exclude each other") as caught:
        SET.parse((_raw("SPEED", 1), _raw("OTHER", "x", at=50)))
    assert caught.value.position == 50


def test_an_error_of_the_resolver_gets_the_place_of_the_value() -> None:
    def refuse(lookup: Lookup) -> None:
        raise NotFoundError(f"no variable {lookup.name}")
    with pytest.raises(NotFoundError) as caught:
        SET.parse((_raw("SPEED", Lookup("getvariable", "x")),), refuse)
    assert (caught.value.position, caught.value.length) == (30, 5)


def test_nothing_is_looked_up_without_a_resolver() -> None:
    with pytest.raises(BadValueError, match=r"SPEED cannot use getenv\('X'\) here"):
        SET.parse((_raw("SPEED", Lookup("getenv", "X")),))


def test_a_single_value_is_read_under_its_own_name() -> None:
    assert read(Duration(), "5s", what="TIMEOUT") == 5.0
    with pytest.raises(BadValueError, match="TIMEOUT takes a duration, not 5") as caught:
        read(Duration(), 5, what="TIMEOUT", span=Span(3, 4))
    assert caught.value.position == 3
    with pytest.raises(RefusedError, match="FORMAT avro is not built yet"):
        read(Enum(("json",), unbuilt=("avro",)), "avro", what="FORMAT")


def test_rows_for_the_documentation() -> None:
    assert SET.rows()[:2] == [("SPEED", "a whole number", "5", "how fast"), ("WAIT_TIME", "a duration", "none", "how long")]
    assert SET.rows()[3] == ("LATER", "a string", "none", "not yet (not built yet)")
    assert SET.names() == ["SPEED", "WAIT_TIME", "SHAPE", "OTHER"]
    assert "wait.time" in SET
