"""What each kind of JSON value becomes in a column of each type: the rules as a table, judged by both forms."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from tests.decode.support import Both, batch, json, same


class Code(str):
    """A verdict."""


MISFIT, RANGE, DECIMAL_RANGE, DATE_RANGE = Code("TYPE_MISFIT"), Code("NUMBER_RANGE"), Code("DECIMAL_RANGE"), Code("DATE_RANGE")
SYNTAX, UTF8 = Code("JSON_SYNTAX"), Code("UTF8_INVALID")

TABLE: list[tuple[str, str, Any]] = [
    # integers
    ("BIGINT", "5", 5), ("BIGINT", "-0", 0), ("BIGINT", "9007199254740993", 9007199254740993),
    ("BIGINT", "9223372036854775807", 2**63 - 1), ("BIGINT", "-9223372036854775808", -2**63), ("BIGINT", "9223372036854775808", RANGE),
    ("BIGINT", "1" * 400, RANGE), ("INTEGER", "2147483647", 2**31 - 1), ("INTEGER", "2147483648", RANGE),
    ("INTEGER", "-2147483649", RANGE), ("TINYINT", "300", 300), ("HUGEINT", "18446744073709551616", Decimal(2**64)),
    ("UBIGINT", "18446744073709551615", Decimal(2**64 - 1)),
    # reals in integer columns: only whole ones
    ("BIGINT", "10.0", 10), ("BIGINT", "1e3", 1000), ("BIGINT", "1e18", 10**18), ("BIGINT", "1.7", MISFIT), ("BIGINT", "1e19", RANGE),
    ("BIGINT", "9007199254740993.0", 9007199254740993), ("INTEGER", "1.5", MISFIT),
    # doubles
    ("DOUBLE", "0.1", 0.1), ("DOUBLE", "12", 12.0), ("DOUBLE", "-0.0", -0.0), ("DOUBLE", "1e400", RANGE), ("DOUBLE", "-1e400", RANGE),
    ("DOUBLE", "NaN", RANGE), ("DOUBLE", "Infinity", RANGE), ("DOUBLE", "-inf", RANGE),
    ("DOUBLE", "12345678901234567890123", 1.2345678901234568e22), ("FLOAT", "0.5", 0.5), ("FLOAT", "1e39", RANGE),
    # decimals: exact, or refused
    ("DECIMAL(20,4)", "12345678901234.5678", Decimal("12345678901234.5678")), ("DECIMAL(20,4)", '"0.1"', Decimal("0.1000")),
    ("DECIMAL(20,4)", "12", Decimal("12.0000")), ("DECIMAL(20,4)", "1.23456", DECIMAL_RANGE),
    ("DECIMAL(20,4)", "1e3", Decimal("1000.0000")), ("DECIMAL(20,4)", "99999999999999999", DECIMAL_RANGE),
    ("DECIMAL(20,4)", "-0.0001", Decimal("-0.0001")), ("DECIMAL(20,4)", "1.230000000", Decimal("1.2300")),
    ("DECIMAL(20,4)", "0.1000000000000000000001", DECIMAL_RANGE), ("DECIMAL(38,0)", "1" * 38, Decimal("1" * 38)),
    ("DECIMAL(38,0)", "1" * 39, RANGE), ("DECIMAL(38,18)", "0.000000000000000001", Decimal("0.000000000000000001")),
    ("DECIMAL(10,2)", "NaN", RANGE), ("DECIMAL(10,2)", "1e400", RANGE), ("DECIMAL(10,2)", "1e-400", DECIMAL_RANGE),
    ("DECIMAL(10,2)", "0e-400", Decimal("0.00")),
    # texts are numbers if they are one in whole
    ("BIGINT", '"12"', 12), ("BIGINT", '" 12 "', 12), ("BIGINT", '"1_000"', 1000), ("BIGINT", '"0x1F"', MISFIT),
    ("BIGINT", '"1.7"', MISFIT), ("BIGINT", '"abc"', MISFIT), ("BIGINT", '""', MISFIT), ("DOUBLE", '"1e3"', 1000.0),
    ("DOUBLE", '"NaN"', MISFIT), ("DOUBLE", '"12abc"', MISFIT),
    # booleans
    ("BOOLEAN", "true", True), ("BOOLEAN", '"false"', False), ("BOOLEAN", '"TRUE"', True), ("BOOLEAN", "1", MISFIT),
    ("BOOLEAN", '"yes"', MISFIT), ("BIGINT", "true", 1), ("DOUBLE", "false", 0.0), ("TIMESTAMPTZ", "true", MISFIT),
    # text columns take everything
    ("VARCHAR", '"a\\u0000b"', "a\0b"), ("VARCHAR", '"\\ud83d\\ude00"', "\U0001f600"), ("VARCHAR", "12", "12"),
    ("VARCHAR", "1.50", "1.5"), ("VARCHAR", "true", "true"), ("VARCHAR", '{ "a" : [1, "x"] }', '{"a":[1,"x"]}'),
    ("VARCHAR", "[ ]", "[]"), ("VARCHAR", '"2024-03-10"', "2024-03-10"),
    # JSON text keeps the kind, the order and the repeats
    ("JSON", '"a"', '"a"'), ("JSON", "12", "12"), ("JSON", '{"b":1,"a":2,"b":3}', '{"b":1,"a":2,"b":3}'),
    ("JSON", "123456789012345678901234567890", "1" + "23456789012345678901234567890"), ("JSON", "[1,NaN]", RANGE),
    ("JSON", '"NaN"', '"NaN"'), ("JSON", '["info","inf"]', '["info","inf"]'),
    # times need ISO 8601; an instant needs an offset, a local time must not have one
    ("TIMESTAMPTZ", '"2024-03-10T02:30:00Z"', datetime(2024, 3, 10, 2, 30, tzinfo=UTC)),
    ("TIMESTAMPTZ", '"2024-03-10T08:00:00+05:30"', datetime(2024, 3, 10, 2, 30, tzinfo=UTC)),
    ("TIMESTAMPTZ", '"2024-03-09T21:30:00.5-05:00"', datetime(2024, 3, 10, 2, 30, 0, 500_000, tzinfo=UTC)),
    ("TIMESTAMPTZ", '"2024-03-10T02:30:00.1234569Z"', datetime(2024, 3, 10, 2, 30, 0, 123_456, tzinfo=UTC)),
    ("TIMESTAMPTZ", '"2024-03-10T02:30:00"', MISFIT), ("TIMESTAMPTZ", '"10/03/2024 02:30"', MISFIT),
    ("TIMESTAMPTZ", "1707225270445", MISFIT), ("TIMESTAMPTZ", '"2024-02-30T00:00:00Z"', MISFIT),
    ("TIMESTAMPTZ", '"0000-01-01T00:00:00Z"', DATE_RANGE), ("TIMESTAMPTZ", '"2024-03-10T 2:30:00Z"', MISFIT),
    ("TIMESTAMPTZ", '"9999-12-31T23:59:59.999999Z"', datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ("TIMESTAMPTZ", '"9999-12-31T23:59:59-01:00"', DATE_RANGE), ("TIMESTAMPTZ", '"0001-01-01T00:00:00+01:00"', DATE_RANGE),
    ("TIMESTAMP", '"2024-03-10T02:30:00"', datetime(2024, 3, 10, 2, 30)), ("TIMESTAMP", '"2024-03-10T02:30:00Z"', MISFIT),
    ("TIMESTAMP_NS", '"2024-03-10T02:30:00.123456789"', datetime(2024, 3, 10, 2, 30, 0, 123_456)),
    ("DATE", '"2024-03-10"', date(2024, 3, 10)), ("DATE", '"2024-3-1"', MISFIT), ("DATE", '"0000-12-31"', DATE_RANGE),
    ("DATE", "19792", MISFIT), ("TIME", '"02:30:00.25"', time(2, 30, 0, 250_000)), ("TIME", '"24:00:00"', MISFIT),
    ("TIME", '"02:30:00+01:00"', MISFIT),
    ("UUID", '"123E4567-e89b-12d3-a456-426614174000"', uuid.UUID("123e4567-e89b-12d3-a456-426614174000")),
    ("UUID", '"123e4567e89b12d3a456426614174000"', Code("UUID_INVALID")), ("UUID", "5", MISFIT), ("BLOB", '"AP8b"', b"\0\xff\x1b"),
    ("BLOB", '"YQ=="', b"a"), ("BLOB", '"YQ"', MISFIT), ("BLOB", "1234", MISFIT),
    # null is NULL everywhere, and so are {} and [] where they are of another kind
    ("BIGINT", "null", None), ("JSON", "null", None), ("VARCHAR", "null", None), ("BIGINT", "{}", None), ("BIGINT", "[]", None),
    ("TIMESTAMPTZ", "{}", None), ("BIGINT[]", "{}", None), ("STRUCT(x BIGINT)", "[]", None), ("BIGINT[]", "[]", []),
    ("MAP(VARCHAR, BIGINT)", "{}", {}), ("STRUCT(x BIGINT)", "{}", {"x": None}), ("BIGINT", '{"x":1}', MISFIT),
    ("BIGINT", "[1]", MISFIT),
    # nested
    ("STRUCT(x BIGINT, y VARCHAR)", '{"y":"a"}', {"x": None, "y": "a"}), ("STRUCT(x BIGINT)", '{"x":"a"}', MISFIT),
    ("STRUCT(x BIGINT)", "5", MISFIT), ("STRUCT(x STRUCT(y DATE))", '{"x":{"y":"2024-01-02"}}', {"x": {"y": date(2024, 1, 2)}}),
    ("STRUCT(x STRUCT(y DATE))", '{"x":7}', MISFIT), ("BIGINT[]", "[1,null,2.0]", [1, None, 2]), ("BIGINT[]", "[1,1.5]", MISFIT),
    ("BIGINT[]", '[1,"x"]', MISFIT), ("BIGINT[]", "7", MISFIT),
    ("STRUCT(x BIGINT)[]", '[{"x":1},null,{}]', [{"x": 1}, None, {"x": None}]), ("STRUCT(x BIGINT)[]", '[{"x":1},7]', MISFIT),
    ("STRUCT(x BIGINT)[]", '[{"x":"a"}]', MISFIT), ("BIGINT[][]", "[[1],[]]", [[1], []]), ("BIGINT[][]", '[["x"]]', MISFIT),
    ("MAP(VARCHAR, DOUBLE)", '{"temp":21,"hum":0.5,"x":null}', {"temp": 21.0, "hum": 0.5, "x": None}),
    ("MAP(VARCHAR, DOUBLE)", '{"t":"high"}', MISFIT), ("MAP(VARCHAR, DOUBLE)", '{"a":1,"a":2}', {"a": 1.0}),
    ("MAP(VARCHAR, VARCHAR)", '{"a":1,"a":2}', {"a": "1"}), ("MAP(VARCHAR, STRUCT(x BIGINT))", '{"a":{"x":1}}', {"a": {"x": 1}}),
    ("MAP(VARCHAR, DOUBLE)", "[1]", MISFIT),
    # the text of a record
    ("VARCHAR", '"\\ud800"', UTF8), ("VARCHAR", "[1,]", "[1]"), ("VARCHAR", "[,]", SYNTAX), ("VARCHAR", "01", SYNTAX),
    ("VARCHAR", "+1", SYNTAX), ("VARCHAR", ".5", SYNTAX), ("VARCHAR", "1.", SYNTAX), ("VARCHAR", "'x'", SYNTAX),
    ("VARCHAR", "/* c */1", SYNTAX), ("VARCHAR", "undefined", SYNTAX), ("VARCHAR", '"\x01"', SYNTAX), ("VARCHAR", '"\\x"', SYNTAX),
]


@pytest.mark.parametrize(("kind", "text", "expected"), TABLE, ids=[f"{k} {t[:30]!a}" for k, t, _ in TABLE])
def test_a_value_becomes_what_the_table_says(cursor: duckdb.DuckDBPyConnection, kind: str, text: str, expected: Any) -> None:
    both = Both(cursor, json(("a", kind)), batch([f'{{"a":{text}}}', "{}"]))
    assert both.exact[1][0] is None, "an absent field is NULL"
    if isinstance(expected, Code):
        assert both.codes == {0: expected}
        assert 0 in both.suspect
    else:
        assert both.bad == []
        assert same(both.exact[0][0], expected)
        if 0 in both.fast:
            assert same(both.fast[0][0], expected)


FAST = [
    ("BIGINT", "12"), ("BIGINT", "null"), ("BIGINT", '"12"'), ("BIGINT", "10.0"), ("DOUBLE", "1.25"), ("DECIMAL(20,4)", "12.3456"),
    ("DECIMAL(10,2)", "1234567.25"), ("VARCHAR", '"x"'), ("JSON", '{"a":[1]}'), ("TIMESTAMPTZ", '"2024-03-10T02:30:00.123Z"'),
    ("TIMESTAMPTZ", '"2024-03-10T02:30:00+01:00"'), ("DATE", '"2024-03-10"'), ("BOOLEAN", "true"),
    ("UUID", '"123e4567-e89b-12d3-a456-426614174000"'), ("BLOB", '"YQ=="'), ("TIME", '"02:30:00"'),
    ("STRUCT(x BIGINT, y VARCHAR)", '{"y":"a"}'), ("STRUCT(x BIGINT)", "null"), ("BIGINT[]", "[1,null]"),
    ("MAP(VARCHAR, DOUBLE)", '{"a":null}'), ("STRUCT(x BIGINT, y DATE)[]", '[{"x":1},null,{"y":"2024-01-02"}]'),
]


@pytest.mark.parametrize(("kind", "text"), FAST)
def test_ordinary_values_do_not_need_the_exact_form(cursor: duckdb.DuckDBPyConnection, kind: str, text: str) -> None:
    """Sparse records included: a NULL from null or absence is told apart from a misfit in SQL."""
    both = Both(cursor, json(("a", kind), ("b", "BIGINT")), batch([f'{{"a":{text},"b":1}}', f'{{"a":{text}}}', '{"b":2}', "{}", None]))
    assert both.suspect == []
    assert both.rows is not None


def test_a_declared_path_reads_a_nested_value_and_null_where_a_level_is_missing(cursor: duckdb.DuckDBPyConnection) -> None:
    decoder = json(("t", "DOUBLE", "$.a.b"), ("u", "VARCHAR", '$."x y"."q\\"q"'))
    both = Both(cursor, decoder, batch(['{"a":{"b":-3},"x y":{"q\\"q":"k"}}', '{"a":null}', '{"a":5}', '{"a":[1]}', '{"a":{}}',
    '{"a":{"b":"x"}}']))
    assert [row[:2] for row in both.exact.values()] == [(-3.0, "k"), *[(None, None)] * 4]
    assert both.codes == {5: "TYPE_MISFIT"}


def test_not_null_judges_records_and_tombstones(cursor: duckdb.DuckDBPyConnection) -> None:
    both = Both(cursor, json(("a", "BIGINT", None, True)), batch(['{"a":1}', '{"a":null}', "{}", None]))
    assert both.exact.keys() == both.fast.keys() == {0}
    assert set(both.codes.values()) == {"TYPE_MISFIT"}


def test_the_rest_is_json_text_of_the_fields_without_a_column(cursor: duckdb.DuckDBPyConnection) -> None:
    values = ['{"id":1,"extra":{"x":[1, 2]},"n":5}', '{"id":2}', None, '{"a\\"b":null,"id":3}', '{"z":1,"z":2}', '{"z":NaN}',
    '{"p":{"q":1,"r":2}}']
    both = Both(cursor, json(("id", "BIGINT"), ("q", "BIGINT", "$.p.q"), include=["rest"]), batch(values))
    assert [row[-1] for row in both.exact.values()] == ['{"extra":{"x":[1,2]},"n":5}', None, None, '{"a\\"b":null}', '{"z":1,"z":2}',
    '{"p":{"q":1,"r":2}}']
    assert both.codes == {5: "NUMBER_RANGE"}
    assert both.suspect == [5], "the others need no exact form"


def test_the_rest_keeps_what_columns_do_not_hold_under_its_path(cursor: duckdb.DuckDBPyConnection) -> None:
    values = ['{"s":{"a":1,"b":{"x":1}}}', '{"s":{"a":1}}', '{"l":[{"k":1},{"k":2,"z":null},[],{"k":3}],"n":1}', '{"s":5,"l":[]}',
              '{"m":{"p":{"k":1},"q":{"k":2,"w":"x"}}}', '{"s":{"a":1,"z":1,"z":2,"a":{"q":1}}}', None, '{"s":null,"t":{"a":1}}',
              '{"t":{"free":{"form":1}},"s":{"a":1,"n":NaN}}']
    held = (("s", "STRUCT(a BIGINT)"), ("l", "STRUCT(k BIGINT)[]"), ("m", "MAP(VARCHAR, STRUCT(k BIGINT))"), ("t", "JSON"))
    both = Both(cursor, json(*held, include=["rest"]), batch(values))
    assert {row: texts[-1] for row, texts in both.exact.items()} == {
        0: '{"s":{"b":{"x":1}}}', 1: None, 2: '{"l":[null,{"z":null}],"n":1}', 4: '{"m":{"q":{"w":"x"}}}', 5: '{"s":{"z":1,"z":2}}',
        6: None, 7: None}
    assert both.codes == {3: "TYPE_MISFIT", 8: "NUMBER_RANGE"}
    assert set(both.fast) >= {1, 6, 7}, "they have nothing beside the columns"
    assert not set(both.fast) & {0, 2, 4, 5}


def test_the_rest_holds_what_none_of_the_columns_of_a_member_hold(cursor: duckdb.DuckDBPyConnection) -> None:
    held = (("s", "STRUCT(a BIGINT)"), ("s2", "STRUCT(b BIGINT)", "$.s"), ("c", "BIGINT", "$.s.c"))
    both = Both(cursor, json(*held, include=["rest"]), batch(['{"s":{"a":1,"b":2,"c":3}}', '{"s":{"a":1,"b":2}}']))
    assert [row[-1] for row in both.exact.values()] == ['{"s":{"c":3}}', None]


def test_names_that_differ_in_case_are_two_values(cursor: duckdb.DuckDBPyConnection) -> None:
    both = Both(cursor, json(("a", "BIGINT"), ("a_1", "VARCHAR", "$.A")), batch(['{"A":"x","a":1}', '{"A":"y"}']))
    assert [row[:2] for row in both.fast.values()] == [(1, "x"), (None, "y")]


def test_a_message_names_path_and_type_and_never_the_value(cursor: duckdb.DuckDBPyConnection) -> None:
    secret = "s3cret" * 100
    both = Both(cursor, json(("a", "STRUCT(b BIGINT[])")), batch([f'{{"a":{{"b":["{secret}"]}}}}']))
    assert both.bad[0].message == "$.a.b[]: a text does not fit BIGINT"
