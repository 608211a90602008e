"""Declared columns: the type a table can hold, and what is refused at CREATE."""

from __future__ import annotations

import pytest

from kshell.decode import declare, infer, make, paths
from kshell.errors import BadValueError, RefusedError, StatementError
from kshell.lang.statements import ColumnDefinition, Span
from tests.decode.support import batch, columns, json


@pytest.mark.parametrize(("declared", "stored"), [
    ("TINYINT", "INTEGER"), ("SMALLINT", "INTEGER"), ("UTINYINT", "INTEGER"), ("USMALLINT", "INTEGER"), ("int4", "INTEGER"),
    ("UINTEGER", "BIGINT"),
    ("long", "BIGINT"), ("UBIGINT", "DECIMAL(20,0)"), ("HUGEINT", "DECIMAL(38,0)"), ("UHUGEINT", "DECIMAL(38,0)"), ("real", "FLOAT"),
    ("DOUBLE", "DOUBLE"),
    ("NUMERIC(10,2)", "DECIMAL(10,2)"), ("DECIMAL", "DECIMAL(18,3)"), ("DATE", "DATE"), ("TIME", "TIME"), ("TEXT", "VARCHAR"), ("JSON",
    "VARCHAR"),
    ("ENUM('a', 'b')", "VARCHAR"), ("BIT", "VARCHAR"), ("INTERVAL", "VARCHAR"), ("bytea", "BLOB"), ("UUID", "UUID"), ("TIMESTAMP_S",
    "TIMESTAMP"),
    ("TIMESTAMP_MS", "TIMESTAMP"), ("TIMESTAMP_NS", "TIMESTAMP"), ("DATETIME", "TIMESTAMP"), ("TIMESTAMPTZ",
    "TIMESTAMP WITH TIME ZONE"), ("bool", "BOOLEAN"),
    ("INTEGER[]", "INTEGER[]"), ("TINYINT[3]", "INTEGER[]"), ("STRUCT(a TINYINT, \"B c\" JSON)", 'STRUCT(a INTEGER, "B c" VARCHAR)'),
    ("MAP(VARCHAR, UINTEGER)", "MAP(VARCHAR, BIGINT)"), ("UNION(num INTEGER, str VARCHAR)", "STRUCT(num INTEGER, str VARCHAR)"),
])
def test_a_declared_type_is_held_as_the_type_of_its_iceberg_column(declared: str, stored: str) -> None:
    (column,) = columns(("a", declared))
    assert column.type == stored
    assert column.declared == declared
    assert column.json_text is (declared == "JSON")


@pytest.mark.parametrize(("type_", "error", "says"), [
    ("TIME WITH TIME ZONE", RefusedError, "Column t: TIME WITH TIME ZONE has no Iceberg type."),
    ("VARIANT", RefusedError, "no Iceberg type"),
    ("BIGNUM", RefusedError, "no Iceberg type"), ("GEOMETRY", RefusedError, "no Iceberg type"),
    ("STRUCT(x TIMETZ)", RefusedError, "no Iceberg type"),
    ("STRUCT()", BadValueError, "not a type"), ("BIGIT", BadValueError, "not a type"), ("DECIMAL(40,2)", BadValueError, "not a type"),
    ("BIGINT" + "[]" * 33, RefusedError, "more than 32 levels"),
])
def test_a_type_without_a_table_is_refused_with_its_place(type_: str, error: type[StatementError], says: str) -> None:
    with pytest.raises(error, match=says.replace("(", r"\(").replace(")", r"\)")) as caught:
        declare([ColumnDefinition("t", type_, Span(7, 12))])
    assert caught.value.position == 7
    assert caught.value.hint


def test_thirty_two_levels_are_a_type() -> None:
    assert columns(("a", "BIGINT" + "[]" * 32))[0].type == "BIGINT" + "[]" * 32


@pytest.mark.parametrize("name", ["_file", "_DELETED", "_kafka_offset", "_tier"])
def test_a_reserved_name_is_refused_with_the_way_around(name: str) -> None:
    with pytest.raises(RefusedError, match="is reserved by") as caught:
        columns((name, "VARCHAR"))
    assert f"FROM '$.{name}'" in (caught.value.hint or "")
    assert columns(("file_name", "VARCHAR", f"$.{name}"))[0].source_path == (name,)


@pytest.mark.parametrize("definitions", [
    [("a", "BIGINT"), ("A", "BIGINT")], [("", "BIGINT")], [("a\n", "BIGINT")], [("x" * 256, "BIGINT")],
    [("a", "STRUCT(b BIGINT)"), ("a.b", "BIGINT")], [("x", "BIGINT[]"), ("x.element", "BIGINT")],
])
def test_names_that_no_table_takes_are_refused(definitions: list[tuple[str, str]]) -> None:
    with pytest.raises(StatementError) as caught:
        columns(*definitions)
    assert caught.value.hint


@pytest.mark.parametrize(("text", "keys"), [
    ("$.a", ("a",)), ("$.a.b.c", ("a", "b", "c")), ('$."a b"', ("a b",)), ('$."a.b".c', ("a.b", "c")), ('$."q\\"q"', ('q"q',)),
    ("$.größe", ("größe",)),
    ("$.a-b", ("a-b",)), ("$._file", ("_file",)), ('$."b\\\\s"', ("b\\s",)),
])
def test_a_path_is_keys_and_is_spelled_back(text: str, keys: tuple[str, ...]) -> None:
    assert paths.parse(text, "c") == keys
    assert paths.parse(paths.spell(keys), "c") == keys


@pytest.mark.parametrize("text", ["", "$", "a", "$.", "$.a.", "$.a[0]", "$.a[*]", "$..a", "$.a b", '$."a', "$.*", "$['a']"])
def test_other_paths_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadValueError, match="not a path of keys") as caught:
        columns(("c", "BIGINT", text))
    assert "$.a.b" in (caught.value.hint or "")


def test_a_field_named_beside_one_that_differs_by_case_is_read_from_its_own_key() -> None:
    """`B_1` is what `B` is called beside `b`, and what SHOW CREATE prints."""
    decoder = json(("s", "STRUCT(b BIGINT, B_1 BIGINT, a BIGINT, a_1 BIGINT)"))
    table, _ = decoder.judge(batch(['{"s":{"b":1,"B":2,"a":3,"a_1":4}}']))
    assert table["s"].to_pylist() == [{"b": 1, "B_1": 2, "a": 3, "a_1": 4}]


def test_a_declared_struct_reads_the_keys_that_inference_named_its_fields_after() -> None:
    record = '{"s":{"a":1,"A":2,"A_1":3,"a_2":4}}'
    found = infer(batch([record])).columns
    assert [c.type for c in found] == ["STRUCT(a BIGINT, A_1 BIGINT, A_1_1 BIGINT, a_2 BIGINT)"]
    for made in (make("json", "raw", found), make("json", "raw", columns(("s", found[0].type)))):
        assert made.judge(batch([record]))[0]["s"].to_pylist() == [{"a": 1, "A_1": 2, "A_1_1": 3, "a_2": 4}]
