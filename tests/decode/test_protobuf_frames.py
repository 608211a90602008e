"""What a Protobuf record names, and the verdict on each kind of wrong bytes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from kshell.decode import Prepared, infer_key, make
from kshell.decode.verdict import VALUE_BYTES
from kshell.errors import BadValueError
from kshell.schemas import Schema
from tests.decode.protobuf_support import FIRST, FRAME, Source, both, decoder, message, proto3, rows
from tests.decode.support import batch, columns

SHOP = proto3("""
message Header { string id = 1; }
message Order { int64 no = 1; Item first = 2; map<string, int32> counts = 3; message Item { string sku = 1; int32 qty = 2; }
                message Note { string text = 1; } }
message Refund { int64 no = 1; double amount = 2; }""")
PLAIN = proto3("message M { int32 n = 1; string s = 2; bytes y = 3; N m = 4; repeated int32 ns = 5; repeated Wide wide = 6; "
               "google.protobuf.Struct st = 7; google.protobuf.Timestamp at = 8; google.protobuf.Duration du = 9; } "
               "message N { string s = 1; } "
               f"message Wide {{ {' '.join(f'int32 f{i} = {i};' for i in range(1, 41))} }}",
               ["google/protobuf/struct.proto", "google/protobuf/timestamp.proto", "google/protobuf/duration.proto"])


def deep(levels: int) -> bytes:
    """A Struct with lists within lists."""
    value = b"\x1a\x00"                       # Value of an empty string
    for _ in range(levels - 1):
        value = b"\x0a" + _sized(value)       # ListValue
        value = b"\x32" + _sized(value)       # Value
    entry = b"\x0a\x01k\x12" + _sized(value)
    return b"\x3a" + _sized(b"\x0a" + _sized(entry))


def moment(seconds: int, nanos: int = 0) -> bytes:
    """The bytes of a Timestamp or Duration, with their length."""
    return _sized(b"\x08" + number(seconds) + b"\x10" + number(nanos))


def number(value: int) -> bytes:
    value, out = value & 2**64 - 1, bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _sized(data: bytes) -> bytes:
    return number(len(data)) + data


GOLDEN: list[tuple[str, bytes, str | None]] = [
    ("nothing at all", b"", "PROTO_MAGIC"),
    ("no frame", b"\x08\x01", "PROTO_MAGIC"),
    ("another magic byte", b"\x01\x00\x00\x00\x07\x00", "PROTO_MAGIC"),
    ("half a frame", b"\x00\x00\x00\x00", "PROTO_MAGIC"),
    ("a schema that nobody has", b"\x00\x00\x00\x00\x08\x00", "PROTO_SCHEMA_UNKNOWN"),
    ("no indexes", FRAME, "PROTO_INDEX"),
    ("half of an index", FRAME + b"\x02", "PROTO_INDEX"),
    ("an endless index", FRAME + b"\x02\xff\xff\xff\xff\xff\x01", "PROTO_INDEX"),
    ("a negative count", FRAME + b"\x01", "PROTO_INDEX"),
    ("too many indexes", FRAME + b"\x80\x01" + b"\x00" * 64, "PROTO_INDEX"),
    ("a message that is not there", FRAME + b"\x02\x12", "PROTO_INDEX"),
    ("a negative index", FRAME + b"\x02\x01", "PROTO_INDEX"),
    ("another message", FRAME + b"\x02\x02", "PROTO_INDEX"),
    ("the first message, spelled out", FRAME + b"\x02\x00\x08\x05", None),
    ("an empty message", FIRST, None),
    ("a number cut short", FIRST + b"\x08\xff", "PROTO_TRUNCATED"),
    ("a number of eleven bytes", FIRST + b"\x08" + b"\xff" * 10 + b"\x01", "PROTO_TRUNCATED"),
    ("a number of 65 bits", FIRST + b"\x08" + b"\xff" * 9 + b"\x02", None),
    ("a number in too many bytes", FIRST + b"\x08\x85\x80\x80\x00", None),
    ("a text cut short", FIRST + b"\x12\x05ab", "PROTO_TRUNCATED"),
    ("a message cut short within", FIRST + b"\x22\x03\x0a\x05a", "PROTO_TRUNCATED"),
    ("a fixed number cut short", FIRST + b"\x79\x00\x00", "PROTO_TRUNCATED"),
    ("field number 0", FIRST + b"\x00\x01", "PROTO_TRUNCATED"),
    ("a tag of six bytes", FIRST + b"\x88\x80\x80\x80\x80\x00\x01", "PROTO_TRUNCATED"),
    ("wire type 6", FIRST + b"\x0e", "PROTO_TRUNCATED"),
    ("wire type 7", FIRST + b"\x0f", "PROTO_TRUNCATED"),
    ("the end of a group that did not begin", FIRST + b"\x0c", "PROTO_TRUNCATED"),
    ("a group without an end", FIRST + b"\xa3\x06", "PROTO_TRUNCATED"),
    ("a group with another end", FIRST + b"\xa3\x06\xac\x06", "PROTO_TRUNCATED"),
    ("a group that nobody knows", FIRST + b"\xa3\x06\x08\x01\xa4\x06", None),
    ("groups 32 levels deep", FIRST + b"\xa3\x06" * 32 + b"\xa4\x06" * 32, None),
    ("groups 33 levels deep", FIRST + b"\xa3\x06" * 33 + b"\xa4\x06" * 33, "PROTO_DEPTH"),
    ("a packed list cut short", FIRST + b"\x2a\x02\x01\xff", "PROTO_TRUNCATED"),
    ("a list in both spellings", FIRST + b"\x28\x01\x2a\x02\x02\x03\x28\x04", None),
    ("a text that is not UTF-8", FIRST + b"\x12\x01\xff", "UTF8_INVALID"),
    ("a lone surrogate", FIRST + b"\x12\x03\xed\xa0\x80", "UTF8_INVALID"),
    ("a text within that is not UTF-8", FIRST + b"\x22\x03\x0a\x01\xff", "UTF8_INVALID"),
    ("a key of a Struct that is not UTF-8", FIRST + b"\x3a\x05\x0a\x03\x0a\x01\xff", "UTF8_INVALID"),
    ("JSON 32 levels deep", FIRST + deep(32), None),
    ("JSON 33 levels deep", FIRST + deep(33), "PROTO_DEPTH"),
    ("JSON that has no text", FIRST + b"\x3a\x10\x0a\x0e\x0a\x01a\x12\x09\x11\x00\x00\x00\x00\x00\x00\xf8\x7f", "NUMBER_RANGE"),
    ("the year 0", FIRST + b"\x42" + moment(-62_135_596_801), "DATE_RANGE"),
    ("the year 10000", FIRST + b"\x42" + moment(253_402_300_800), "DATE_RANGE"),
    ("a time that 64 bits of microseconds do not hold", FIRST + b"\x42" + moment(2**62), "DATE_RANGE"),
    ("nanoseconds of more than a second", FIRST + b"\x42" + moment(0, 1_000_000_000), "DATE_RANGE"),
    ("negative nanoseconds", FIRST + b"\x42" + moment(0, -1), "DATE_RANGE"),
    ("a duration of more than 10,000 years", FIRST + b"\x4a" + moment(315_576_000_001), "NUMBER_RANGE"),
    ("a text over the limit", FIRST + b"\x12" + _sized(b"x" * (VALUE_BYTES + 1)), "VALUE_TOO_LARGE"),
    ("a text at the limit", FIRST + b"\x12" + _sized(b"x" * VALUE_BYTES), None),
    ("a record over the limit", FIRST + (b"\x12" + _sized(b"x" * VALUE_BYTES)) * 3, "RECORD_TOO_LARGE"),
    ("small bytes that become many values", FIRST + b"\x32\x00" * 52_000, "RECORD_TOO_LARGE"),
    ("a field that nobody knows", FIRST + b"\x80\x7d\x01", None),
    ("a known field in another wire type", FIRST + b"\x0d\x00\x00\x00\x00", None),
]


@pytest.mark.fault("F39")
@pytest.mark.parametrize(("what", "value", "code"), GOLDEN, ids=[what for what, _, _ in GOLDEN])
def test_wrong_bytes_have_their_code(what: str, value: bytes, code: str | None) -> None:
    good = FIRST + message(PLAIN)(n=5, s="x").SerializeToString()
    table, bad = both(PLAIN, [good, value, good])
    assert {b.index: b.code for b in bad} == ({} if code is None else {1: code})
    assert table["n"].to_pylist()[0] == table["n"].to_pylist()[-1] == 5
    assert all(len(b.message) <= 200 and b.message.isprintable() for b in bad)


def test_a_map_has_at_most_2000_keys() -> None:
    schema = proto3("message M { map<int32, int32> m = 1; google.protobuf.Struct st = 2; }", ["google/protobuf/struct.proto"])
    kind = message(schema)
    most, more = (kind(m={i: i for i in range(n)}).SerializeToString() for n in (2_000, 2_001))
    wide = kind()
    wide.st.update({f"k{i}": None for i in range(2_001)})
    same = b"\x0a\x04\x08\x01\x10\x01" * 3_000              # one key again and again
    table, bad = both(schema, [FIRST + most, FIRST + more, FIRST + wide.SerializeToString(), FIRST + same])
    assert [len(row) for row in table["m"].to_pylist()] == [2_000, 1]
    assert {b.index: b.code for b in bad} == {1: "TOO_MANY_KEYS", 2: "TOO_MANY_KEYS"}


def test_the_verdict_and_the_row_are_the_same_in_whatever_batch_a_record_comes() -> None:
    values = [value for _, value, _ in GOLDEN if len(value) < 1_000]
    made = decoder(PLAIN)
    together, codes = rows(made, values)
    alone = [rows(made, [value]) for value in values]
    assert [row for found, _ in alone for row in found] == together
    assert {i: c[0] for i, (_, c) in enumerate(alone) if c} == codes
    backwards, reversed_codes = rows(made, values[::-1])
    assert backwards[::-1] == together
    assert {len(values) - 1 - i: c for i, c in reversed_codes.items()} == codes


@pytest.mark.fault("F39")
def test_the_indexes_of_a_frame_select_the_message() -> None:
    made = decoder(SHOP, name="t.Order")
    order = message(SHOP, "t.Order")(no=1, first={"sku": "a", "qty": 2}).SerializeToString()
    values = [FRAME + b"\x02\x02" + order, FRAME + b"\x00" + b"\x0a\x01h", FRAME + b"\x02\x04" + b"\x08\x05",
              FRAME + b"\x04\x02\x02" + b"\x0a\x01n", FRAME + b"\x02\x12", FRAME + b"\x02\x02\x08\x02"]
    found, codes = rows(made, values)
    assert [(r["no"], r["first"]) for r in found] == [(1, {"sku": "a", "qty": 2}), (2, None)]
    assert codes == dict.fromkeys((1, 2, 3, 4), "PROTO_INDEX")


@pytest.mark.parametrize(("name", "indexes"), [
    ("t.Order.Item", b"\x04\x02\x00"), ("t.Order.Note", b"\x04\x02\x02"), ("Refund", b"\x02\x04")])
def test_nested_messages_are_counted_without_the_entries_of_maps(name: str, indexes: bytes) -> None:
    found, codes = rows(decoder(SHOP, name=name), [FRAME + indexes])
    assert codes == {}
    assert len(found) == 1


def test_a_message_keeps_its_name_when_another_version_moves_it() -> None:
    later = proto3("message Extra { int32 x = 1; } message M { int32 n = 1; string note = 2; }", id=8)
    first = proto3("message M { int32 n = 1; }")
    made = decoder(first, name="t.M", source=Source(first, later))
    moved = b"\x00\x00\x00\x00\x08\x02\x02" + message(later)(n=3, note="x").SerializeToString()
    found, codes = rows(made, [FIRST + b"\x08\x01", moved, b"\x00\x00\x00\x00\x08\x00"])
    assert found == [{"n": 1}, {"n": 3}]
    assert codes == {2: "PROTO_INDEX"}
    assert made.take_counters()["fields_without_column"] == 1
    assert [(c.name, c.type) for c in made.prepare(batch([moved])).proposal] == [("note", "VARCHAR")]


def test_a_header_names_the_schema_and_the_message() -> None:
    guid = str(uuid.UUID(int=9))
    schema = Schema("protobuf", SHOP.text, guid=guid)
    made = decoder(schema, name="t.Refund", include=("headers",), source=Source(schema))
    header = {"key": "__value_schema_id", "value": b"\x01" + uuid.UUID(guid).bytes + b"\x02\x04"}
    values = batch([b"\x08\x05", b"\x08\x06", None], headers=[[header], [], []])
    table, bad = made.judge(values)
    assert table["no"].to_pylist() == [5, None]
    assert [(b.index, b.code) for b in bad] == [(1, "PROTO_MAGIC")]


def test_a_message_that_paths_lead_into_is_kept_or_counted_whole() -> None:
    schema = proto3("message M { N m = 1; int32 z = 2; } message N { int32 x = 1; int32 y = 2; }")
    body = FIRST + message(schema)(m={"x": 1, "y": 2}, z=3).SerializeToString()
    made = decoder(schema, columns(("x", "INTEGER", "$.m.x")), ("rest",))
    assert made.judge(batch([body]))[0].select(["x", "_kafka_rest"]).to_pylist() == [{"x": 1, "_kafka_rest": '{"m":{"x":1,"y":2},"z":3}'}]
    assert made.take_counters() == {}
    made = decoder(schema, columns(("x", "INTEGER", "$.m.x")))
    made.judge(batch([body]))
    assert made.take_counters() == {"fields_without_column": 2}


@pytest.mark.fault("F39")
def test_fields_that_the_schema_does_not_have_are_counted_and_lose_nothing_else() -> None:
    schema = proto3("message M { int32 n = 1; N m = 2; repeated N ms = 3; } message N { int32 x = 1; }")
    newer = proto3("message M { int32 n = 1; N m = 2; repeated N ms = 3; string more = 9; } message N { int32 x = 1; int32 y = 2; }")
    body = message(newer)(n=1, m={"x": 2, "y": 3}, ms=[{"y": 1}, {"y": 2}], more="?").SerializeToString()
    made = decoder(schema)
    found, codes = rows(made, [FIRST + body, FIRST + message(schema)(n=2).SerializeToString()])
    assert codes == {}
    assert found == [{"n": 1, "m": {"x": 2}, "ms": [{"x": 0}, {"x": 0}]}, {"n": 2, "m": None, "ms": []}]
    assert made.take_counters()["unknown_fields"] == 4
    assert +made.take_counters() == {}


def test_what_has_no_column_is_kept_as_json_text_where_it_is_asked_for() -> None:
    schema = proto3("message M { int64 a = 1; string b = 2; P p = 3; repeated bytes ys = 4; map<string, double> m = 5; "
                    "google.protobuf.Timestamp t = 6; } message P { uint64 x = 1; }", ["google/protobuf/timestamp.proto"])
    columns = decoder(schema).columns[:1]
    body = message(schema)(a=1, b="é", p={"x": 2**64 - 1}, ys=[b"\xff"], m={"k": 0.5}, t={"seconds": 1}).SerializeToString()
    table, _ = both(schema, [FIRST + body, FIRST], columns=columns, include=("rest",))
    assert table["_kafka_rest"].to_pylist() == [
        '{"b":"é","p":{"x":18446744073709551615},"ys":["/w=="],"m":{"k":0.5},"t":"1970-01-01T00:00:01Z"}', None]


def test_what_columns_do_not_hold_is_kept_under_its_path_or_counted() -> None:
    schema = proto3("message M { P p = 1; repeated P ps = 2; map<bool, P> m = 3; E e = 4; int32 z = 5; } "
                    "message P { int32 x = 1; int32 y = 2; optional string s = 3; Q q = 4; } message Q { int32 a = 1; int32 b = 2; } "
                    "message E {}")
    held = columns(("p", "STRUCT(x INTEGER, q STRUCT(a INTEGER))"), ("ps", "STRUCT(x INTEGER)[]"), ("m", "MAP(BOOLEAN, STRUCT(y INTEGER))"),
                   ("e", "BOOLEAN"), ("z", "INTEGER"))
    bodies = [FIRST + message(schema)(**value).SerializeToString() for value in (
        {"p": {"x": 1, "y": 2, "s": "", "q": {"a": 1, "b": 2}}, "ps": [{"x": 1}, {"y": 1}, {"x": 2}], "m": {True: {"x": 1, "y": 2}}},
        {"p": {"x": 1, "q": {"a": 1}}, "ps": [{}], "m": {False: {"y": 3}}, "e": {}, "z": 1}, {})]
    table, bad = both(schema, bodies, columns=held, include=("rest",))
    assert bad == []
    assert table["_kafka_rest"].to_pylist() == [
        '{"p":{"y":2,"s":"","q":{"b":2}},"ps":[null,{"y":1}],"m":{"true":{"x":1}}}', None, None]
    assert table["m"].to_pylist() == [[(True, {"y": 2})], [(False, {"y": 3})], []]
    made = decoder(schema, held)
    made.judge(batch(bodies))
    assert made.take_counters() == {"fields_without_column": 5}


def test_an_outage_is_no_verdict_and_a_definite_answer_is() -> None:
    source = Source(PLAIN)
    source.out = "the registry does not answer"
    made = decoder(PLAIN, source=source)
    values = batch([FIRST, None, b"garbage", FIRST])
    assert made.prepare(values) == Prepared((), {0: source.out, 3: source.out})
    source.out = None
    assert made.prepare(values) == Prepared()
    source.out = "it went away again"
    assert made.prepare(values) == Prepared(), "what is known needs no registry"


def test_a_field_that_does_not_fit_its_column_is_a_misfit() -> None:
    kinds = {7: "int32", 8: "int64", 9: "string"}
    first, wider, other = (proto3(f"message M {{ {kind} n = 1; string s = 2; }}", id=id) for id, kind in kinds.items())
    made = decoder(first, source=Source(first, wider, other))
    values = [FIRST + b"\x08\x01", b"\x00\x00\x00\x00\x08\x00\x08\x01", b"\x00\x00\x00\x00\x09\x00\x0a\x01x"]
    assert rows(made, values) == ([{"n": 1, "s": ""}], {1: "TYPE_MISFIT", 2: "TYPE_MISFIT"})
    assert [(c.name, c.type) for c in made.prepare(batch(values)).proposal] == [("n", "BIGINT")]
    grown = decoder(first, columns=made.prepare(batch(values)).proposal + made.columns[1:], source=Source(first, wider, other))
    assert rows(grown, values) == ([{"n": 1, "s": ""}, {"n": 1, "s": ""}], {2: "TYPE_MISFIT"})


# ---- keys ------------------------------------------------------------------------------------------------------

KEYS = proto3("message Key { int64 id = 1; string region = 2; } message Other { int32 x = 1; }")


def keyed(source: Source, keys: Sequence[bytes | None]) -> tuple[list[Any], dict[int, str], Prepared]:
    made = make("raw", "protobuf", (), key_schemas=source, key=infer_key("protobuf", KEYS))
    values = batch([b"v"] * len(keys), keys=keys)
    table, bad = made.judge(values)
    return table["_kafka_key"].to_pylist(), {b.index: b.code for b in bad}, made.prepare(values)


def test_a_key_is_read_by_the_schema_that_it_names() -> None:
    later = proto3("message Key { int64 id = 1; string region = 2; string more = 3; }", id=8)
    body = message(KEYS, "t.Key")(id=5, region="eu").SerializeToString()
    found, codes, _ = keyed(Source(KEYS, later), [FIRST + body, None, b"\x00\x00\x00\x00\x08\x00" + body + b"\x1a\x01x", FIRST])
    assert found == [{"id": 5, "region": "eu"}, None, {"id": 5, "region": "eu"}, {"id": 0, "region": ""}]
    assert codes == {}


def test_a_key_that_cannot_be_read_makes_the_record_bad() -> None:
    source = Source(KEYS)
    keys = [FIRST + b"\x12\x05ab", b"garbage", FRAME + b"\x02\x02", b"\x00\x00\x00\x00\x09\x00", FIRST + b"\x12\x01\xff", FIRST]
    found, codes, prepared = keyed(source, keys)
    assert found == [{"id": 0, "region": ""}]
    assert codes == {0: "PROTO_TRUNCATED", 1: "PROTO_MAGIC", 2: "PROTO_INDEX", 3: "PROTO_SCHEMA_UNKNOWN", 4: "UTF8_INVALID"}
    assert prepared == Prepared()
    with pytest.raises(BadValueError, match="KEY_FORMAT protobuf needs the schema of the keys"):
        make("raw", "protobuf", ())


def test_an_outage_makes_records_wait_for_their_keys() -> None:
    source = Source(KEYS)
    made = make("raw", "protobuf", (), key_schemas=source, key=infer_key("protobuf", KEYS))
    source.out = "the registry does not answer"
    assert made.prepare(batch([b"v", b"v"], keys=[None, FIRST])).waiting == {1: source.out}
