"""Columns from a sample: the unification of types, the order, and that the sample fits what comes out of it."""

from __future__ import annotations

import json as stdlib
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.columns import Column
from kshell.decode import Inference, declare, infer, make
from kshell.lang.statements import ColumnDefinition, Span
from tests.decode.support import Both, batch


def inferred(*records: str | bytes | None) -> Inference:
    return infer(batch(list(records)))


def types(*values: str) -> str | None:
    """The type of field `a` that stood with each of the values."""
    columns = inferred(*(f'{{"a":{v}}}' for v in values)).columns
    return shown(columns[0]) if columns else None


def shown(column: Column) -> str:
    return "JSON" if column.json_text else column.declared or column.type


@pytest.mark.parametrize(("values", "expected"), [
    (["1"], "BIGINT"), (["1.0"], "DOUBLE"), (["1e3"], "DOUBLE"), (["9223372036854775808"], "DECIMAL(38,0)"),
    (["-9223372036854775808"], "BIGINT"),
    (["true"], "BOOLEAN"), (['"x"'], "VARCHAR"), (['"2024-01-01"', '"12"'], "VARCHAR"), (["1", "2.5"], "DOUBLE"), (["1",
    "18446744073709551615"], "DECIMAL(38,0)"),
    (["18446744073709551616", "0.5"], "DOUBLE"), (["1" * 39], "JSON"), (["null", "1", "null"], "BIGINT"), (["{}", "1"], "BIGINT"),
    (["[]", '"x"'], "VARCHAR"),
    (["null"], None), (["{}"], None), (["[]"], None), (["[[]]"], None), (['{"b":null}'], None), (["[null]"], None), (["[{}]"], None),
    (["1", '"x"'], "JSON"), (["1", "true"], "JSON"), (['{"b":1}', "[1]"], "JSON"), (['{"b":1}', "1"], "JSON"), (["true", '"true"'], "JSON"),
    (["[1,2]"], "BIGINT[]"), (["[1,2.5,null]"], "DOUBLE[]"), (['[1,"x"]'], "JSON"), (["[1]", '["x"]'], "JSON"), (["[]", "[1]"], "BIGINT[]"),
    (["[[1],[]]"], "BIGINT[][]"), (['[[1,"x"]]'], "JSON[]"),
    (['{"b":1}', '{"c":"x"}'], "STRUCT(b BIGINT, c VARCHAR)"), (['{"b":1}', "null", '{"b":2.5}'], "STRUCT(b DOUBLE)"),
    (['{"b":{"c":true}}'], "STRUCT(b STRUCT(c BOOLEAN))"),
    (['[{"b":1},{"c":[1]}]'], "STRUCT(b BIGINT, c BIGINT[])[]"), (['{"b":1,"e":{},"n":null}'], "STRUCT(b BIGINT)"),
    (['{"b":1}', '{"b":"x"}'], 'STRUCT("b" JSON)'),
])
def test_values_at_one_path_have_one_type(values: list[str], expected: str | None) -> None:
    assert types(*values) == expected
    assert types(*values[::-1]) == expected or "STRUCT" in (expected or "")


def test_columns_stand_in_the_order_of_first_appearance() -> None:
    assert [c.name for c in inferred('{"b":1,"a":2}', '{"c":1,"a":2}', '{"A":1}').columns] == ["b", "a", "c", "A_1"]


def test_names_keep_their_key_as_path_and_say_so_once() -> None:
    inference = inferred('{"id":1,"Id":"x","_file":"f","":5,"a":{"b":1},"a.b":2}')
    assert [(c.name, c.path) for c in inference.columns] == [
        ("id", ()), ("Id_1", ("Id",)), ("_file_1", ("_file",)), ("_", ("",)), ("a", ()), ("a.b_1", ("a.b",))]
    assert len(inference.notices) == 4


def test_struct_fields_that_differ_in_case_are_renamed_and_read(cursor: duckdb.DuckDBPyConnection) -> None:
    record = '{"p":{"x":1,"X":"u","l":[{"y":1,"Y":2}]}}'
    (column,) = inferred(record).columns
    assert column.type == "STRUCT(x BIGINT, X_1 VARCHAR, l STRUCT(y BIGINT, Y_1 BIGINT)[])"
    assert column.renames == ((("X",), "X_1"), (("l", "Y"), "Y_1"))
    both = Both(cursor, make("json", "raw", (column,)), batch([record]))
    assert both.fast[0][0] == {"x": 1, "X_1": "u", "l": [{"y": 1, "Y_1": 2}]} == both.exact[0][0]


def test_bad_records_and_tombstones_decide_nothing() -> None:
    assert inferred("{broken", None, "[1]", "5", b"\xff", '{"a":1}').columns == (Column("a", "BIGINT"),)
    assert inferred("{broken").columns == ()


def test_a_map_in_disguise_is_json_text() -> None:
    record = stdlib.dumps({"m": {f"sensor{i}": i for i in range(201)}, "ok": {f"k{i}": i for i in range(200)}})
    columns = inferred(record).columns
    assert [c.json_text for c in columns] == [True, False]


@pytest.mark.fault("F31")
def test_below_the_thirty_second_level_is_json_text() -> None:
    deep = types("[" * 32 + "1" + "]" * 32)
    assert deep == "BIGINT" + "[]" * 32
    assert types("[" * 33 + "1" + "]" * 33) == "JSON" + "[]" * 31


def test_at_most_a_thousand_columns_and_a_notice() -> None:
    inference = inferred(stdlib.dumps({f"k{i}": i for i in range(1_500)}))
    assert len(inference.columns) == 1_000
    assert any("first 1,000 of 1,500" in n for n in inference.notices)


def test_a_double_that_rounds_integers_says_so() -> None:
    assert any("2^53" in n for n in inferred('{"a":9007199254740993}', '{"a":0.5}').notices)
    assert inferred('{"a":5}', '{"a":0.5}').notices == []


def test_control_characters_in_a_name_have_no_column_and_a_notice() -> None:
    inference = inferred('{"a\\n":1,"b":2}')
    assert [c.name for c in inference.columns] == ["b"]
    assert len(inference.notices) == 1


def test_plain_formats_have_their_column() -> None:
    assert infer(batch(["x"]), "string").columns == (Column("value", "VARCHAR"),)
    assert infer(batch(["x"]), "raw").columns == (Column("value", "BLOB"),)


finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-2**40, 2**65), finite, st.text(max_size=3))
inner_keys = st.sampled_from(["a", "A", "b", "", "_file", "a.b"])
objects = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner_keys, inner, max_size=3), max_leaves=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "A", "b", "c", "a.b", "_pos"]), objects, max_size=4), min_size=1, max_size=6))
def test_every_record_of_the_sample_fits_its_columns(cursor: duckdb.DuckDBPyConnection, sample: list[Any]) -> None:
    records = [stdlib.dumps(r) for r in sample]
    inference = inferred(*records)
    both = Both(cursor, make("json", "raw", inference.columns), batch(list(records)))
    assert both.bad == []
    assert all(row == both.exact[i] for i, row in both.fast.items())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), objects, max_size=3), min_size=1, max_size=4))
def test_the_columns_as_a_script_would_declare_them_are_the_same_columns(sample: list[Any]) -> None:
    columns = inferred(*map(stdlib.dumps, sample)).columns
    again = declare([ColumnDefinition(c.name, shown(c), Span(0, 0)) for c in columns])
    assert [(c.name, c.type, c.json_text) for c in again] == [(c.name, c.type, c.json_text) for c in columns]
