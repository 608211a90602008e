"""Several writers' schemas in one topic: each record is read with its own, and what does not fit the columns is proposed or a misfit."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from kshell.columns import Column
from kshell.decode import Decoder
from tests.decode.avro import Source, decoder, exactly, frame, long, quickly, record, rows, values
from tests.decode.support import batch, columns

V1 = record(("id", "int"), ("amount", "int"), ("gone", "string"))
V2 = record(("added", ["null", "string"]), ("id", "int"), ("amount", "long"))
MIXED = [*values(V1, [{"id": 1, "amount": 10, "gone": "x"}], 1), *values(V2, [{"id": 2, "amount": 2**40, "added": "new"}], 2),
         *values(V1, [{"id": 3, "amount": 30, "gone": "y"}], 1)]


def evolved(made: Decoder, source: Source, given: pa.RecordBatch) -> Decoder:
    """What a table that takes every column answers."""
    proposal = {c.name: c for c in made.prepare(given).proposal}
    kept = [proposal.pop(c.name, c) for c in made.columns]
    return decoder(source, (*kept, *proposal.values()))


def test_each_record_is_read_with_its_own_schema_in_the_order_of_the_topic() -> None:
    source = Source(V1, V2)
    made = decoder(source, columns(("id", "INTEGER"), ("amount", "BIGINT"), ("gone", "VARCHAR"), ("added", "VARCHAR")))
    for judge in (exactly, quickly):
        table, bad = judge(made, batch(MIXED * 2))
        assert bad == []
        assert rows(table, made) == [[1, 10, "x", None], [2, 2**40, None, "new"], [3, 30, "y", None]] * 2
        assert table["_kafka_offset"].to_pylist() == list(range(6))


def test_a_newer_schema_proposes_its_columns_and_promotions() -> None:
    source = Source(V1, V2)
    made = decoder(source, columns(("id", "INTEGER"), ("amount", "INTEGER"), ("gone", "VARCHAR")))
    assert made.prepare(batch(MIXED[:1])).proposal == ()
    assert [(c.name, c.type) for c in made.prepare(batch(MIXED)).proposal] == [("amount", "BIGINT"), ("added", "VARCHAR")]
    grown = evolved(made, source, batch(MIXED))
    assert grown.prepare(batch(MIXED)).proposal == ()
    assert rows(grown.judge(batch(MIXED))[0], grown)[1] == [2, 2**40, None, "new"]


def test_without_the_promotion_the_record_is_a_misfit_and_not_a_rounded_row() -> None:
    made = decoder(Source(V1, V2), columns(("id", "INTEGER"), ("amount", "INTEGER")))
    table, bad = made.judge(batch(MIXED))
    assert rows(table, made) == [[1, 10], [3, 30]]
    assert [(b.index, b.code, b.schema_id, b.message) for b in bad] == [
        (1, "TYPE_MISFIT", 2, "$.amount: Avro long does not fit INTEGER")]


@pytest.mark.parametrize(("kind", "body", "type_", "expected"), [
    ("int", long(5), "BIGINT", 5), ("float", b"\0\0\0\x3f", "DOUBLE", 0.5),
    ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 1}, b"\2\x0f", "DECIMAL(9,1)", "1.5")])
def test_a_value_is_promoted_as_iceberg_promotes(kind: Any, body: bytes, type_: str, expected: Any) -> None:
    made = decoder(Source(record(("v", kind))), columns(("v", type_)))
    for judge in (exactly, quickly):
        table, bad = judge(made, batch([frame(body)] * 2))
        assert bad == []
        assert [str(v) for v in table["v"].to_pylist()] == [str(expected)] * 2


@pytest.mark.parametrize(("kind", "type_"), [
    ("int", "DOUBLE"), ("int", "VARCHAR"), ("long", "INTEGER"), ("double", "FLOAT"), ("string", "BIGINT"), ("string", "BLOB"),
    ("bytes", "VARCHAR"), ("long", "TIMESTAMP WITH TIME ZONE"), ({"type": "int", "logicalType": "date"}, "INTEGER"),
    ("int", "INTEGER[]"), ("int", "STRUCT(a INTEGER)"),
    ({"type": "array", "items": "int"}, "INTEGER"), (record(("a", "int"), name="S"), "MAP(VARCHAR, INTEGER)"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 1}, "DECIMAL(4,1)"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 1}, "DECIMAL(9,2)")])
def test_a_value_of_another_type_is_a_misfit_and_null_is_not(kind: Any, type_: str) -> None:
    made = decoder(Source(record(("v", ["null", kind]))), columns(("v", type_)))
    body = b"\2" + (b"\0" * 8 if kind == "double" else b"\0")
    for judge in (exactly, quickly):
        table, bad = judge(made, batch([frame(body), frame(b"\0"), frame(body)]))
        assert [(b.index, b.code) for b in bad] == [(0, "TYPE_MISFIT"), (2, "TYPE_MISFIT")]
        assert table["v"].to_pylist() == [None]
    wanted = made.prepare(batch([frame(body)])).proposal
    assert wanted in ((), *((Column("v", promoted),) for promoted in ("DECIMAL(9,1)", "BIGINT", "DOUBLE")))


def test_a_field_added_inside_a_struct_is_proposed_and_null_before() -> None:
    one = record(("s", ["null", record(("a", "int"), name="S")]))
    two = record(("s", ["null", record(("a", "int"), ("deep", record(("x", "long"), name="D")), name="S")]))
    source = Source(one, two)
    made = decoder(source, columns(("s", "STRUCT(a INTEGER)")))
    given = batch([*values(one, [{"s": {"a": 1}}]), *values(two, [{"s": None}, {"s": {"a": 2, "deep": {"x": 3}}}], 2)])
    grown = evolved(made, source, given)
    assert [c.type for c in grown.columns] == ["STRUCT(a INTEGER, deep STRUCT(x BIGINT))"]
    for judge in (exactly, quickly):
        assert rows(judge(grown, given)[0], grown) == [[{"a": 1, "deep": None}], [None], [{"a": 2, "deep": {"x": 3}}]]


def test_schemas_of_one_batch_propose_together() -> None:
    source = Source(record(("a", "int")), record(("A", "int")), record(("a", "long")))
    made = decoder(source, ())
    given = batch([frame(b"\2", id) for id in (1, 2, 3)])
    assert [(c.name, c.type, c.source_path) for c in made.prepare(given).proposal] == [("a", "BIGINT", ("a",)), ("A_1", "INTEGER", ("A",))]


def test_aliases_and_defaults_of_a_reader_are_not_applied() -> None:
    tree = {"type": "record", "name": "R", "fields": [
        {"name": "new", "aliases": ["old"], "type": "int", "default": 7}, {"name": "other", "type": "int"}]}
    made = decoder(Source(tree), columns(("old", "INTEGER"), ("new", "INTEGER")))
    assert rows(made.judge(batch([frame(b"\2\4")]))[0], made) == [[None, 1]]


# ---- fields without a column ---------------------------------------------------------------------------------------

def test_fields_without_a_column_are_counted_for_each_row() -> None:
    made = decoder(Source(V1, V2), columns(("id", "INTEGER")))
    made.judge(batch([*MIXED, frame(b""), None]))
    assert made.take_counters() == {"fields_without_column": 6}
    assert made.take_counters() == {}


LEFT = '{"p":{"y":2,"u":{"string":"text"}},"l":[{"u":"text"}],"more":3}'


@pytest.mark.parametrize(("include", "left", "counted"), [((), None, {"fields_without_column": 4}), (("rest",), LEFT, {})])
def test_fields_inside_of_columns_are_counted_or_kept_too(include: tuple[str, ...], left: str | None, counted: dict[str, int]) -> None:
    inner = record(("x", "int"), ("y", "int"), ("u", ["null", "int", "string"]), name="P")
    tree = record(("p", ["null", inner]), ("l", {"type": "array", "items": "P"}), ("more", "int"))
    held = columns(("p", 'STRUCT(x INTEGER, u STRUCT("int" INTEGER))'), ("l", "STRUCT(x INTEGER, y INTEGER)[]"))
    made = decoder(Source(tree), held, include)
    value = {"x": 1, "y": 2, "u": "text"}
    table, bad = made.judge(batch(values(tree, [{"p": value, "l": [value], "more": 3}])))
    assert (bad, rows(table, made)) == ([], [[{"x": 1, "u": {"int": None}}, [{"x": 1, "y": 2}]]])
    assert table["_kafka_rest"].to_pylist() == [left] if include else "_kafka_rest" not in table.column_names
    assert made.take_counters() == counted


def test_what_columns_do_not_hold_keeps_its_place() -> None:
    inner = record(("x", "int"), ("y", ["null", "int"]), name="P")
    tree = record(("l", {"type": "array", "items": {"type": "array", "items": inner}}), ("m", {"type": "map", "values": ["null", "P"]}),
                  ("o", ["null", "P"]))
    held = columns(("l", "STRUCT(x INTEGER)[][]"), ("m", "MAP(VARCHAR, STRUCT(x INTEGER))"), ("o", "STRUCT(x INTEGER)"))
    made = decoder(Source(tree), held, ["rest"])
    one = {"x": 1, "y": 2}
    table, bad = made.judge(batch(values(tree, [{"l": [[], [one, one], []], "m": {"k": None, "n": one}, "o": None},
                                                {"l": [], "m": {}, "o": one}, {"l": [], "m": {}, "o": None}])))
    assert bad == []
    assert table["_kafka_rest"].to_pylist() == ['{"l":[null,[{"y":2},{"y":2}]],"m":{"n":{"y":2}}}', '{"o":{"y":2}}', None]


def test_fields_without_a_column_are_json_text_where_the_source_keeps_the_rest() -> None:
    tree = record(
        ("id", "int"), ("s", "string"), ("b", "bytes"), ("d", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
        ("day", {"type": "int", "logicalType": "date"}), ("at", {"type": "long", "logicalType": "timestamp-micros"}),
        ("local", {"type": "long", "logicalType": "local-timestamp-millis"}), ("tod", {"type": "long", "logicalType": "time-micros"}),
        ("u", ["null", "int", record(("x", "double"), ("n", ["null", "int"]), name="P")]),
        ("m", {"type": "map", "values": {"type": "array", "items": "long"}}))
    body = (long(1) + long(1) + b'"' + long(2) + b"\xff\0" + long(2) + b"\xff\x85" + long(-1) + long(1_500_000) + long(0) + long(1)
            + long(2) + b"\0\0\0\0\0\0\xe0\x3f" + long(0) + long(1) + long(1) + b"k" + long(2) + long(2**60) + long(-1) + b"\0\0")
    made = decoder(Source(tree), columns(("id", "INTEGER")), ["rest"])
    table, bad = made.judge(batch([frame(body), None]))
    assert bad == []
    assert made.description == "exact: fields without a column become JSON text"
    text, none = table["_kafka_rest"].to_pylist()
    assert none is None
    assert text == ('{"s":"\\"","b":"/wA=","d":-1.23,"day":"1969-12-31","at":"1970-01-01T00:00:01.500000Z","local":"1970-01-01T00:00:00",'
                    f'"tod":"00:00:00.000001","u":{{"x":0.5,"n":null}},"m":{{"k":[{2**60},-1]}}}}')
    assert json.loads(text)["d"] == -1.23
    assert made.take_counters() == {}


def test_a_number_that_json_cannot_write_is_a_verdict_in_the_rest() -> None:
    made = decoder(Source(record(("id", "int"), ("x", "double"))), columns(("id", "INTEGER")), ["rest"])
    _, bad = made.judge(batch([frame(b"\2\0\0\0\0\0\0\xf8\x7f")]))
    assert [b.code for b in bad] == ["NUMBER_RANGE"]


def test_columns_of_paths_below_a_record_or_a_map() -> None:
    tree = record(("a", ["null", record(("x", "int"), ("b", record(("y", "string"), name="B")), name="A")]),
                  ("m", {"type": "map", "values": "int"}))
    made = decoder(Source(tree), columns(("y", "VARCHAR", "$.a.b.y"), ("whole", "JSON", "$.a"), ("k", "INTEGER", "$.m.k"),
                                         ("no", "INTEGER", "$.m.no.x")))
    table, bad = made.judge(batch(values(tree, [{"a": {"x": 1, "b": {"y": "deep"}}, "m": {"k": 7}}, {"a": None, "m": {}}])))
    assert bad == []
    assert rows(table, made) == [["deep", '{"x":1,"b":{"y":"deep"}}', 7, None], [None, None, None, None]]


def test_a_thousand_schemas_and_more_are_each_read() -> None:
    source = Source(*(record(("id", "int"), (f"f{i}", "int")) for i in range(1_100)))
    made = decoder(source, columns(("id", "INTEGER")))
    table, bad = made.judge(batch([frame(long(id) + b"\0", id) for id in range(1, 1_101)]))
    assert bad == []
    assert table["id"].to_pylist() == list(range(1, 1_101))
