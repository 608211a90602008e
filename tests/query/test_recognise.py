"""What records are, told from a sample: the format that a source can take, and its name for people."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from kshell.query.recognise import key_format, recognised, value_format

FRAME = b"\x00\x00\x00\x00\x07"
AVRO = FRAME + b"\x02\x0cabcdef\x00\x9a\x99\x99\x99\x99\x99\xf1\x3f"
PROTOBUF = FRAME + b"\x00" + b"\x08\x96\x01\x12\x03abc\x25\x01\x02\x03\x04"


@pytest.mark.parametrize(("values", "format_", "name"), [
    ([b'{"a":1}', b"{}", None], "json", "json"), ([b'{"a":1}', b'{"a":2}', b"oops"], "json", "json, but 1 of 3 records is not"),
    ([b"one", "zw\u00f6lf".encode(), None], "string", "string"), ([b"1", b"2"], "string", "string"),
    ([b"\xff\xfe", b"a"], "raw", "raw: bytes that are not text"), ([b"a\x00b"], "raw", "raw: bytes that are not text"),
    ([AVRO], "raw", "avro, framed by a schema registry (schema 7)"),
    ([PROTOBUF], "raw", "protobuf, framed by a schema registry (schema 7)"),
    ([FRAME + b'{"a":1}'], "raw", "json schema, framed by a schema registry (schema 7)"),
    ([AVRO, PROTOBUF], "raw", "avro, framed by a schema registry (schema 7)"),
    ([b"\x00\x00\x00\x00\x02\x01", AVRO], "raw", "avro, framed by a schema registry (schema 2, 7)"),
    ([], "json", "unknown: no record with a value"), ([None], "json", "unknown: no record with a value"),
    ([b""], "string", "string"), ([b"\x00\x00\x00\x00\x07"], "raw", "raw: bytes that are not text"),
])
def test_a_format_is_told_from_records(values: list[bytes | None], format_: str, name: str) -> None:
    found = value_format(values)
    assert (found.format, found.name) == (format_, name)


@pytest.mark.parametrize(("keys", "format_"), [
    ([None], "raw"), ([b"k1", None], "string"), ([b'{"id":1}'], "json"), ([b"\x80"], "raw"), ([AVRO], "raw"),
])
def test_a_key_format_is_proposed(keys: list[bytes | None], format_: str) -> None:
    assert key_format(keys).format == format_


@pytest.mark.parametrize(("keys", "numbers"), [
    ([n.to_bytes(8, "big") for n in range(1, 50)], True), ([n.to_bytes(4, "big") for n in (1, 2, 70_000)], True),
    ([(n << 24).to_bytes(8, "big") for n in range(1, 50)], True),
    ([FRAME + bytes([2, 65, n]) for n in range(50)], False), ([FRAME + bytes(4)], False), ([b"12345678"], False),
])
def test_numbers_of_serializers_are_no_frames(keys: list[bytes | None], numbers: bool) -> None:
    assert ("perhaps numbers" in key_format(keys).name) == numbers
    if numbers:
        read = duckdb.execute("SELECT ('0x' || hex(k))::BIGINT FROM (SELECT unnest(?::BLOB[]) AS k)", [keys]).fetchall()
        assert [row[0] for row in read] == [int.from_bytes(key, "big") for key in keys if key is not None]


def test_a_record_that_is_no_json_among_those_that_are_has_its_place() -> None:
    batch = pa.RecordBatch.from_pydict({"value": [b"{}", None, b"oops", b"{}"], "_kafka_key": [None] * 4, "_kafka_partition": [0, 0, 3, 3],
                                        "_kafka_offset": [7, 8, 5, 6]})
    assert recognised(batch, None)[0].name == "json, but 1 of 3 records is not; the first is partition 3, offset 5"


@pytest.mark.parametrize("data", [FRAME + bytes([b]) * n for b in (0x00, 0x7F, 0x80, 0xFF) for n in (1, 2, 9, 11, 40)])
def test_any_bytes_in_a_frame_are_named_and_none_is_read_past_its_end(data: bytes) -> None:
    assert "schema 7" in value_format([data]).name
