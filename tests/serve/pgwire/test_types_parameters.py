"""Parameters as drivers send them, in both formats, and what of them is an error."""

from __future__ import annotations

import datetime as dt
import json
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.json import Json, Jsonb

from kshell.errors import BadValueError
from kshell.serve.pgwire.types import parameter, sample
from kshell.serve.pgwire.types.oids import TYPES
from tests.serve.pgwire.wire import loaded

TEXT, BINARY = 0, 1


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def bound(duck: duckdb.DuckDBPyConnection, value: Any) -> tuple[str, str]:
    """Type and text of a parameter as DuckDB has it."""
    found = duck.execute("SELECT typeof($1), $1::VARCHAR", [value]).fetchone()
    assert found is not None
    return found[0], found[1]


@pytest.mark.parametrize(("oid", "text", "type_", "shown"), [
    (21, "5", "SMALLINT", "5"), (23, " -5 ", "INTEGER", "-5"), (20, "9223372036854775807", "BIGINT", "9223372036854775807"),
    (26, "4294967295", "UINTEGER", "4294967295"),
    (700, "0.1", "FLOAT", "0.1"), (701, "NaN", "DOUBLE", "nan"), (701, "-Infinity", "DOUBLE", "-inf"), (701, "1e-7", "DOUBLE", "1e-07"),
    (1700, "1.50", "DECIMAL(3,2)", "1.50"), (1700, "1E+30", "DECIMAL(31,0)", "1000000000000000000000000000000"),
    (1700, "NaN", "DOUBLE", "nan"),
    (1700, "340282366920938463463374607431768211455", "UHUGEINT", "340282366920938463463374607431768211455"),
    (16, "t", "BOOLEAN", "true"), (16, "Off", "BOOLEAN", "false"), (25, "it's", "VARCHAR", "it's"), (1043, "x", "VARCHAR", "x"),
    (0, "7", "VARCHAR", "7"),
    (600, "(1,2)", "VARCHAR", "(1,2)"), (17, r"\x00ff", "BLOB", r"\x00\xFF"), (17, r"a\\b\001", "BLOB", r"a\x5Cb\x01"),
    (1082, "2026-11-26", "DATE", "2026-11-26"), (1082, "infinity", "DATE", "infinity"), (1082, "0044-03-15 BC", "DATE", "0044-03-15 (BC)"),
    (1083, "10:20", "TIME", "10:20:00"), (1083, "24:00:00", "TIME", "24:00:00"), (1083, "10:20:30.123456789", "TIME", "10:20:30.123457"),
    (1266, "10:20:30-05:30", "TIME WITH TIME ZONE", "10:20:30-05:30"),
    (1114, "2026-11-26 10:20:30.5", "TIMESTAMP", "2026-11-26 10:20:30.5"),
    (1114, "2026-11-26T10:20:30Z", "TIMESTAMP", "2026-11-26 10:20:30"),
    (1114, "12345-01-02 00:00:00", "TIMESTAMP", "12345-01-02 00:00:00"), (1114, "-infinity", "TIMESTAMP", "-infinity"),
    (1114, "2026-11-26", "TIMESTAMP", "2026-11-26 00:00:00"),
    (1114, "0044-03-15 10:00:00 BC", "TIMESTAMP", "0044-03-15 (BC) 10:00:00"), (1114, "epoch", "TIMESTAMP", "1970-01-01 00:00:00"),
    (1184, "2026-11-26 10:20:30+05:30", "TIMESTAMP WITH TIME ZONE", "2026-11-26 04:50:30+00"),
    (1184, "2026-11-26 10:20:30-0800", "TIMESTAMP WITH TIME ZONE", "2026-11-26 18:20:30+00"),
    (1184, "infinity", "TIMESTAMP WITH TIME ZONE", "infinity"),
    (1186, "1 year 2 mons -3 days +04:05:06.5", "INTERVAL", "1 year 2 months -3 days 04:05:06.5"),
    (1186, "1 day, 0:00:01", "INTERVAL", "1 day 00:00:01"),
    (1186, "0 years 0 mons 1 days 0 hours 0 mins 1.5 secs", "INTERVAL", "1 day 00:00:01.5"),
    (1186, "P1Y2M3DT4H5M6.5S", "INTERVAL", "1 year 2 months 3 days 04:05:06.5"),
    (1186, "PT-1H-30M", "INTERVAL", "-01:30:00"), (1186, "@ 1 hour 2 days ago", "INTERVAL", "-2 days -01:00:00"),
    (1186, "1.5 days", "INTERVAL", "1 day 12:00:00"),
    (1186, "-0.5 seconds", "INTERVAL", "-00:00:00.5"), (1186, "2 weeks", "INTERVAL", "14 days"),
    (2950, "{00112233-4455-6677-8899-aabbccddeeff}", "UUID", "00112233-4455-6677-8899-aabbccddeeff"),
    (114, '{"a": 1}', "JSON", '{"a": 1}'), (3802, "[1]", "JSON", "[1]"),
    (1007, "{1,NULL,3}", "INTEGER[]", "[1, NULL, 3]"), (1016, "{}", '"NULL"[]', "[]"),
    (1009, r'{a,"b \"c\"", "NULL",null}', "VARCHAR[]", None),
    (1007, "{{1,2},{3,4}}", "INTEGER[][]", "[[1, 2], [3, 4]]"), (1007, "[0:1]={1,2}", "INTEGER[]", "[1, 2]"),
    (1231, "{1.5,10.25}", "DECIMAL(4,2)[]", "[1.50, 10.25]"),
    (1182, "{2026-11-26,infinity}", "DATE[]", "[2026-11-26, infinity]"),
    (1185, '{"2026-11-26 00:00:00+01"}', "TIMESTAMP WITH TIME ZONE[]", None),
    (1000, "{t,f}", "BOOLEAN[]", "[true, false]"), (1187, '{"1 mon"}', "INTERVAL[]", "[1 month]"),
    (1001, r'{"\\x00ff"}', "BLOB[]", None), (2951, "{}", '"NULL"[]', "[]"),
])
def test_text_becomes_a_value_of_the_type(duck: duckdb.DuckDBPyConnection, oid: int, text: str, type_: str, shown: str | None) -> None:
    found = bound(duck, parameter(text.encode(), TEXT, oid))
    assert found[0] == type_
    assert shown is None or found[1] == shown


@pytest.mark.parametrize(("oid", "text"), [
    (21, "32768"), (23, "1.5"), (26, "-1"), (26, "4294967296"), (23, "1_000"), (20, ""), (20, "9223372036854775808"), (701, "x"),
    (701, "1_0.5"), (1700, "1e60"),
    (1700, "1e-60"), (1700, "x"),
    (1700, "123456789012345678901234567890123456789.5"), (16, "maybe"), (17, r"\xabc"), (17, r"a\b"), (1082, "26.11.2026"),
    (1082, "2026-02-30"),
    (1082, "2026-13-01"), (1082, "0000-01-01"), (1083, "25:00"), (1083, "10:60"), (1114, "yesterday"), (1114, "2026-11-26 24:00:01"),
    (1184, "2026-11-26 10:00 Mars"),
    (1114, "9999999-01-01 00:00:00"), (1186, ""), (1186, "1 fortnight"), (1186, "P"), (1186, "P1"), (2950, "1234"), (114, "{'a': 1}"),
    (114, ""),
    (1007, "{1,x}"), (1007, "1,2"), (1007, "{1"), (1007, "{1,}"), (1007, "{1}}"), (1007, "{,1}"), (1007, "{1}{2}"), (1009, '{"a}'),
    (1007, "{1 2}"),
    (1007, "{{1},2}"), (1009, "{a,{b}}"), (1009, "{{a},NULL}"), (1186, "999999999999 years"), (1186, "3000000000 days"), (1700, "NaN5"),
    (1007, "{" * 2000 + "}" * 2000),
])
def test_text_that_is_no_value_is_an_error_that_names_the_type(oid: int, text: str) -> None:
    with pytest.raises(BadValueError, match=r"parameter of type \w+"):
        parameter(text.encode(), TEXT, oid)


@pytest.mark.parametrize(("oid", "value"), [
    (23, b"\0\0\1"), (16, b""), (2950, b"\0" * 15), (1700, b"\0\1\0\0"), (25, b"\xff"), (114, b"{"), (3802, b"\x02{}"), (1082, b""),
    (1114, b"\0" * 7),
    (1007, b"\0\0\0\1"), (1007, struct.pack(">iiiii", 1, 0, 23, 2, 1)), (1007, struct.pack(">iiiiii", 1, 0, 23, 1, 1, 400)),
    (1007, struct.pack(">iii", 2000000, 0, 23)),
    (600, b"\0" * 16), (1083, struct.pack(">q", -1)), (1266, struct.pack(">qi", 0, 1 << 30)), (1114, struct.pack(">q", 2**63 - 2)),
])
def test_bytes_that_are_no_value_are_an_error(oid: int, value: bytes) -> None:
    with pytest.raises(BadValueError):
        parameter(value, BINARY, oid)


@pytest.mark.parametrize("oid", [0, 16, 23, 25, 1184, 1007, 600])
def test_null_is_null_of_any_type(oid: int) -> None:
    assert parameter(None, TEXT, oid) is None
    assert parameter(None, BINARY, oid) is None


@pytest.mark.parametrize(("zone", "local", "utc"), [
    ("Europe/Berlin", "2026-07-01 12:00:00", "2026-07-01 10:00:00+00"), ("Europe/Berlin", "2026-03-29 02:30:00", "2026-03-29 01:30:00+00"),
    ("Europe/Berlin", "2026-10-25 02:30:00", "2026-10-25 00:30:00+00"), ("Europe/Berlin", "2026-03-29 03:30:00", "2026-03-29 01:30:00+00"),
    ("America/New_York", "2026-11-01 03:00:00", "2026-11-01 08:00:00+00"),
])
def test_a_local_time_is_meant_in_the_zone_of_the_session(duck: duckdb.DuckDBPyConnection, zone: str, local: str, utc: str) -> None:
    assert bound(duck, parameter(local.encode(), TEXT, 1184, zone))[1] == utc


@pytest.mark.parametrize("oid", sorted(set(TYPES) - {25}))
def test_a_sample_has_the_type_before_the_value_is_known(duck: duckdb.DuckDBPyConnection, oid: int) -> None:
    from kshell.query.shapes import columns_of
    from kshell.serve.pgwire.types import pg_type

    text = "SELECT $1::VARCHAR" if oid in (1266, 1270) else "SELECT $1"
    duck.execute(text, [sample(oid)])
    (column,) = columns_of(duck.description)
    assert pg_type(column.type).oid == {1266: 25, 1270: 25, 26: 20}.get(oid, oid)


def test_text_has_no_sample() -> None:
    assert (sample(25), sample(0), sample(705), sample(600)) == (None, None, None, None)


@settings(max_examples=200)
@given(st.sampled_from(sorted({0, 600, 3802, 3807, 1015, *TYPES})), st.sampled_from([TEXT, BINARY]), st.binary(max_size=40) | st.text(
    "0123456789-+:. {}\",\\TZPYMDHSeEn_\0", max_size=24).map(str.encode))
def test_whatever_comes_is_a_value_that_duckdb_takes_or_an_error_of_the_client(
        duck: duckdb.DuckDBPyConnection, oid: int, format: int, value: bytes) -> None:
    try:
        found = parameter(value, format, oid)
    except BadValueError:
        return
    duck.execute("SELECT $1", [found])


# ---- psycopg's dumpers ---------------------------------------------------------------------------------------------

_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_moments = st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29))
_json = st.recursive(st.none() | st.booleans() | st.integers(-10**9, 10**9) | _texts,
                     lambda inner: st.lists(inner, max_size=3), max_leaves=5)
_scalars = {
    "bool": st.booleans(), "int": st.integers(-(1 << 63), (1 << 63) - 1), "float": st.floats(allow_nan=False), "text": _texts,
    "bytea": st.binary(max_size=12),
    "numeric": st.decimals(min_value=-10**15, max_value=10**15, places=6), "uuid": st.uuids(),
    "date": st.dates(), "time": st.times(), "timestamp": _moments,
    "timestamptz": _moments.map(lambda m: m.replace(tzinfo=dt.UTC)),
    "interval": st.timedeltas(dt.timedelta(days=-99999), dt.timedelta(days=99999)),
}
_values = st.one_of(*_scalars.values(), *(st.lists(s, min_size=1, max_size=4) for name, s in _scalars.items() if name != "text"))


def _sent(value: Any, format: PyFormat) -> Any:
    """The parameter after psycopg has dumped it; bytes always in binary, because without a connection it doubles backslashes in text."""
    binary = isinstance(value, bytes) or (isinstance(value, list) and isinstance(value[0], bytes))
    dumper = Transformer().get_dumper(value, PyFormat.BINARY if binary else format)
    data = dumper.dump(value)
    return parameter(None if data is None else bytes(data), dumper.format, dumper.oid)


@settings(max_examples=150, deadline=None)
@given(_values)
def test_what_psycopg_sends_comes_back_the_same(duck: duckdb.DuckDBPyConnection, value: Any) -> None:
    for format in (PyFormat.TEXT, PyFormat.BINARY):
        for back in (TEXT, BINARY):
            assert loaded(duck, "SELECT $1 AS v", back, parameters=[_sent(value, format)]) == [[value]]


def test_lists_of_text_come_back_the_same(duck: duckdb.DuckDBPyConnection) -> None:
    value = ["", "null", "a b", '"', "\\", None, "{x}", "[y]", "ü"]
    for data, format in ((b'{"","null","a b","\\"","\\\\",NULL,"{x}",[y],\xc3\xbc}', TEXT), (_binary_texts(value), BINARY)):
        for back in (TEXT, BINARY):
            assert loaded(duck, "SELECT $1 AS v", back, parameters=[parameter(data, format, 1009)]) == [[value]]


def _binary_texts(values: list[str | None]) -> bytes:
    return bytes(Transformer().get_dumper(values, PyFormat.BINARY).dump(values) or b"")


@settings(max_examples=60, deadline=None)
@given(_json)
def test_json_of_psycopg_comes_back_the_same(duck: duckdb.DuckDBPyConnection, value: Any) -> None:
    for wrap in (Json, Jsonb):
        for format in (PyFormat.TEXT, PyFormat.BINARY):
            assert loaded(duck, "SELECT $1::JSON AS v", parameters=[_sent(wrap(value), format)]) == [[json.loads(json.dumps(value))]]


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_a_numeric_that_is_no_number_is_a_float(duck: duckdb.DuckDBPyConnection, value: Decimal) -> None:
    for format in (PyFormat.TEXT, PyFormat.BINARY):
        assert bound(duck, _sent(value, format)) == ("DOUBLE", str(float(value)))


@pytest.mark.parametrize("value", ["0", "0.0000", "-0.0001", "10000", "12345678.00012", "0.00000000000000000000000000000000000001", "-5",
                                   "99999999999999999999999999999999999999", "0.99999999999999999999999999999999999999"])
def test_a_numeric_keeps_its_digits_and_its_scale(duck: duckdb.DuckDBPyConnection, value: str) -> None:
    for format in (PyFormat.TEXT, PyFormat.BINARY):
        type_, shown = bound(duck, _sent(Decimal(value), format))
        assert type_.startswith("DECIMAL(")
        assert Decimal(shown) == Decimal(value)
        assert len(shown.partition(".")[2]) == len(value.partition(".")[2])
