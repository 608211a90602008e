"""Records that are made to hurt: limits are verdicts, the process lives, and the neighbours are rows."""

from __future__ import annotations

import duckdb
import pytest

from kshell.decode import make
from kshell.decode.verdict import LEVELS, OBJECT_KEYS, RECORD_BYTES, VALUE_BYTES
from tests.decode.support import Both, Record, batch, json

MIB = 1024 * 1024
keys = ",".join(f'"k{i}":0' for i in range(OBJECT_KEYS))
CORPUS: list[tuple[str, Record, str | None]] = [
    ("100,000 open brackets", '{"v":' + "[" * 100_000 + "]" * 100_000 + "}", "JSON_DEPTH"),
    ("unclosed brackets", '{"v":' + "[" * 100_000, "JSON_DEPTH"),
    ("5,000 objects", '{"v":' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}", "JSON_DEPTH"),
    ("deep without a column", '{"z":' + "[" * LEVELS + "]" * LEVELS + "}", "JSON_DEPTH"),
    ("as deep as allowed", '{"v":' + "[" * (LEVELS - 1) + "]" * (LEVELS - 1) + "}", None),
    ("deep and short", '{"v":' + "[" * 900 + "]" * 900 + "}", None),
    ("brackets in a text", '{"v":"' + "[{" * 5_000 + '"}', None),
    ("as many keys as allowed", "{" + keys + "}", None),
    ("a key too many", "{" + keys + ',"k":0}', "TOO_MANY_KEYS"),
    ("a key too many inside", '{"v":{' + keys + ',"k":0}}', "TOO_MANY_KEYS"),
    ("one key many times", "{" + ",".join(['"a":0'] * (OBJECT_KEYS + 1)) + "}", "TOO_MANY_KEYS"),
    ("a record too large", b'{"v":"' + b"x" * RECORD_BYTES + b'"}', "RECORD_TOO_LARGE"),
    ("a value too large", b'{"v":"' + b"x" * (VALUE_BYTES + 1) + b'"}', "VALUE_TOO_LARGE"),
    ("a value too large in bytes", ('{"v":"' + "ä" * (VALUE_BYTES // 2 + 1) + '"}').encode(), "VALUE_TOO_LARGE"),
    ("a value too large by escapes", b'{"v":"' + b"\\u4e2d" * (VALUE_BYTES // 3 + 1) + b'"}', "RECORD_TOO_LARGE"),
    ("a value as large as allowed", b'{"v":"' + b"x" * VALUE_BYTES + b'"}', None),
    ("large of small values", '{"v":[' + ",".join(['"' + "x" * 1000 + '"'] * 5_000) + "]}", None),
    ("a number of a million digits", '{"n":' + "9" * MIB + "}", "NUMBER_RANGE"),
    ("a fraction of a million digits", '{"d":0.' + "1" * MIB + "}", None),
    ("an exponent of a million digits", '{"d":1e' + "9" * MIB + "}", "NUMBER_RANGE"),
    ("a decimal of a million digits", '{"p":1.' + "1" * MIB + "}", "DECIMAL_RANGE"),
    ("a decimal with a huge exponent", '{"p":1e-999999999}', "DECIMAL_RANGE"),
    ("a text number of a million digits", '{"n":"' + "1_" * (MIB // 2) + '1"}', "NUMBER_RANGE"),
    ("spaces around nothing", " " * MIB, "JSON_SYNTAX"),
    ("a bidirectional override", '{"v":"\u202e\u2066evil"}', None),
    ("nothing but backslashes", '{"v":"' + "\\" * 100_001 + '"}', "JSON_SYNTAX"),
    ("invalid UTF-8 outside of columns", b'{"z":"\xff"}', "UTF8_INVALID"),
    ("an encoded surrogate", b'{"v":"\xed\xa0\x80"}', "UTF8_INVALID"),
    ("an overlong slash", b'{"v":"\xc0\xaf"}', "UTF8_INVALID"),
    ("a lone surrogate in a key", '{"\\udc00":1}', "UTF8_INVALID"),
    ("a NUL after the record", b"{}\x00", "JSON_SYNTAX"),
    ("UTF-16", '{"v":1}'.encode("utf-16"), "UTF8_INVALID"),
    ("a byte order mark", b'\xef\xbb\xbf{"v":"bom"}', None),
]


@pytest.mark.fault("F31")
@pytest.mark.fault("F32")
@pytest.mark.parametrize(("record", "code"), [c[1:] for c in CORPUS], ids=[c[0] for c in CORPUS])
def test_a_hostile_record_is_judged_and_its_neighbours_are_rows(
        cursor: duckdb.DuckDBPyConnection, record: Record, code: str | None) -> None:
    decoder = json(("n", "BIGINT"), ("v", "VARCHAR"), ("d", "DOUBLE"), ("p", "DECIMAL(20,4)"))
    both = Both(cursor, decoder, batch(['{"n":1}', record, '{"n":2}']))
    assert both.codes == ({1: code} if code else {})
    assert both.exact[0][0] == 1
    assert both.exact[2][0] == 2
    assert 1 in both.suspect or code is None
    assert all(len(b.message) <= 200 and b.message.isprintable() for b in both.bad)


def test_a_large_harmless_record_does_not_need_the_exact_form(cursor: duckdb.DuckDBPyConnection) -> None:
    record = '{"n":1,"items":[' + ",".join(f'{{"sku":"{i}","price":{i}.5}}' for i in range(400)) + "]}"
    both = Both(cursor, json(("n", "BIGINT"), ("items", "STRUCT(sku VARCHAR, price DOUBLE)[]")), batch([record]))
    assert len(record) > 10_000
    assert both.suspect == []


def test_limits_of_a_single_value_hold_for_plain_formats(cursor: duckdb.DuckDBPyConnection) -> None:
    for name in ("string", "raw"):
        both = Both(cursor, make(name, "raw", ()), batch([b"x" * VALUE_BYTES, b"x" * (VALUE_BYTES + 1), b"x" * (RECORD_BYTES + 1)]))
        assert both.codes == {1: "VALUE_TOO_LARGE", 2: "RECORD_TOO_LARGE"}


ALMOST: list[tuple[str, Record, str | None, object]] = [
    ("malformed", '{"n":1', "JSON_SYNTAX", None), ("trailing data", '{"n":1} x', "JSON_SYNTAX", None),
    ("two objects", '{"n":1}{"n":2}', "JSON_SYNTAX", None), ("two lines", '{"n":1}\n{"n":2}', "JSON_SYNTAX", None),
    ("a byte order mark", b'\xef\xbb\xbf{"n":1}', None, 1), ("a key twice: the first counts", '{"n":1,"n":2}', None, 1),
    ("NaN in a number", '{"n":NaN}', "NUMBER_RANGE", None), ("NaN without a column", '{"n":1,"z":NaN}', None, 1),
    ("beyond a double", '{"n":1e400}', "NUMBER_RANGE", None), ("bytes that are no text", b'{"n":1,"v":"\xff"}', "UTF8_INVALID", None),
    ("a lone surrogate", '{"n":1,"v":"\\ud800"}', "UTF8_INVALID", None),
    ("beyond 64 bit", '{"n":9223372036854775808}', "NUMBER_RANGE", None),
    ("the last of 64 bit", '{"n":9223372036854775807}', None, 9223372036854775807), ("an array", '[{"n":1}]', "JSON_NOT_OBJECT", None),
    ("nothing", "", "JSON_SYNTAX", None), ("a comment", '{"n":1} // x', "JSON_SYNTAX", None),
    ("single quotes", "{'n':1}", "JSON_SYNTAX", None)]


@pytest.mark.fault("F30")
@pytest.mark.parametrize(("record", "code", "value"), [c[1:] for c in ALMOST], ids=[c[0] for c in ALMOST])
def test_almost_json_has_one_code_or_one_documented_value_in_both_forms(
        cursor: duckdb.DuckDBPyConnection, record: Record, code: str | None, value: object) -> None:
    both = Both(cursor, json(("n", "BIGINT"), ("v", "VARCHAR")), batch(['{"n":1}', record]))
    assert both.codes == ({1: code} if code else {})
    assert [row[0] for index, row in both.exact.items() if index == 1] == ([] if code else [value])
    assert 1 in both.suspect if code else both.fast.get(1, both.exact[1]) == both.exact[1]
