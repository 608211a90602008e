"""What every format promises, whatever it reads."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from kshell import decode, registry
from kshell.decode import DOUBTS, Decoder, make, split
from kshell.errors import BadValueError, NotFoundError
from tests.decode.support import Both, batch, columns

FORMATS = ["json", "raw", "string"]          # those with a form in SQL that need no schema
GARBAGE: list[bytes | None] = [
    b"", b"\xff\xfe", b"\x00", b"{", b"}", b"[", b"null", b"42", b'"x"', b"{}", b'{"a":1}', b'{"a":"\\ud800"}',
    b"\xed\xa0\x80", b'{"a":1}{"a":2}',
    b"\xef\xbb\xbf{}", b'{"a\x00":1}', b'{"a\\u0000":1}',
    b"<xml/>", b"a,b\n1,2\n", bytes(range(256)), b"\x00\x00\x00\x00\x01\x02", b'{"a":1,}', None,
]
HEADERS = [("tenant", b"acme"), ("trace", b"\x00\xff\x1b"), ("nothing", None), ("empty", b""), ("tenant", b"globex")]


def decoder(name: str, include: tuple[str, ...] = (), key_format: str = "raw") -> Decoder:
    return make(name, key_format, columns(("a", "BIGINT")) if name == "json" else (), include)


def test_the_formats_are_the_files() -> None:
    assert set(registry.names(decode)) >= {*FORMATS, "avro"}
    with pytest.raises(NotFoundError) as caught:
        make("jsn", "raw", ())
    assert caught.value.hint == "did you mean json?"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("key_format", ["raw", "string", "json"])
def test_garbage_is_a_verdict_and_never_an_exception(cursor: duckdb.DuckDBPyConnection, name: str, key_format: str) -> None:
    both = Both(cursor, decoder(name, ("value",), key_format), batch(GARBAGE, keys=GARBAGE[::-1]))
    assert both.exact.keys() | both.codes.keys() == set(range(len(GARBAGE)))
    assert both.exact.keys() >= both.fast.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_a_tombstone_is_a_row_of_null(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    both = Both(cursor, decoder(name, ("value",)), batch([None, "{}"], keys=["k", None]))
    assert both.exact[0][0] is None
    assert both.exact[0][-2:] == (b"k", None), "the value column tells it from an empty object"
    assert both.exact[1][-2:] == (None, b"{}")
    assert both.fast == both.exact


@pytest.mark.parametrize("name", FORMATS)
def test_metadata_columns_stand_last_in_their_order(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    made = decoder(name, ("rest", "value", "headers", "topic"))
    values = batch(['{"a":1}', None], headers=[HEADERS, []])
    for sql in (made.rows("b"), made.select("b")):
        cursor.register("b", values)
        names = [d[0] for d in cursor.execute(sql).description or []]
        assert names[:11] == [made.columns[0].name, "_kafka_partition", "_kafka_offset", "_kafka_timestamp", "_kafka_key", "_kafka_topic",
                              "_kafka_headers", "_kafka_value", "_kafka_rest", *names[9:]]
    table, _ = made.judge(values)
    assert table.schema.names == [c.name for c in (*made.columns, *made.metadata)]


@pytest.mark.parametrize("name", FORMATS)
def test_headers_keep_order_repeats_bytes_and_null(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    both = Both(cursor, decoder(name, ("headers",)), batch(['{"a":1}', "{}"], headers=[HEADERS, []]))
    expected = [{"key": k, "value": v} for k, v in HEADERS]
    assert [row[-1] for row in both.exact.values()] == [expected, []]
    assert both.fast == both.exact


@pytest.mark.parametrize("name", FORMATS)
def test_splitting_gives_every_row_once_and_the_certain_ones_insert(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    made, values = decoder(name), batch(GARBAGE)
    certain, doubtful = split(cursor, made, values)
    offsets = certain["_kafka_offset"].to_pylist() + doubtful["_kafka_offset"].to_pylist()
    assert sorted(offsets) == list(range(len(GARBAGE)))
    assert certain.schema == doubtful.schema == values.schema
    cursor.register("b", certain)
    assert len(cursor.execute(made.rows("b")).fetchall()) == certain.num_rows


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_batch_is_an_empty_table(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    both = Both(cursor, decoder(name, ("rest",)), batch([]))
    assert both.rows == []
    assert both.bad == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_optimistic_form_raises_only_what_is_named(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    made = decoder(name, (), "string")
    for record in GARBAGE:
        cursor.register("b", batch([record, "{}"], keys=["k", b"\xff"]))
        with pytest.raises(DOUBTS):
            cursor.execute(made.rows("b")).fetchall()


def test_records_without_any_column_are_rows(cursor: duckdb.DuckDBPyConnection) -> None:
    both = Both(cursor, make("json", "raw", ()), batch(["{}", '{"a":null}', "[]", None]))
    assert both.fast.keys() == both.exact.keys() == {0, 1, 3}
    assert both.codes == {2: "JSON_NOT_OBJECT"}


@pytest.mark.parametrize(("key_format", "expected", "codes"), [
    ("raw", [b"\xff", b"a", None, b"", b'{"id": 7}', b"NaN"], {}),
    ("string", ["a", None, "", '{"id": 7}', "NaN"], {0: "UTF8_INVALID"}),
    ("json", [None, '{"id":7}'], {0: "UTF8_INVALID", 1: "JSON_SYNTAX", 3: "JSON_SYNTAX", 5: "NUMBER_RANGE"}),
])
def test_keys_are_read_by_their_format(
        cursor: duckdb.DuckDBPyConnection, key_format: str, expected: list[object], codes: dict[int, str]) -> None:
    both = Both(cursor, decoder("raw", (), key_format), batch(["v"] * 6, keys=[b"\xff", "a", None, "", '{"id": 7}', "NaN"]))
    assert [row[4] for row in both.exact.values()] == expected
    assert both.codes == codes
    assert both.decoder.key_type == ("BLOB" if key_format == "raw" else "VARCHAR")


def test_text_lines_keep_their_bytes(cursor: duckdb.DuckDBPyConnection) -> None:
    lines: list[bytes | None] = [b"GET /a\r\n", b"\xff", b"", "größe".encode(), b"a\0b"]
    both = Both(cursor, decoder("string"), batch(lines))
    assert [row[0] for row in both.exact.values()] == ["GET /a\r\n", "", "größe", "a\0b"]
    assert both.codes == {1: "UTF8_INVALID"}
    assert [row[0] for row in Both(cursor, decoder("raw"), batch(lines)).fast.values()] == lines


def test_a_format_of_one_column_takes_no_other() -> None:
    with pytest.raises(BadValueError):
        make("string", "raw", columns(("id", "BIGINT")))
    with pytest.raises(BadValueError):
        make("json", "xml", columns(("id", "BIGINT")))


@pytest.mark.parametrize("name", FORMATS)
def test_good_rows_have_the_types_of_a_segment(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    made = decoder(name, ("rest", "value"))
    table, _ = made.judge(batch(["{}"]))
    cursor.register("t", table)
    described = {row[0]: row[1] for row in cursor.execute("DESCRIBE t").fetchall()}
    assert described == {c.name: c.type for c in (*made.columns, *made.metadata)}
    assert isinstance(table, pa.Table)
