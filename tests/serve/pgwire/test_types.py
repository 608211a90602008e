"""Values in PostgreSQL's formats: to the letter where PostgreSQL has one way to write them, and as psycopg reads them for all others."""

from __future__ import annotations

import datetime as dt
import json
import struct
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.columns import literal
from kshell.errors import RefusedError
from kshell.query.shapes import columns_of
from kshell.serve.pgwire.types import RowEncoder, pg_type
from kshell.serve.pgwire.types import rows as rows_module
from tests.serve.pgwire.wire import cells, loaded

TEXT, BINARY = 0, 1


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


OIDS = [
    ("BOOLEAN", 16), ("TINYINT", 21), ("UTINYINT", 21), ("SMALLINT", 21), ("USMALLINT", 23), ("INTEGER", 23), ("UINTEGER", 20),
    ("BIGINT", 20),
    ("UBIGINT", 1700), ("HUGEINT", 1700), ("UHUGEINT", 1700), ("BIGNUM", 1700), ("FLOAT", 700), ("DOUBLE", 701), ("VARCHAR", 25),
    ("BIT", 25),
    ("ENUM('a', 'b]')", 25), ("BLOB", 17), ("DATE", 1082), ("TIME", 1083), ("TIME_NS", 1083), ("TIME WITH TIME ZONE", 1266),
    ("TIMESTAMP", 1114), ("TIMESTAMP_S", 1114), ("TIMESTAMP_MS", 1114), ("TIMESTAMP_NS", 1114), ("TIMESTAMP WITH TIME ZONE", 1184),
    ("INTERVAL", 1186), ("UUID", 2950), ("JSON", 114), ('STRUCT("a[]" INTEGER[])', 114), ("MAP(VARCHAR, INTEGER)", 114),
    ("UNION(a INTEGER)", 114),
    ("VARIANT", 114), ("GEOMETRY", 25), ('"NULL"', 25), ('"NULL"[]', 1009),
    ("BOOLEAN[]", 1000), ("TINYINT[]", 1005), ("INTEGER[3]", 1007), ("BIGINT[]", 1016), ("UINTEGER[]", 1028),
    ("FLOAT[]", 1021), ("DOUBLE[]", 1022),
    ("DECIMAL(18,3)[]", 1231), ("VARCHAR[]", 1009), ("ENUM('x[')[]", 1009), ("BLOB[]", 1001), ("DATE[]", 1182), ("TIME[]", 1183),
    ("TIMESTAMP[]", 1115), ("TIMESTAMP WITH TIME ZONE[]", 1185), ("INTERVAL[]", 1187), ("UUID[]", 2951), ("JSON[]", 199),
    ("INTEGER[][]", 114), ("STRUCT(a INTEGER)[]", 114), ("MAP(VARCHAR, INTEGER)[]", 114),
]


@pytest.mark.parametrize(("type_", "oid"), OIDS)
def test_each_type_has_its_oid(type_: str, oid: int) -> None:
    assert pg_type(type_).oid == oid


def test_the_catalog_says_the_same_of_each_type() -> None:
    from tests.support.pg_catalog import Client, process

    with process() as engine:
        client = Client(engine)
        assert [(type_, client.one(f"SELECT kshell_pg.kshell_type_oid({literal(type_)})")) for type_, _ in OIDS] == OIDS


def test_every_type_of_duckdb_has_one_as_the_description_prints_it(duck: duckdb.DuckDBPyConnection) -> None:
    names = [row[0] for row in duck.execute("SELECT DISTINCT type_name FROM duckdb_types() WHERE internal").fetchall()]
    for name in names:
        assert pg_type(name.upper()).name


def test_the_modifier_of_numeric_is_its_precision_and_scale() -> None:
    assert pg_type("DECIMAL(10,2)").modifier == (10 << 16 | 2) + 4
    assert pg_type("DECIMAL(38,9)[]").modifier == (38 << 16 | 9) + 4
    assert pg_type("HUGEINT").modifier == -1


@pytest.mark.parametrize(("expression", "text"), [
    ("true", "t"), ("false", "f"), ("(-128)::TINYINT", "-128"), ("18446744073709551615::UBIGINT", "18446744073709551615"),
    ("(-170141183460469231731687303715884105727)::HUGEINT", "-170141183460469231731687303715884105727"),
    ("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455"),
    ("(-12345678901234567890123)::BIGNUM", "-12345678901234567890123"),
    ("1.50::DECIMAL(5,2)", "1.50"), ("(-0.05)::DECIMAL(5,2)", "-0.05"), ("0.00000001::DECIMAL(18,8)", "0.00000001"),
    ("0::DECIMAL(18,8)", "0.00000000"),
    ("0.1::FLOAT", "0.1"), ("0.1::DOUBLE", "0.1"), ("'nan'::DOUBLE", "NaN"), ("'inf'::FLOAT", "Infinity"), ("'-inf'::DOUBLE", "-Infinity"),
    ("'a' || chr(0) || 'ü'", "a\ufffdü"), ("'x'::ENUM('x')", "x"), ("'1011'::BIT", "1011"), ("'\\xAA\\x00'::BLOB", r"\xaa00"),
    ("''::BLOB", r"\x"),
    ("DATE '2026-11-26'", "2026-11-26"), ("DATE '12345-01-02'", "12345-01-02"), ("DATE '0044-03-15 (BC)'", "0044-03-15 BC"),
    ("'infinity'::DATE", "infinity"), ("'-infinity'::DATE", "-infinity"),
    ("TIME '10:00:00'", "10:00:00"), ("TIME '10:00:00.5'", "10:00:00.5"), ("TIME '24:00:00'", "24:00:00"),
    ("'10:00:00.123456789'::TIME_NS", "10:00:00.123456"),
    ("TIMESTAMP '2026-11-26 10:20:00'", "2026-11-26 10:20:00"), ("TIMESTAMP '2026-11-26 10:20:30.0005'", "2026-11-26 10:20:30.0005"),
    ("'2026-11-26 10:20:30'::TIMESTAMP_S", "2026-11-26 10:20:30"), ("'2026-11-26 10:20:30.12'::TIMESTAMP_MS", "2026-11-26 10:20:30.12"),
    ("'1969-12-31 23:59:59.999999999'::TIMESTAMP_NS", "1969-12-31 23:59:59.999999"), ("'infinity'::TIMESTAMP_NS", "infinity"),
    ("TIMESTAMP '12345-01-02 10:00:00'", "12345-01-02 10:00:00"), ("TIMESTAMP '0044-03-15 (BC) 10:00:00.25'", "0044-03-15 10:00:00.25 BC"),
    ("'-infinity'::TIMESTAMP", "-infinity"), ("'infinity'::TIMESTAMPTZ", "infinity"),
    ("TIMESTAMPTZ '2026-11-26 10:20:00.5+00'", "2026-11-26 10:20:00.5+00"),
    ("INTERVAL '0 days'", "00:00:00"), ("INTERVAL '14 months -3 days 4 hours 5 minutes 6.5 seconds'", "1 year 2 mons -3 days +04:05:06.5"),
    ("INTERVAL '-1 years'", "-1 years"), ("INTERVAL '-90 minutes'", "-01:30:00"), ("INTERVAL '1 day'", "1 day"),
    ("INTERVAL '-14 months'", "-1 years -2 mons"),
    ("INTERVAL '100 hours'", "100:00:00"),
    ("'00112233-4455-6677-8899-AABBCCDDEEFF'::UUID", "00112233-4455-6677-8899-aabbccddeeff"),
    ("[1, NULL, 3]", "{1,NULL,3}"), ("[]::INTEGER[]", "{}"), ("[true, false]", "{t,f}"), ("[1, 2]::INTEGER[2]", "{1,2}"),
    ("['a', 'b c', '', 'null', 'x\"y', 'c\\d', '{', ',', NULL]", r'{a,"b c","","null","x\"y","c\\d","{",",",NULL}'),
    ("['\\xAA'::BLOB]", r'{"\\xaa"}'),
    ("['2026-11-26'::DATE]", "{2026-11-26}"), ("[TIMESTAMP '2026-11-26 10:00:00']", '{"2026-11-26 10:00:00"}'),
    ("[1.50, 2]::DECIMAL(5,2)[]", "{1.50,2.00}"),
    ("['{\"a\": 1}'::JSON]", r'{"{\"a\": 1}"}'), ("['nan'::DOUBLE, 1.5]", "{NaN,1.5}"),
    ("{'a': 1, 'b': [NULL, 'x']}", '{"a":1,"b":[null,"x"]}'), ("MAP {'k': 1}", '{"k":1}'), ("[[1], [2, 3]]", "[[1],[2,3]]"),
    ("union_value(n := 'x')", '"x"'),
    ("'{\"a\": [1, 2]}'::JSON", '{"a": [1, 2]}'), ("'null'::JSON", "null"),
])
def test_text_is_what_postgresql_writes(duck: duckdb.DuckDBPyConnection, expression: str, text: str) -> None:
    assert cells(duck, f"SELECT {expression} AS v UNION ALL SELECT NULL")[0][0] == text.encode()


@pytest.mark.parametrize(("zone", "instant", "text"), [
    ("Asia/Kolkata", "2026-11-26 00:00:00+00", "2026-11-26 05:30:00+05:30"),
    ("America/St_Johns", "2026-01-01 00:00:00+00", "2025-12-31 20:30:00-03:30"),
    ("Europe/Berlin", "2026-03-29 00:59:59.5+00", "2026-03-29 01:59:59.5+01"),
    ("Europe/Berlin", "2026-03-29 01:00:00+00", "2026-03-29 03:00:00+02"),
    ("europe/berlin", "2050-07-01 00:00:00+00", "2050-07-01 02:00:00+02"),
    ("Asia/Kolkata", "1850-01-01 00:00:00+00", "1850-01-01 05:53:28+05:53:28"),
    ("Pacific/Kiritimati", "9999-12-31 23:00:00+00", "10000-01-01 13:00:00+14"),
    ("America/New_York", "0001-01-01 00:00:00+00", "0001-12-31 19:03:58-04:56:02 BC"),
    ("PST", "2026-11-26 00:00:00+00", "2026-11-26 00:00:00+00"), ("Asia/Kolkata", "infinity", "infinity"),
])
def test_an_instant_is_local_time_with_its_offset(duck: duckdb.DuckDBPyConnection, zone: str, instant: str, text: str) -> None:
    assert cells(duck, f"SELECT '{instant}'::TIMESTAMPTZ AS v", zone=zone) == [[text.encode()]]


@pytest.mark.parametrize(("expression", "layout", "value"), [
    ("'infinity'::DATE", ">i", 2**31 - 1), ("'-infinity'::DATE", ">i", -2**31), ("DATE '1999-12-31'", ">i", -1),
    ("TIME '24:00:00'", ">q", 86_400_000_000),
    ("'infinity'::TIMESTAMP_S", ">q", 2**63 - 1), ("'-infinity'::TIMESTAMPTZ", ">q", -2**63),
    ("'2000-01-01 00:00:01'::TIMESTAMP_S", ">q", 1_000_000),
    ("'2000-01-01 00:00:00.001'::TIMESTAMP_MS", ">q", 1000), ("'1999-12-31 23:59:59.999999999'::TIMESTAMP_NS", ">q", -1),
    ("TIMESTAMP '12345-01-01 00:00:00'", ">q", 326_456_697_600_000_000),
])
def test_binary_times_count_from_2000_and_know_infinity(duck: duckdb.DuckDBPyConnection, expression: str, layout: str, value: int) -> None:
    ((cell,),) = cells(duck, f"SELECT {expression} AS v", BINARY)
    assert cell is not None
    assert struct.unpack(layout, cell) == (value,)


@pytest.mark.parametrize("expression", [
    "DATE '5877642-06-25 (BC)'", "TIMESTAMP '290309-12-22 (BC) 00:00:00'", "[DATE '5877642-06-25 (BC)']"])
def test_what_binary_does_not_hold_is_an_error_there_and_right_in_text(duck: duckdb.DuckDBPyConnection,
                                                                       expression: str) -> None:
    with pytest.raises(RefusedError, match="binary format"):
        cells(duck, f"SELECT {expression} AS v", BINARY)
    ((text,),) = cells(duck, f"SELECT {expression} AS v")
    assert text is not None
    assert b"BC" in text


# ---- psycopg is the judge ------------------------------------------------------------------------------------------

_whole = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}
_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_micros = st.timedeltas(dt.timedelta(days=-3000), dt.timedelta(days=3000))
_moments = st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29))


def _decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10 ** precision - 1
    return st.integers(-most, most).map(lambda n: Decimal((int(n < 0), tuple(map(int, str(abs(n)))), -scale)))


SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "BOOLEAN": st.booleans(), **{name: st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) for name, bits in _whole.items()},
    **{f"U{name}": st.integers(0, (1 << bits) - 1) for name, bits in _whole.items()},
    "HUGEINT": st.integers(-(1 << 127) + 1, (1 << 127) - 1), "UHUGEINT": st.integers(0, (1 << 128) - 1),
    "DOUBLE": st.floats(), "FLOAT": st.floats(width=32), "VARCHAR": _texts, "BLOB": st.binary(max_size=12), "UUID": st.uuids(),
    "DATE": st.dates(), "TIME": st.times(), "TIMESTAMP": _moments,
    "TIMESTAMP WITH TIME ZONE": _moments.map(lambda m: m.replace(tzinfo=dt.UTC)),
    "INTERVAL": _micros, "DECIMAL(4,0)": _decimals(4, 0), "DECIMAL(9,5)": _decimals(9, 5), "DECIMAL(18,16)": _decimals(18, 16),
    "DECIMAL(18,17)": _decimals(18, 17), "DECIMAL(38,2)": _decimals(38, 2), "DECIMAL(38,38)": _decimals(38, 38),
    "DECIMAL(38,10)": _decimals(38, 10),
}


@st.composite
def _columns(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """Any type, and some values of it with NULLs; lists of it too."""
    type_ = draw(st.sampled_from(sorted(SCALARS)))
    values = st.none() | SCALARS[type_]
    if draw(st.booleans()):
        return f"{type_}[]", draw(st.lists(st.none() | st.lists(values, max_size=4), min_size=1, max_size=6))
    return type_, draw(st.lists(values, min_size=1, max_size=6))


def _same(value: Any, type_: str) -> Any:
    """Equal for what is the same value: NaN is itself, an integer is its Decimal, -0.0 is not 0.0. The shortest text of a FLOAT is another
    DOUBLE, as in PostgreSQL."""
    if isinstance(value, list):
        return [_same(item, type_) for item in value]
    if isinstance(value, float):
        return repr(struct.unpack("f", struct.pack("f", value)) if type_.startswith("FLOAT") else value)
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


def _arrow(type_: str) -> pa.DataType:
    inner = {"DOUBLE": pa.float64(), "FLOAT": pa.float32()}.get(type_.removesuffix("[]"), pa.string())
    return pa.list_(inner) if type_.endswith("[]") else inner


def _source(value: Any) -> Any:
    """A value as text that DuckDB casts exactly."""
    if isinstance(value, list):
        return [_source(item) for item in value]
    if isinstance(value, dt.timedelta):
        return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"
    if isinstance(value, bytes):
        return "".join(f"\\x{byte:02x}" for byte in value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value if value is None or isinstance(value, float) else str(value)


@settings(max_examples=150, deadline=None)
@given(_columns(), st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]))
def test_psycopg_reads_every_value_in_both_formats(duck: duckdb.DuckDBPyConnection, column: tuple[str, list[Any]], zone: str) -> None:
    type_, values = column
    duck.register("given", pa.table({"v": pa.array(_source(values), type=_arrow(type_))}))
    for format in (TEXT, BINARY):
        found = [row[0] for row in loaded(duck, f"SELECT v::{type_} AS v FROM given", format, zone=zone)]
        assert _same(found, type_) == _same(values, type_)


@pytest.mark.parametrize("format", [TEXT, BINARY])
def test_a_slice_of_a_batch_gives_its_own_rows(duck: duckdb.DuckDBPyConnection, format: int) -> None:
    duck.execute("""SELECT i, i::DECIMAL(9,2) d, 'x' || i s, ('\\xA' || i)::BLOB b, [i, NULL, i + 1] l, [i, i]::INTEGER[2] f,
                    [i::VARCHAR] t, uuid() u, to_days(i::INTEGER) v, {'a': i} o, i::HUGEINT h, DATE '2020-01-01' + i::INTEGER w,
                    [i::DECIMAL(30,2)] n, i % 2 = 0 AS even FROM range(10) r(i) WHERE i < 10 UNION ALL BY NAME SELECT NULL::BIGINT AS i""")
    columns = columns_of(duck.description)
    batch = next(iter(duck.to_arrow_reader(100)))
    encoder = RowEncoder(columns, [format])
    assert encoder.encode(batch) == b"".join(encoder.encode(batch.slice(n, 1)) for n in range(batch.num_rows))


def test_a_batch_above_the_bound_is_cut_and_nothing_is_lost(duck: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    duck.execute("SELECT i, repeat('x', 1000) s FROM range(100) r(i)")
    columns, batch = columns_of(duck.description), next(iter(duck.to_arrow_reader(100)))
    whole = RowEncoder(columns, []).encode(batch)
    monkeypatch.setattr(rows_module, "PART_BYTES", 5000)
    assert RowEncoder(columns, []).encode(batch) == whole


def test_nested_values_are_json_that_reads_back(duck: duckdb.DuckDBPyConnection) -> None:
    for format in (TEXT, BINARY):
        ((value, nothing),) = loaded(
            duck, "SELECT {'a': [1, NULL], 'm': MAP {'k': 1.5}, 't': 'ü\"' || chr(0)} v, NULL::STRUCT(a INTEGER) n", format)
        assert json.loads(json.dumps(value)) == {"a": [1, None], "m": {"k": 1.5}, "t": 'ü"\0'}
        assert nothing is None


def test_rows_are_encoded_a_column_at_a_time(duck: duckdb.DuckDBPyConnection) -> None:
    """A loop over values takes some 10 microseconds a row of eight columns; columns of arrays take about one."""
    duck.execute("""SELECT i, i * 2 j, i::DOUBLE / 3 d, 'name ' || i s, TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND t, i::DECIMAL(18,2) n,
                    i % 2 = 0 b, '2026-01-01 00:00:00+00'::TIMESTAMPTZ + INTERVAL (i) SECOND z FROM range(20480) r(i)""")
    columns, batches = columns_of(duck.description), list(duck.to_arrow_reader(2048))
    for format in (TEXT, BINARY):
        encoder = RowEncoder(columns, [format], "Europe/Berlin")
        encoder.encode(batches[0])
        begun = time.thread_time()
        for batch in batches:
            encoder.encode(batch)
        assert (time.thread_time() - begun) / 20480 < 20e-6


def test_a_uuid_is_sixteen_bytes(duck: duckdb.DuckDBPyConnection) -> None:
    value = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
    assert cells(duck, f"SELECT '{value}'::UUID AS v UNION ALL SELECT NULL", BINARY) == [[value.bytes], [None]]
