"""Our parser and writer of JSON text against DuckDB's, which set the rules."""

from __future__ import annotations

import math
import struct

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.decode.json_text import Members, Value, parse, read, write
from kshell.decode.verdict import Verdict

DOCUMENTS = [
    '{"a":1,"b":[true,null,{"c":"x\\u001f\\"é\\/\\b\\f\\n\\r\\t"}],"a":2,}', "[1,]", "[,]", "{,}", '{"a":1,,}', "[1,,]", "{}", "[]",
    "[[],{}]", '{"a":{}}', "[}", "{]", '{"a"}', '{"a":}', "1 2", "", '"a', "[1", '{"a":1', '{"a":1]', "nul", "[1 2]", '{"a":1 "b":2}',
    '[{"a":[1,{"b":[]}]}]', " \t\r\n[ 1 , 2 ] ", "\f[]", ",", '{"a":1}{"b":2}', "{:1}", "[:]", '{"a",1}', '"x"', '{"a":tru}',
    '{"a":truex}', "[-]", "[--1]", "[1]]", '{"a":1}}', "]", "}", '"\\u12"', '{"a":[],}', "[1.50,1e5,1E-7,-0,-0.0,1e21,1e22]", "[01]",
    "[1.]", "[.5]", "[1e]", "[+1]", "[0x1]", '"\\ud83d\\ude00"', '"\\u0000"', "'x'", "//x\n1", '{"":{"":[]}}', '"\x7f\u2028"',
    "[1e400,123456789012345678901234567890]",
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_is_read_and_written_as_duckdb_does(cursor: duckdb.DuckDBPyConnection, document: str) -> None:
    try:
        expected = cursor.execute("SELECT json(?::VARCHAR)", [document]).fetchone()
    except duckdb.InvalidInputException:
        with pytest.raises(Verdict) as caught:
            parse(document)
        assert caught.value.code == "JSON_SYNTAX"
    else:
        assert expected == (write(parse(document)),)
        assert write(read(document.encode())) == write(parse(document)), "the quick way reads the same"


numbers = st.one_of(st.floats(allow_nan=False, allow_infinity=False).map(repr), st.integers(-2**70, 2**70).map(str),
                    st.tuples(st.integers(0, 10**19), st.integers(0, 10**9), st.integers(-40, 40)).map(lambda t: f"-{t[0]}.{t[1]}e{t[2]}"),
                    st.binary(min_size=8, max_size=8).map(lambda b: struct.unpack("d", b)[0]).filter(math.isfinite).map(repr))


@settings(max_examples=150, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=50))
def test_every_number_is_written_as_duckdb_writes_it(numerals: list[str]) -> None:
    structure = '{"a":"JSON"}'
    rows = duckdb.sql("SELECT json_transform('{\"a\":' || s || '}', $s).a::VARCHAR FROM (SELECT unnest($n) AS s)",
                      params={"n": numerals, "s": structure}).fetchall()
    assert [r[0] for r in rows] == [write(parse(n)) for n in numerals]


@settings(max_examples=200, deadline=None)
@given(st.recursive(st.one_of(st.none(), st.booleans(), st.text(max_size=5)), lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.lists(st.tuples(st.text(max_size=3), inner), max_size=4).map(Members)), max_leaves=20))
def test_what_is_written_reads_back(value: Value) -> None:
    assert write(parse(write(value))) == write(value)


def test_a_thousand_levels_are_read_and_one_more_is_not() -> None:
    assert write(parse("[" * 1000 + "]" * 1000)) == "[" * 1000 + "]" * 1000
    with pytest.raises(Verdict) as caught:
        parse("[" * 1001 + "]" * 1001)
    assert caught.value.code == "JSON_DEPTH"


def test_the_first_of_a_repeated_key_counts_and_order_is_kept() -> None:
    value = parse('{"b":1,"a":2,"b":3}')
    assert isinstance(value, Members)
    assert value.first() == {"b": "1", "a": "2"}
    assert [k for k, _ in value.pairs] == ["b", "a", "b"]


def test_a_byte_order_mark_is_ignored_at_the_start_only() -> None:
    assert write(read(b'\xef\xbb\xbf{"id":1}')) == '{"id":1}'
    with pytest.raises(Verdict):
        read(b'{"id":1}\xef\xbb\xbf')
