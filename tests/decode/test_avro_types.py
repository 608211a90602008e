"""Each row of the documentation's table for Avro, through both forms: the column's type and its exact value."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest

from kshell.decode import infer_schema, make
from kshell.decode.types import MOST_LEVELS
from kshell.errors import BadValueError, RefusedError
from kshell.schemas.values import Reference, Schema
from tests.decode.avro import Source, decoder, exactly, long, quickly, record, rows, schema, values
from tests.decode.support import batch, columns

UTC = dt.UTC
COLOR = {"type": "enum", "name": "Color", "symbols": ["RED", "GREEN"]}
POINT = record(("x", "int"), ("y", ["null", "string"]), name="Point")
UUID_1 = uuid.UUID("0b1e6a3e-9f0b-4c1c-8f55-0f6a9d1f2a3b")


def fixed(size: int, logical: str | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": f"F{size}", "size": size, **({"logicalType": logical} if logical else {}), **more}


def logical(kind: Any, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


TABLE: list[tuple[str, Any, Any, str, Any]] = [
    ("boolean", "boolean", True, "BOOLEAN", True),
    ("int", "int", -2**31, "INTEGER", -2**31),
    ("long", "long", 2**63 - 1, "BIGINT", 2**63 - 1),
    ("float", "float", 0.5, "FLOAT", 0.5),
    ("double", "double", 0.1, "DOUBLE", 0.1),
    ("infinity", "double", float("-inf"), "DOUBLE", float("-inf")),
    ("string", "string", "größe \0 \U0001f600", "VARCHAR", "größe \0 \U0001f600"),
    ("bytes", "bytes", b"\xff\x00a", "BLOB", b"\xff\x00a"),
    ("no bytes", "bytes", b"", "BLOB", b""),
    ("fixed of doubles", fixed(8), b"\xff\x7f\x00\x00\x00\x00\xf0\x7f", "BLOB", b"\xff\x7f\x00\x00\x00\x00\xf0\x7f"),
    ("fixed with a float", fixed(12), bytes(range(12)), "BLOB", bytes(range(12))),
    ("fixed of odd size", fixed(3), b"abc", "BLOB", b"abc"),
    ("enum", COLOR, "GREEN", "VARCHAR", "GREEN"),
    ("record", POINT, {"x": 1, "y": None}, "STRUCT(x INTEGER, y VARCHAR)", {"x": 1, "y": None}),
    ("array", {"type": "array", "items": "long"}, [1, 2, 3], "BIGINT[]", [1, 2, 3]),
    ("empty array", {"type": "array", "items": "string"}, [], "VARCHAR[]", []),
    ("array of optional records", {"type": "array", "items": ["null", POINT]}, [None, {"x": 2, "y": "z"}],
     "STRUCT(x INTEGER, y VARCHAR)[]", [None, {"x": 2, "y": "z"}]),
    ("map", {"type": "map", "values": "double"}, {"a": 1.5, "b": 2.5}, "MAP(VARCHAR, DOUBLE)", [("a", 1.5), ("b", 2.5)]),
    ("map of arrays", {"type": "map", "values": {"type": "array", "items": COLOR}}, {"k": ["RED"]}, "MAP(VARCHAR, VARCHAR[])",
     [("k", ["RED"])]),
    ("optional", ["null", "int"], 7, "INTEGER", 7),
    ("optional, null", ["null", "int"], None, "INTEGER", None),
    ("optional, null last", ["string", "null"], None, "VARCHAR", None),
    ("optional array, null", ["null", {"type": "array", "items": "int"}], None, "INTEGER[]", None),
    ("optional map, null", ["null", {"type": "map", "values": "int"}], None, "MAP(VARCHAR, INTEGER)", None),
    ("union of one", ["int"], 7, "INTEGER", 7),
    ("union of several", ["null", "int", "string", "bytes", COLOR, POINT], ("Point", {"x": 1, "y": "z"}),
     'STRUCT("int" INTEGER, string VARCHAR, bytes BLOB, Color VARCHAR, Point STRUCT(x INTEGER, y VARCHAR))',
     {"int": None, "string": None, "bytes": None, "Color": None, "Point": {"x": 1, "y": "z"}}),
    ("union of several, bytes", ["null", "int", "bytes"], b"\xff", 'STRUCT("int" INTEGER, bytes BLOB)', {"int": None, "bytes": b"\xff"}),
    ("union of several, null", ["null", "int", "string"], None, 'STRUCT("int" INTEGER, string VARCHAR)', None),
    ("union of several in an array", {"type": "array", "items": ["int", "string"]}, [1, "a"], 'STRUCT("int" INTEGER, string VARCHAR)[]',
     [{"int": 1, "string": None}, {"int": None, "string": "a"}]),
    ("decimal in bytes", logical("bytes", "decimal", precision=20, scale=4), Decimal("12345678901234.5678"), "DECIMAL(20,4)",
     Decimal("12345678901234.5678")),
    ("negative decimal", logical("bytes", "decimal", precision=5, scale=2), Decimal("-0.01"), "DECIMAL(5,2)", Decimal("-0.01")),
    ("largest decimal", logical("bytes", "decimal", precision=38, scale=0), Decimal("-" + "9" * 38), "DECIMAL(38,0)",
     Decimal("-" + "9" * 38)),
    ("decimal in fixed", fixed(16, "decimal", precision=12, scale=2), Decimal("-99.95"), "DECIMAL(12,2)", Decimal("-99.95")),
    ("decimal in odd fixed", fixed(5, "decimal", precision=9, scale=2), Decimal("1234567.89"), "DECIMAL(9,2)", Decimal("1234567.89")),
    ("decimal of too many digits for its fixed", fixed(4, "decimal", precision=20, scale=0), b"abcd", "BLOB", b"abcd"),
    ("decimal of more places than digits", logical("bytes", "decimal", precision=2, scale=4), b"a", "BLOB", b"a"),
    ("uuid in string", logical("string", "uuid"), UUID_1, "UUID", str(UUID_1)),
    ("uuid in fixed", fixed(16, "uuid"), UUID_1.bytes, "UUID", str(UUID_1)),
    ("date", logical("int", "date"), dt.date(1969, 7, 20), "DATE", dt.date(1969, 7, 20)),
    ("first date", logical("int", "date"), dt.date(1, 1, 1), "DATE", dt.date(1, 1, 1)),
    ("last date", logical("int", "date"), dt.date(9999, 12, 31), "DATE", dt.date(9999, 12, 31)),
    ("time-millis", logical("int", "time-millis"), dt.time(23, 59, 59, 999000), "TIME", dt.time(23, 59, 59, 999000)),
    ("time-micros", logical("long", "time-micros"), dt.time(23, 59, 59, 999999), "TIME", dt.time(23, 59, 59, 999999)),
    ("timestamp-millis", logical("long", "timestamp-millis"), -500, "TIMESTAMP WITH TIME ZONE",
     dt.datetime(1969, 12, 31, 23, 59, 59, 500000, tzinfo=UTC)),
    ("timestamp-micros", logical("long", "timestamp-micros"), 1_704_164_645_678_901, "TIMESTAMP WITH TIME ZONE",
     dt.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
    ("timestamp-nanos", logical("long", "timestamp-nanos"), 1_999, "TIMESTAMP WITH TIME ZONE",
     dt.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
    ("timestamp-nanos before 1970", logical("long", "timestamp-nanos"), -1, "TIMESTAMP WITH TIME ZONE",
     dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ("local-timestamp-millis", logical("long", "local-timestamp-millis"), dt.datetime(2024, 3, 10, 2, 30), "TIMESTAMP",
     dt.datetime(2024, 3, 10, 2, 30)),
    ("local-timestamp-micros", logical("long", "local-timestamp-micros"), dt.datetime(1, 1, 1), "TIMESTAMP", dt.datetime(1, 1, 1)),
    ("local-timestamp-nanos", logical("long", "local-timestamp-nanos"), 2_000, "TIMESTAMP", dt.datetime(1970, 1, 1, 0, 0, 0, 2)),
    ("duration", fixed(12, "duration"), bytes([1, 0, 0, 0, 2, 0, 0, 0, 0xBC, 0xB, 0, 0]), "VARCHAR", "P1M2DT3.004S"),
    ("duration of nothing", fixed(12, "duration"), bytes(12), "VARCHAR", "PT0S"),
    ("big-decimal", logical("bytes", "big-decimal"), b"\x02\x01\x00", "BLOB", b"\x02\x01\x00"),
    ("unknown logical type", logical("string", "ulid"), "01H", "VARCHAR", "01H"),
    ("logical type on another type", logical("string", "date"), "2024", "VARCHAR", "2024"),
]


@pytest.mark.parametrize(("kind", "value", "type_", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_type_of_avro_is_its_column_in_both_forms(kind: Any, value: Any, type_: str, expected: Any) -> None:
    tree = record(("v", kind), ("after", "int"))
    made = decoder(Source(tree))
    assert [c.type for c in made.columns] == [type_, "INTEGER"]
    given = batch(values(tree, [{"v": value, "after": n} for n in range(3)]))
    for judge in (exactly, quickly):
        table, bad = judge(made, given)
        assert bad == []
        assert rows(table, made) == [[expected, n] for n in range(3)]


def test_not_a_number_stays_one() -> None:
    tree = record(("v", "double"))
    made = decoder(Source(tree))
    for judge in (exactly, quickly):
        table, _ = judge(made, batch(values(tree, [{"v": float("nan")}] * 2)))
        assert all(value != value for (value,) in rows(table, made))


@pytest.mark.parametrize(("tree", "value", "type_", "expected"), [
    ({"type": "long"}, 5, "BIGINT", 5), ({"type": "map", "values": "string"}, {"a": "b"}, "MAP(VARCHAR, VARCHAR)", [("a", "b")]),
    (["null", "string"], None, "VARCHAR", None),
    (["int", "string"], "x", 'STRUCT("int" INTEGER, string VARCHAR)', {"int": None, "string": "x"})])
def test_a_schema_that_is_no_record_is_the_column_value(tree: Any, value: Any, type_: str, expected: Any) -> None:
    made = decoder(Source(tree))
    assert [(c.name, c.type) for c in made.columns] == [("value", type_)]
    for judge in (exactly, quickly):
        table, bad = judge(made, batch(values(tree, [value, value])))
        assert (rows(table, made), bad) == ([[expected], [expected]], [])


def test_what_holds_nothing_is_no_column() -> None:
    empty = record(name="Nothing")
    tree = record(("n", "null"), ("e", empty), ("l", {"type": "array", "items": "null"}), ("u", ["null"]), ("id", "int"))
    made = decoder(Source(tree))
    assert [c.name for c in made.columns] == ["id"]
    for judge in (exactly, quickly):
        table, bad = judge(made, batch(values(tree, [{"n": None, "e": {}, "l": [None] * 3, "u": None, "id": n} for n in (1, 2)])))
        assert (rows(table, made), bad) == ([[1], [2]], [])


def test_members_of_a_union_with_one_name_have_their_full_names() -> None:
    both = [record(("x", "int"), name="a.b.Item"), record(("y", "int"), name="c.Item"), "string"]
    made = decoder(Source(record(("u", both))))
    assert [c.type for c in made.columns] == ["STRUCT(a_b_Item STRUCT(x INTEGER), c_Item STRUCT(y INTEGER), string VARCHAR)"]


def test_names_follow_the_rules_of_columns() -> None:
    tree = record(("a", "int"), ("A", "int"), ("_file", "string"), ("s", record(("x", "int"), ("X", "int"), name="S")))
    made = decoder(Source(tree))
    assert [c.name for c in made.columns] == ["a", "A_1", "_file_1", "s"]
    for judge in (exactly, quickly):
        table, _ = judge(made, batch(values(tree, [{"a": 1, "A": 2, "_file": "f", "s": {"x": 3, "X": 4}}] * 2)))
        assert rows(table, made)[0] == [1, 2, "f", {"x": 3, "X_1": 4}]


def test_nanoseconds_are_noticed() -> None:
    found = infer_schema("avro", schema(record(("t", logical("long", "timestamp-nanos")))))
    assert found.notices == ['field "t" has nanoseconds; they are cut to microseconds']


def test_a_named_type_may_be_used_twice_and_across_references() -> None:
    point = schema(record(("x", "int"), name="geo.Point"))
    top = Schema("avro", '{"type":"record","name":"R","fields":[{"name":"p","type":"geo.Point"},{"name":"q","type":["null","geo.Point"]}]}',
                 references=(Reference("geo.Point", "point-value", 1, point),))
    assert [c.type for c in infer_schema("avro", top).columns] == ["STRUCT(x INTEGER)", "STRUCT(x INTEGER)"]


# ---- refused at CREATE -----------------------------------------------------------------------------------------

def test_too_many_digits_are_refused_with_the_column_and_what_to_type() -> None:
    with pytest.raises(RefusedError) as caught:
        infer_schema("avro", schema(record(("price", logical("bytes", "decimal", precision=40, scale=2)))))
    assert caught.value.message == "TYPE_UNSUPPORTED: Column price: Avro decimal(40,2) needs more than 38 digits."
    assert caught.value.hint == 'declare it: ("price" VARCHAR)'


def test_a_declared_text_takes_what_has_no_type() -> None:
    tree = record(("price", logical("bytes", "decimal", precision=40, scale=2)), ("u", logical("string", "uuid")), ("a", POINT))
    made = decoder(Source(tree), columns(("price", "VARCHAR"), ("u", "VARCHAR"), ("a", "JSON"), ("x", "INTEGER", "$.a.x")))
    table, bad = made.judge(batch(values(tree, [{"price": Decimal("1" * 37 + ".50"), "u": UUID_1, "a": {"x": 1, "y": None}}])))
    assert (rows(table, made), bad) == ([["1" * 37 + ".50", str(UUID_1), '{"x":1,"y":null}', 1]], [])
    assert made.description.startswith("exact: column ")


def test_the_decoder_says_which_form_it_takes() -> None:
    quick, slow, large = (record(("id", "int"), *more) for more in ((), (("odd", fixed(3)),), (("odd", fixed(1_028)),)))
    for tree, size, said in ((quick, 0, "fast (pyruhvro)"), (slow, 3, "exact: column odd is fixed(3)"),
                             (large, 1_028, "exact: column odd is fixed(1028)")):
        made = decoder(Source(tree))
        made.prepare(batch(values(tree, [{"id": 1, "odd": b"a" * size}])))
        assert made.description == said


NODE = {"type": "record", "name": "Node", "fields": [
    {"name": "value", "type": "int"}, {"name": "children", "type": {"type": "array", "items": "Node"}}]}


@pytest.mark.fault("F38")
@pytest.mark.parametrize(("tree", "said"), [
    (NODE, 'Schema "orders-value" (id 42): record Node contains itself at Node.children[]. Recursive schemas are not supported.'),
    (record(("n", ["null", {"type": "record", "name": "x.L", "fields": [{"name": "next", "type": ["null", "L"]}]}])),
     'Schema "orders-value" (id 42): record L contains itself at L.next. Recursive schemas are not supported.')])
def test_a_recursive_schema_is_refused_with_the_place(tree: Any, said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        infer_schema("avro", schema(tree, 42))
    assert caught.value.message == f"TYPE_RECURSIVE: {said}"
    assert caught.value.hint == "keep the bytes: FORMAT raw"


def nested(levels: int) -> Any:
    tree: Any = "int"
    for _ in range(levels):
        tree = {"type": "array", "items": tree}
    return tree


def doubling(levels: int) -> dict[str, Any]:
    """Each record has the next one twice: 2^levels fields, written out."""
    tree = record(("x", "int"), name="R0")
    for level in range(1, levels):
        tree = record(("a", tree), ("b", f"R{level - 1}"), name=f"R{level}")
    return tree


@pytest.mark.fault("F38")
@pytest.mark.parametrize("tree", [
    pytest.param(record(("v", nested(MOST_LEVELS + 1))), id="33 levels"),
    pytest.param(nested(MOST_LEVELS + 1), id="33 levels without a record"),
    pytest.param('{"type":' * 90_000 + '"int"' + "}" * 90_000, id="90,000 levels of text"),
    pytest.param(doubling(20), id="exponential named types"),
    pytest.param(record(*((f"f{i}", "int") for i in range(5_001))), id="5,001 fields"),
    pytest.param(record(("v", {"type": "fixed", "name": "F", "size": 10**20})), id="a fixed beyond any record")])
def test_a_schema_beyond_the_limits_is_refused(tree: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        infer_schema("avro", schema(tree))
    assert caught.value.message.startswith("SCHEMA_TOO_LARGE: ")


def test_a_schema_at_the_limits_is_columns() -> None:
    assert len(infer_schema("avro", schema(record(("v", nested(MOST_LEVELS))))).columns) == 1
    assert len(infer_schema("avro", schema(record(*((f"f{i}", "int") for i in range(1_000))))).columns) == 1_000


@pytest.mark.parametrize("text", ["", "{", "7", "{}", '"nothing"', '{"type":"record","name":"R"}', '{"type":"record","fields":[]}', "[]",
                                  '["int","int"]', '{"type":"enum","name":"E"}', '{"type":"fixed","name":"F","size":-1}', '[["int"]]',
                                  '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}',
                                  '{"type":"record","name":"R","fields":[{"type":"int"}]}', '{"type":"array"}', "null", '{"type":null}',
                                  '{"type":"record","name":"R","fields":[{"name":"\\ud800","type":"int"}]}',
                                  '{"type":"enum","name":"E","symbols":["\\ud800"]}', '{"type":"enum","name":"E","symbols":["\ud800"]}'])
def test_a_text_that_is_no_schema_is_refused_and_never_an_exception(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        infer_schema("avro", schema(text))
    assert caught.value.message.startswith("TYPE_UNSUPPORTED: Schema ")


def test_without_a_schema_there_is_no_decoder() -> None:
    with pytest.raises(BadValueError, match="FORMAT avro needs a schema"):
        make("avro", "raw", ())
    with pytest.raises(BadValueError, match="KEY_FORMAT avro needs the schema of the keys"):
        make("json", "avro", columns(("a", "BIGINT")))


def test_bytes_of_a_long() -> None:
    assert [long(n) for n in (0, -1, 1, 64, 2**63 - 1)] == [b"\0", b"\1", b"\2", b"\x80\1", b"\xfe" + b"\xff" * 8 + b"\1"]
