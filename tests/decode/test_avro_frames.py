"""Broken frames and bytes of Avro: each has its code in the error table, the records beside it are rows, and an outage has none."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from kshell.columns import Column
from kshell.decode import infer_key, make
from kshell.decode.verdict import OBJECT_KEYS, RECORD_BYTES, VALUE_BYTES
from kshell.schemas.values import Schema, SchemaUnavailable
from tests.decode.avro import Source, decoder, exactly, frame, long, quickly, record, rows, schema, values, written
from tests.decode.support import batch, columns

TREE = record(
    ("id", "int"), ("flag", "boolean"), ("text", "string"), ("blob", "bytes"),
    ("color", {"type": "enum", "name": "C", "symbols": ["A", "B"]}),
    ("list", {"type": "array", "items": "int"}), ("map", {"type": "map", "values": "int"}), ("opt", ["null", "double"]),
    ("day", {"type": "int", "logicalType": "date"}), ("tod", {"type": "int", "logicalType": "time-millis"}),
    ("at", {"type": "long", "logicalType": "timestamp-millis"}),
    ("price", {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 1}),
    ("uid", {"type": "string", "logicalType": "uuid"}))
PARTS = {"id": b"\2", "flag": b"\1", "text": b"\2x", "blob": b"\2x", "color": b"\2", "list": b"\2\2\0", "map": b"\2\2k\2\0", "opt": b"\0",
         "day": b"\0", "tod": b"\0", "at": b"\0", "price": b"\2\1", "uid": long(36) + b"0b1e6a3e-9f0b-4c1c-8f55-0f6a9d1f2a3b"}
UUID = PARTS["uid"][1:].decode()


def body(**parts: bytes) -> bytes:
    return b"".join((PARTS | parts).values())


MANY_KEYS = long(OBJECT_KEYS + 1) + b"".join(b"\6%03x\2" % i for i in range(OBJECT_KEYS + 1)) + b"\0"
FRAMES: list[tuple[str, bytes, str | None]] = [
    ("a good record", frame(body()), None),
    ("nothing", b"", "AVRO_MAGIC"),
    ("four bytes", b"\0\0\0\0", "AVRO_MAGIC"),
    ("JSON", b'{"id": 1}', "AVRO_MAGIC"),
    ("another magic byte", b"\1" + frame(body())[1:], "AVRO_MAGIC"),
    ("an unknown schema", frame(body(), 99), "AVRO_SCHEMA_UNKNOWN"),
    ("the largest id", frame(body(), 2**32 - 1), "AVRO_SCHEMA_UNKNOWN"),
    ("a frame and nothing", frame(b""), "AVRO_TRUNCATED"),
    ("one byte less", frame(body()[:-1]), "AVRO_TRUNCATED"),
    ("one byte more", frame(body() + b"\0"), "AVRO_TRAILING"),
    ("two records", frame(body() * 2), "AVRO_TRAILING"),
    ("an int beyond 32 bits", frame(body(id=long(2**31))), "NUMBER_RANGE"),
    ("a number of eleven bytes", frame(body(id=b"\x80" * 10 + b"\0")), "NUMBER_RANGE"),
    ("a number that is longer than it must be", frame(body(id=b"\x82\x80\0")), None),
    ("a boolean that is 2", frame(body(flag=b"\2")), "TYPE_MISFIT"),
    ("a text of negative length", frame(body(text=b"\1")), "AVRO_COUNT"),
    ("a text of 2^62 bytes", frame(body(text=long(2**62))), "AVRO_TRUNCATED"),
    ("a text that is not UTF-8", frame(body(text=b"\2\xff")), "UTF8_INVALID"),
    ("an encoded surrogate", frame(body(text=b"\6\xed\xa0\x80")), "UTF8_INVALID"),
    ("bytes that are not UTF-8", frame(body(blob=b"\2\xff")), None),
    ("a symbol that does not exist", frame(body(color=b"\4")), "TYPE_MISFIT"),
    ("a negative symbol", frame(body(color=b"\1")), "TYPE_MISFIT"),
    ("a branch that does not exist", frame(body(opt=b"\4")), "TYPE_MISFIT"),
    ("more items than bytes", frame(body(list=long(1_000) + b"\2\0")), "AVRO_COUNT"),
    ("2^63 items", frame(body(list=long(-2**63) + b"\2\2\0")), "AVRO_COUNT"),
    ("a block with its size", frame(body(list=b"\3\4\2\4\0")), None),
    ("a block with a wrong size", frame(body(list=b"\3\x40\2\4\0")), None),
    ("a block with a negative size", frame(body(list=b"\3\1\2\4\0")), None),
    ("several blocks", frame(body(list=b"\2\2\2\4\0")), None),
    ("a key that is not UTF-8", frame(body(map=b"\2\2\xff\2\0")), "UTF8_INVALID"),
    ("a key twice", frame(body(map=b"\4\2k\2\2k\4\0")), None),
    ("too many keys", frame(body(map=MANY_KEYS)), "TOO_MANY_KEYS"),
    ("a date of year 10000", frame(body(day=long(2_932_897))), "DATE_RANGE"),
    ("a date before year 1", frame(body(day=long(-719_163))), "DATE_RANGE"),
    ("a time of 24 hours", frame(body(tod=long(86_400_000))), "DATE_RANGE"),
    ("a time before midnight", frame(body(tod=long(-1))), "DATE_RANGE"),
    ("a timestamp of year 10000", frame(body(at=long(253_402_300_800_000))), "DATE_RANGE"),
    ("a timestamp that no 64 bits hold in microseconds", frame(body(at=long(2**62))), "DATE_RANGE"),
    ("a decimal of five digits", frame(body(price=b"\6\1\x86\xa0")), "DECIMAL_RANGE"),
    ("a decimal of many bytes", frame(body(price=long(600) + b"\1" * 600)), "DECIMAL_RANGE"),
    ("a decimal with leading zeros", frame(body(price=long(20) + bytes(19) + b"\1")), None),
    ("a uuid in braces", frame(body(uid=long(38) + b"{" + UUID.encode() + b"}")), "UUID_INVALID"),
    ("a value too large", frame(body(blob=long(VALUE_BYTES + 1) + bytes(VALUE_BYTES + 1))), "VALUE_TOO_LARGE"),
    ("a record too large", frame(body()) + bytes(RECORD_BYTES), "RECORD_TOO_LARGE"),
]


@pytest.mark.fault("F37")
@pytest.mark.parametrize(("value", "code"), [f[1:] for f in FRAMES], ids=[f[0] for f in FRAMES])
def test_a_broken_record_has_its_code_and_its_neighbours_are_rows(value: bytes, code: str | None) -> None:
    made = decoder(Source(TREE))
    good = frame(body(id=b"\x0e"))
    for judge in (exactly, quickly):
        table, bad = judge(made, batch([good, value, good, None]))
        assert [(b.index, b.code) for b in bad] == ([(1, code)] if code else [])
        assert table["id"].to_pylist() == [7, *([1] if code is None else []), 7, None]
        assert all(len(b.message) <= 200 and b.message.isprintable() for b in bad)


def test_a_key_that_is_repeated_has_its_last_value_once() -> None:
    made = decoder(Source(record(("map", {"type": "map", "values": "int"}))))
    twice = frame(b"\6\2k\2\2a\4\2k\6\0")
    for judge in (exactly, quickly):
        assert rows(judge(made, batch([twice, twice]))[0], made) == [[[("k", 3), ("a", 2)]]] * 2


@pytest.mark.fault("F37")
def test_the_error_row_knows_the_schema_that_the_record_names() -> None:
    _, bad = decoder(Source(TREE)).judge(batch([frame(b""), frame(body(), 99), b"x"]))
    assert [b.schema_id for b in bad] == [1, 99, None]


@pytest.mark.fault("F37")
def test_a_record_in_another_schema_than_its_frame_names_is_read_wholly_or_not_at_all() -> None:
    source = Source(TREE, record(("a", "string"), ("b", "double")))
    made = decoder(source, columns(("id", "INTEGER"), ("a", "VARCHAR")))
    table, bad = made.judge(batch([frame(body(), 2), frame(body())]))
    assert [b.index for b in bad] == [0]
    assert rows(table, made) == [[1, None]]


def test_a_schema_that_cannot_be_used_is_a_verdict_on_each_of_its_records() -> None:
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    source = Source(TREE, node, record(*((f"f{i}", "int") for i in range(5_001))), '{"type":', Schema("protobuf", "syntax"))
    source.large.add(6)
    source.schemas[6] = TREE
    made = decoder(source, columns(("id", "INTEGER")))
    table, bad = made.judge(batch([frame(body(), id) for id in (1, 2, 3, 4, 5, 6)]))
    assert [b.code for b in bad] == ["TYPE_RECURSIVE", "SCHEMA_TOO_LARGE", "TYPE_UNSUPPORTED", "TYPE_UNSUPPORTED", "SCHEMA_TOO_LARGE"]
    assert bad[0].message == 'Schema "orders-value" (id 2): record Node contains itself at Node.next. Recursive schemas are not supported.'
    assert table.num_rows == 1


def test_an_outage_makes_rows_wait_and_is_no_verdict() -> None:
    source = Source(TREE, TREE)
    source.down.add(2)
    made = decoder(source, columns(("id", "INTEGER")))
    given = batch([frame(body()), frame(body(), 2), frame(body(), 3), frame(body(), 2)])
    assert made.prepare(given).waiting == {1: "the registry does not answer", 3: "the registry does not answer"}
    with pytest.raises(SchemaUnavailable):
        made.judge(given)
    source.down.clear()
    assert made.prepare(given).waiting == {}
    assert [b.code for b in made.judge(given)[1]] == ["AVRO_SCHEMA_UNKNOWN"]


def test_a_record_of_a_schema_that_appears_later_is_read_then() -> None:
    source = Source(TREE)
    made = decoder(source)
    assert made.judge(batch([frame(body(), 2)]))[1][0].code == "AVRO_SCHEMA_UNKNOWN"
    source.schemas[2] = TREE
    assert made.judge(batch([frame(body(), 2)]))[0].num_rows == 1


# ---- without a frame, and with headers ---------------------------------------------------------------------------

def test_with_the_schema_of_a_file_the_whole_value_is_the_record() -> None:
    tree = record(("id", "int"), ("n", "long"))
    source = Source(tree, unframed=schema(tree), frames=False)
    made = decoder(source)
    bodies = [written(tree, {"id": n, "n": 0}) for n in (0, 1, 0)]
    for judge in (exactly, quickly):
        table, bad = judge(made, batch([*bodies, b""]))
        assert rows(table, made) == [[0, 0], [1, 0], [0, 0]]
        assert [b.code for b in bad] == ["AVRO_TRUNCATED"]


def test_with_a_file_and_a_registry_both_kinds_of_records_are_read() -> None:
    tree, other = record(("id", "int")), record(("id", "int"), ("more", "string"))
    made = decoder(Source(tree, other, unframed=schema(tree)), columns(("id", "INTEGER")))
    table, bad = made.judge(batch([b"\x0e", frame(b"\x10\2x", 2)]))
    assert (rows(table, made), bad) == ([[7], [8]], [])


def test_a_schema_named_in_a_header_is_found_there() -> None:
    tree = record(("id", "int"))
    made = decoder(Source(tree, tree), columns(("id", "INTEGER")))
    named = {"key": "__value_schema_id", "value": b"\0" + struct.pack(">I", 2)}
    table, bad = made.judge(batch([b"\x0e", b"\x10", b"\x12"], headers=[[named], [named], []]))
    assert rows(table, made) == [[7], [8]]
    assert [(b.index, b.code) for b in bad] == [(2, "AVRO_MAGIC")]


# ---- tombstones and NOT NULL -------------------------------------------------------------------------------------

def test_a_tombstone_is_a_row_of_null_unless_a_column_may_not_be_null() -> None:
    tree = record(("id", ["null", "int"]))
    optional = decoder(Source(tree))
    assert rows(optional.judge(batch([None]))[0], optional) == [[None]]
    required = decoder(Source(tree), columns(("id", "INTEGER", None, True)))
    for judge in (exactly, quickly):
        table, bad = judge(required, batch([None, *values(tree, [{"id": None}, {"id": 1}])]))
        assert rows(table, required) == [[1]]
        assert [(b.index, b.code) for b in bad] == [(0, "TYPE_MISFIT"), (1, "TYPE_MISFIT")]


# ---- keys --------------------------------------------------------------------------------------------------------

KEY_TREE = record(("k", "string"), ("n", "int"))


def keyed(format: str, keys: Source, **more: Any) -> Any:
    return make(format, "avro", columns(("id", "INTEGER")), (), key_schemas=keys, key=infer_key("avro", keys.latest("")), **more)


@pytest.mark.parametrize(("tree", "value", "type_", "expected"), [
    ({"type": "string"}, "k1", "VARCHAR", "k1"), ({"type": "long"}, 7, "BIGINT", 7),
    (KEY_TREE, {"k": "a", "n": 1}, "STRUCT(k VARCHAR, n INTEGER)", {"k": "a", "n": 1})])
def test_a_key_has_the_type_of_its_schema(tree: Any, value: Any, type_: str, expected: Any) -> None:
    keys = Source(tree)
    value_tree = record(("id", "int"))
    for made, payload in ((keyed("avro", keys, schemas=Source(value_tree)), values(value_tree, [{"id": 1}] * 3)),
                          (keyed("json", keys), [b'{"id":1}'] * 3)):
        assert (made.key_type, made.sql) == (type_, False)
        table, bad = made.judge(batch(payload, keys=[values(tree, [value])[0], None, b"k"]))
        assert table["_kafka_key"].to_pylist() == [expected, None]
        assert [(b.index, b.code) for b in bad] == [(2, "AVRO_MAGIC")]
        assert bad[0].message.startswith("_kafka_key: ")


def test_a_key_that_is_promoted_fits_and_another_type_does_not() -> None:
    keys = Source({"type": "long"}, {"type": "int"}, {"type": "string"})
    made = make("avro", "avro", columns(("id", "INTEGER")), (), schemas=Source(record(("id", "int"))), key_schemas=keys,
                key=Column("_kafka_key", "BIGINT"))
    table, bad = made.judge(batch([frame(b"\2")] * 3, keys=[frame(b"\2"), frame(b"\4", 2), frame(b"\2x", 3)]))
    assert table["_kafka_key"].to_pylist() == [1, 2]
    assert [(b.index, b.code) for b in bad] == [(2, "TYPE_MISFIT")]


def test_a_key_whose_schema_cannot_be_had_makes_its_row_wait() -> None:
    keys = Source(KEY_TREE)
    keys.down.add(2)
    for made in (keyed("avro", keys, schemas=Source(record(("id", "int")))), keyed("json", keys)):
        given = batch([frame(b"\2"), frame(b"\2")], keys=[frame(b"\2a\2"), frame(b"\2a\2", 2)])
        assert made.prepare(given).waiting == {1: "the registry does not answer"}


def test_keys_that_are_text_are_taken_together_and_one_that_is_not_is_found() -> None:
    made = make("avro", "string", columns(("id", "INTEGER")), (), schemas=Source(record(("id", "int"))))
    good = frame(b"\2")
    table, bad = made.judge(batch([good] * 3, keys=["größe", None, "b"]))
    assert (table["_kafka_key"].to_pylist(), bad) == (["größe", None, "b"], [])
    table, bad = made.judge(batch([good, good, b"x"], keys=["a", b"\xff", "c"]))
    assert table["_kafka_key"].to_pylist() == ["a"]
    assert [(b.index, b.code) for b in bad] == [(1, "UTF8_INVALID"), (2, "AVRO_MAGIC")]
