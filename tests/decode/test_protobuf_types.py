"""Each kind of Protobuf field becomes the column that the documentation says, by both forms of the decoder."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from kshell.columns import quote
from kshell.decode import infer_schema
from kshell.errors import RefusedError
from tests.decode.protobuf_support import FIRST, Source, both, decoder, message, proto2, proto3, rows
from tests.decode.support import batch

WELL_KNOWN = [f"google/protobuf/{n}.proto" for n in ("timestamp", "duration", "wrappers", "struct", "any", "empty", "field_mask")]
SCHEMA = proto3("""
enum Color { option allow_alias = true; UNSPECIFIED = 0; RED = 1; CRIMSON = 1; BELOW = -1; }
message Point { int32 x = 1; optional string label = 2; }
message Nothing {}
message Held { Point point = 1; repeated Point points = 2; Nothing nothing = 3; google.protobuf.Timestamp at = 4; }
message M {
  bool b = 1; double d = 2; float f = 3; string s = 4; bytes y = 5;
  int32 i32 = 6; sint32 s32 = 7; sfixed32 sf32 = 8; int64 i64 = 9; sint64 s64 = 10; sfixed64 sf64 = 11;
  uint32 u32 = 12; fixed32 f32 = 13; uint64 u64 = 14; fixed64 f64 = 15;
  Color e = 16; Point point = 17; Nothing nothing = 18; google.protobuf.Empty empty = 19;
  repeated int32 ri = 20; repeated string rs = 21; repeated Point rp = 22; repeated Color re = 23; repeated uint64 ru = 24;
  repeated Nothing rn = 25; repeated google.protobuf.Timestamp rt = 26;
  map<string, int64> ms = 30; map<int32, Point> mp = 31; map<bool, Color> mc = 32; map<uint64, google.protobuf.Duration> md = 33;
  oneof choice { int32 number = 40; string text = 41; Point place = 42; }
  optional int32 oi = 50; optional string os = 51; optional Color oe = 52; optional bytes oy = 53;
  google.protobuf.Timestamp ts = 60; google.protobuf.Duration du = 61;
  google.protobuf.Int64Value wi = 62; google.protobuf.StringValue ws = 63; google.protobuf.BoolValue wb = 64;
  google.protobuf.UInt64Value wu = 65; google.protobuf.BytesValue wy = 66; google.protobuf.DoubleValue wd = 67;
  google.protobuf.Struct st = 70; google.protobuf.Value va = 71; google.protobuf.ListValue lv = 72; google.protobuf.Any an = 73;
  google.protobuf.FieldMask fm = 74; Held held = 75;
}""", WELL_KNOWN)

# column -> (type, value of an empty message)
EMPTY: dict[str, tuple[str, Any]] = {
    "b": ("BOOLEAN", False), "d": ("DOUBLE", 0.0), "f": ("FLOAT", 0.0), "s": ("VARCHAR", ""), "y": ("BLOB", b""),
    "i32": ("INTEGER", 0), "s32": ("INTEGER", 0), "sf32": ("INTEGER", 0), "i64": ("BIGINT", 0), "s64": ("BIGINT", 0), "sf64": ("BIGINT", 0),
    "u32": ("BIGINT", 0), "f32": ("BIGINT", 0), "u64": ("DECIMAL(20,0)", Decimal(0)), "f64": ("DECIMAL(20,0)", Decimal(0)),
    "e": ("VARCHAR", "UNSPECIFIED"), "point": ("STRUCT(x INTEGER, \"label\" VARCHAR)", None), "nothing": ("BOOLEAN", None),
    "empty": ("BOOLEAN", None),
    "ri": ("INTEGER[]", []), "rs": ("VARCHAR[]", []), "rp": ("STRUCT(x INTEGER, \"label\" VARCHAR)[]", []), "re": ("VARCHAR[]", []),
    "ru": ("DECIMAL(20,0)[]", []), "rn": ("BOOLEAN[]", []), "rt": ("TIMESTAMP WITH TIME ZONE[]", []),
    "ms": ("MAP(VARCHAR, BIGINT)", []), "mp": ("MAP(INTEGER, STRUCT(x INTEGER, \"label\" VARCHAR))", []),
    "mc": ("MAP(BOOLEAN, VARCHAR)", []),
    "md": ("MAP(DECIMAL(20,0), BIGINT)", []),
    "number": ("INTEGER", None), "text": ("VARCHAR", None), "place": ("STRUCT(x INTEGER, \"label\" VARCHAR)", None),
    "oi": ("INTEGER", None), "os": ("VARCHAR", None), "oe": ("VARCHAR", None), "oy": ("BLOB", None),
    "ts": ("TIMESTAMP WITH TIME ZONE", None), "du": ("BIGINT", None),
    "wi": ("BIGINT", None), "ws": ("VARCHAR", None), "wb": ("BOOLEAN", None), "wu": ("DECIMAL(20,0)", None), "wy": ("BLOB", None),
    "wd": ("DOUBLE", None), "st": ("VARCHAR", None), "va": ("VARCHAR", None), "lv": ("VARCHAR", None), "an": ("VARCHAR", None),
    "fm": ("STRUCT(paths VARCHAR[])", None),
}


def one(**fields: Any) -> dict[str, Any]:
    """The row of a message with these fields, by both forms."""
    return of(message(SCHEMA)(**fields).SerializeToString(deterministic=True))


def of(body: bytes) -> dict[str, Any]:
    frame = FIRST[:-1] + b"\x02" + bytes([2 * 3])           # the fourth message
    table, bad = both(SCHEMA, [frame + body] * 3, name="M")
    assert bad == []
    return dict(table.to_pylist()[0])


def test_columns_have_the_types_of_the_table_and_the_order_of_the_schema() -> None:
    columns = infer_schema("protobuf", SCHEMA, "t.M").columns
    assert [c.name for c in columns] == [*EMPTY, "held"]
    assert {c.name: c.type for c in columns if c.name in EMPTY} == {name: type_ for name, (type_, _) in EMPTY.items()}


def test_an_empty_message_holds_the_defaults_of_fields_without_presence_and_null_for_the_others() -> None:
    row = of(b"")
    assert {name: row[name] for name in EMPTY} == {name: value for name, (_, value) in EMPTY.items()}


@pytest.mark.parametrize(("column", "given", "expected"), [
    ("b", True, True), ("d", -0.5, -0.5), ("d", float("inf"), float("inf")), ("f", 0.1, 0.10000000149011612), ("s", "größe\0", "größe\0"),
    ("y", b"\xff\x00", b"\xff\x00"),
    ("i32", -2**31, -2**31), ("s32", -2**31, -2**31), ("sf32", 2**31 - 1, 2**31 - 1),
    ("i64", -2**63, -2**63), ("s64", 2**63 - 1, 2**63 - 1), ("sf64", -1, -1),
    ("u32", 2**32 - 1, 2**32 - 1), ("f32", 2**32 - 1, 2**32 - 1),
    ("u64", 2**64 - 1, Decimal(2**64 - 1)), ("f64", 2**64 - 1, Decimal(2**64 - 1)),
    ("e", 1, "RED"), ("e", -1, "BELOW"), ("e", 7, "7"), ("e", -7, "-7"), ("re", [1, 9, 0], ["RED", "9", "UNSPECIFIED"]),
    ("point", {"x": 3}, {"x": 3, "label": None}), ("point", {"label": ""}, {"x": 0, "label": ""}),
    ("nothing", {}, True), ("empty", {}, True), ("rn", [{}, {}], [True, True]),
    ("ri", [1, -1], [1, -1]), ("rs", ["", "a"], ["", "a"]),
    ("ru", [2**64 - 1, 0], [Decimal(2**64 - 1), Decimal(0)]),
    ("rp", [{}, {"x": 1, "label": "l"}], [{"x": 0, "label": None}, {"x": 1, "label": "l"}]),
    ("ms", {"": 0}, [("", 0)]), ("mp", {0: {}}, [(0, {"x": 0, "label": None})]),
    ("mp", {2: {"x": 1}}, [(2, {"x": 1, "label": None})]), ("mc", {True: 1}, [(True, "RED")]),
    ("number", 0, 0), ("text", "", ""), ("place", {}, {"x": 0, "label": None}),
    ("oi", 0, 0), ("os", "", ""), ("oe", 0, "UNSPECIFIED"), ("oy", b"", b""),
    ("fm", {"paths": ["a.b"]}, {"paths": ["a.b"]}),
    ("held", {"point": {}, "nothing": {}},
     {"point": {"x": 0, "label": None}, "points": [], "nothing": True, "at": None}),
])
def test_a_field_has_its_value(column: str, given: Any, expected: Any) -> None:
    assert repr(one(**{column: given})[column]) == repr(expected)


@pytest.mark.parametrize(("seconds", "nanos", "expected"), [
    (0, 0, datetime(1970, 1, 1, tzinfo=UTC)), (1, 1_999, datetime(1970, 1, 1, 0, 0, 1, 1, UTC)),
    (-1, 999_999_999, datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)),
    (-62_135_596_800, 0, datetime(1, 1, 1, tzinfo=UTC)), (253_402_300_799, 999_999_999, datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)),
])
def test_a_timestamp_is_cut_to_microseconds(seconds: int, nanos: int, expected: datetime) -> None:
    row = one(ts={"seconds": seconds, "nanos": nanos}, rt=[{"seconds": seconds, "nanos": nanos}], held={"at": {"seconds": seconds}})
    assert row["ts"] == row["rt"][0] == expected
    assert row["held"]["at"] == expected.replace(microsecond=0)


@pytest.mark.parametrize(("seconds", "nanos", "expected"), [
    (0, 1_999, 1), (0, -1_999, -1), (-1, -500_000_000, -1_500_000), (315_576_000_000, 0, 315_576_000_000_000_000),
])
def test_a_duration_is_microseconds_cut_towards_zero(seconds: int, nanos: int, expected: int) -> None:
    row = one(du={"seconds": seconds, "nanos": nanos}, md={2**64 - 1: {"seconds": seconds, "nanos": nanos}})
    assert row["du"] == expected
    assert row["md"] == [(Decimal(2**64 - 1), expected)]


@pytest.mark.parametrize(("column", "value", "expected"), [
    ("wi", 0, 0), ("wi", -5, -5), ("ws", "", ""), ("wb", False, False), ("wu", 2**64 - 1, Decimal(2**64 - 1)),
    ("wy", b"", b""), ("wd", 0.0, 0.0),
])
def test_a_wrapper_is_its_value_and_null_only_when_absent(column: str, value: Any, expected: Any) -> None:
    assert repr(one(**{column: {"value": value}})[column]) == repr(expected)


def test_struct_value_and_list_are_json_text_in_the_order_of_the_bytes() -> None:
    made = message(SCHEMA)()
    made.st.update({"a": [1.5, None, True, {"x": "\n"}, 2.0**60]})
    made.va.string_value = "2026"
    made.lv.extend([{}, [], "ü"])
    row = of(made.SerializeToString(deterministic=True))
    ordered = b"\x0a\x0b\x0a\x01b\x12\x06\x1a\x04last\x0a\x0a\x0a\x01a\x12\x05\x1a\x03yes"
    assert of(b"\xb2\x04" + bytes([len(ordered)]) + ordered)["st"] == '{"b":"last","a":"yes"}'
    assert row["st"] == '{"a":[1.5,null,true,{"x":"\\n"},1152921504606847000.0]}'
    assert (row["va"], row["lv"]) == ('"2026"', '[{},[],"ü"]')
    assert [one(va=v)["va"] for v in ({"null_value": 0}, {"number_value": 3}, {"bool_value": False}, {})] == ["null", "3", "false", "null"]


def test_any_is_the_json_text_of_a_type_that_the_schema_knows_and_base64_of_another() -> None:
    made = message(SCHEMA)()
    made.an.Pack(message(SCHEMA, "t.Point")(x=3, label="l"))
    assert of(made.SerializeToString())["an"] == '{"@type":"type.googleapis.com/t.Point","x":3,"label":"l"}'
    url = "type.googleapis.com/google.protobuf.Timestamp"
    made.an.type_url, made.an.value = url, b"\x08\x05\x10\x80\xca\xb5\xee\x01"
    assert of(made.SerializeToString())["an"] == f'{{"@type":"{url}","value":"1970-01-01T00:00:05.5Z"}}'
    made.an.type_url, made.an.value = "type.googleapis.com/other.Thing", b"\xff\x00"
    assert of(made.SerializeToString())["an"] == '{"@type":"type.googleapis.com/other.Thing","value":"/wA="}'
    assert base64.b64decode("/wA=") == b"\xff\x00"


def test_proto2_fields_are_null_when_absent_whatever_their_default_and_groups_are_structs() -> None:
    schema = proto2("""
        message M { required int32 r = 1; optional string s = 2 [default = "x"]; optional E e = 3 [default = B]; repeated E es = 4;
                    optional group Size = 5 { optional int32 w = 1; repeated group Part = 2 { optional string n = 1; } }
                    map<string, F> named = 6; extensions 100 to 200; enum E { A = 1; B = 5; } enum F { NONE = 0; } }""")
    made = message(schema)
    full = made(r=1, s="", e=1, es=[5, 1])
    full.size.w = 3
    full.size.part.add().n = "p"
    body = full.SerializeToString() + b"\x18\x63"                       # e = 99, which Google's runtime keeps as an unknown field
    table, bad = both(schema, [FIRST, FIRST + body, FIRST + b"\x32\x02\x0a\x00"])
    assert bad == []
    found = [{k: v for k, v in row.items() if not k.startswith("_")} for row in table.to_pylist()]
    assert found[0] == {"r": None, "s": None, "e": None, "es": [], "size": None, "named": []}
    assert found[1] == {"r": 1, "s": "", "e": "99", "es": ["B", "A"], "size": {"w": 3, "part": [{"n": "p"}]}, "named": []}
    assert found[2]["named"] == [("", "NONE")], "a value that was left out is the first of its enum"


def test_editions_say_presence_field_by_field() -> None:
    text = """edition = "2023"; package t;
        message M { int32 kept = 1; int32 plain = 2 [features.field_presence = IMPLICIT]; P p = 3 [features.message_encoding = DELIMITED]; }
        message P { string n = 1; }"""
    schema = proto3("")
    schema = type(schema)("protobuf", text, id=7)
    made = message(schema)
    table, bad = both(schema, [FIRST, FIRST + made(kept=0, plain=0, p={"n": "x"}).SerializeToString()])
    assert bad == []
    assert [(r["kept"], r["plain"], r["p"]) for r in table.to_pylist()] == [(None, 0, None), (0, 0, {"n": "x"})]


def test_rows_go_into_a_segment_of_the_columns_types(cursor: duckdb.DuckDBPyConnection) -> None:
    made = decoder(SCHEMA, name="t.M", include=("rest",))
    listed = ", ".join(f"{quote(c.name)} {c.type}" for c in (*made.columns, *made.metadata))
    table, _ = made.judge(batch([FIRST[:-1] + b"\x02\x06" + message(SCHEMA)(u64=2**64 - 1, rp=[{}], md={1: {}}).SerializeToString(), None]))
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE segment ({listed})")
    cursor.register("judged", table)
    cursor.execute("INSERT INTO segment SELECT * FROM judged")
    assert cursor.execute("SELECT u64, rp, md, s FROM segment").fetchall() == [(Decimal(2**64 - 1), [{"x": 0, "label": None}], {1: 0}, ""),
                                                                              (None, None, None, None)]
    described = {row[0]: row[1] for row in cursor.execute("DESCRIBE judged").fetchall()}
    assert described == {c.name: c.type for c in (*made.columns, *made.metadata)}


@pytest.mark.fault("F39")
@pytest.mark.parametrize(("body", "path"), [
    ("message Node { string name = 1; repeated Node children = 2; }", "Node.children[]"),
    ("message A { B b = 1; } message B { map<string, A> back = 1; }", "A.b.back[].value"),
    ("message Top { Node node = 1; } message Node { Node left = 1; }", "Node.left"),
])
def test_a_recursive_message_is_refused_by_its_path(body: str, path: str) -> None:
    with pytest.raises(RefusedError) as caught:
        infer_schema("protobuf", proto3(body))
    assert caught.value.message.startswith('TYPE_RECURSIVE: Schema "orders-value" (id 7): message ')
    assert caught.value.message.endswith(f"contains itself at {path}. Recursive schemas are not supported.")
    assert caught.value.hint == "keep the bytes: FORMAT raw"


def test_below_32_levels_a_message_is_json_text() -> None:
    levels = "".join(f"message L{i} {{ L{i + 1} m = 1; }} " for i in range(40)) + "message L40 { int32 x = 1; }"
    schema = proto3(levels)
    column = infer_schema("protobuf", schema).columns[0]
    assert column.type.count("STRUCT") == 32
    body = b""
    for _ in range(20):
        body = b"\x0a" + bytes([len(body)]) + body
    found, codes = rows(decoder(schema), [FIRST + body])
    assert codes == {}
    assert found[0]["m"] is not None


def test_more_than_5000_fields_are_refused_however_they_come_about() -> None:
    wide = "message W { " + " ".join(f"int32 f{i} = {i};" for i in range(1, 1001)) + " } "
    with pytest.raises(RefusedError, match="SCHEMA_TOO_LARGE"):
        infer_schema("protobuf", proto3("message M { W a = 1; W b = 2; W c = 3; W d = 4; W e = 5; } " + wide))


def test_names_differ_by_more_than_case_and_are_not_reserved() -> None:
    schema = proto3("message M { int32 a = 1; int32 A = 2; int32 _file = 3; P p = 4; } message P { int32 b = 1; int32 B = 2; }")
    inferred = infer_schema("protobuf", schema)
    assert [(c.name, c.source_path) for c in inferred.columns][:3] == [("a", ("a",)), ("A_1", ("A",)), ("_file_1", ("_file",))]
    table, _ = both(schema, [FIRST + message(schema)(a=1, A=2, _file=3, p={"b": 4, "B": 5}).SerializeToString()] * 20)
    row = table.to_pylist()[0]
    assert [row[c] for c in ("a", "A_1", "_file_1", "p")] == [1, 2, 3, {"b": 4, "B_1": 5}]


def test_the_schema_of_a_file_needs_no_frame() -> None:
    schema = proto3("message M { int32 x = 1; }")
    made = decoder(schema, source=Source(unframed=schema, frames=False))
    assert rows(made, [b"\x08\x05", b"", None]) == ([{"x": 5}, {"x": 0}, {"x": None}], {})
    _, bad = made.judge(batch([FIRST + b"\x08\x05"]))
    assert [(b.code, "is SCHEMA_REGISTRY missing?" in b.message) for b in bad] == [("PROTO_TRUNCATED", True)]


@pytest.mark.parametrize(("body", "why"), [
    ("message M { optional group G = 1 { repeated bool v = 1; } }", "field g is a group"),
])
def test_what_the_fast_form_does_not_do_is_read_one_by_one_and_said(body: str, why: str) -> None:
    made = decoder(proto2(body))
    assert made.description == "fast (ptars)"
    found, codes = rows(made, [FIRST + b"\x0b\x08\x01\x08\x00\x0c"])
    assert codes == {}
    assert found == [{"g": {"v": [True, False]}}]
    assert made.description == f'fast (ptars); exact for Schema "orders-value" (id 7): {why}'
