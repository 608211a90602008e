"""Names of columns for the keys of a payload: what comes out, a table of Iceberg takes."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.columns import ICEBERG_RESERVED, quote
from kshell.decode import names
from kshell.decode.types import Type

BIGINT = Type("BIGINT")
STRUCT = Type("STRUCT", fields=(("b", BIGINT),))
LIST = Type("LIST", fields=(("element", STRUCT),))
MAP = Type("MAP", fields=(("key", Type("VARCHAR")), ("value", BIGINT)))


@pytest.mark.parametrize("name", ["id", "a.b", "http status", 'say "hi"', "select", "größe", "日本", "$ref", "_id", "a-b", "_kafka", "_"])
def test_a_name_stays_as_it_is(name: str) -> None:
    assert names.assign([name], [BIGINT]) == [name]


@pytest.mark.parametrize(("keys", "expected"), [
    (["id", "Id", "ID"], ["id", "Id_1", "ID_2"]),
    (["a_1", "a", "A"], ["a_1", "a", "A_2"]),
    (["", "_"], ["_", "__1"]),
    (["_file", "_FILE"], ["_file_1", "_FILE_2"]),
    (["_kafka_offset", "kafka_offset", "_tier"], ["kafka_offset", "kafka_offset_1", "_tier_1"]),
])
def test_what_is_taken_gets_the_next_free_suffix(keys: list[str], expected: list[str]) -> None:
    assert names.assign(keys, [BIGINT] * len(keys)) == expected


@pytest.mark.parametrize("name", sorted(ICEBERG_RESERVED | {"_tier", "_kafka_offset", "_KAFKA_X", "_Pos"}))
def test_reserved_names_are_known_in_any_case(name: str) -> None:
    assert names.reserved(name)
    assert not names.reserved(names.free(name, set()))


@pytest.mark.parametrize(("other", "type_", "name"), [
    ("a", STRUCT, "a.b"), ("x", LIST, "x.element"), ("x", LIST, "x.element.b"), ("m", MAP, "m.key"), ("m", MAP, "m.value")])
def test_a_name_that_spells_the_path_of_another_column_yields(other: str, type_: Type, name: str) -> None:
    assert names.assign([name, other], [BIGINT, type_]) == [f"{name}_1", other]
    assert names.assign([other, name], [type_, BIGINT]) == [other, f"{name}_1"]


@pytest.mark.parametrize(("key", "nameable"), [
    ("a\n", False), ("\x7f", False), ("\x85", False), ("x" * 255, True), ("x" * 256, False), ("ä" * 128, False), ("\u202e", True),
    ("", True)])
def test_control_characters_and_long_names_have_no_column(key: str, nameable: bool) -> None:
    assert names.nameable(key) is nameable


odd = st.sampled_from(["a", "A", "a_1", "", "_", "_file", "_kafka_x", "a.b", "ß", "\u1e9e", "\u0130", "i\u0307"])


@settings(max_examples=100, deadline=None)
@given(st.lists(odd | st.text(max_size=6), unique=True, max_size=12))
def test_duckdb_takes_every_set_of_names(keys: list[str]) -> None:
    keys = [k for k in keys if names.nameable(k)]
    assigned = names.assign(keys, [BIGINT] * len(keys))
    assert not any(names.reserved(n) for n in assigned)
    if assigned:
        duckdb.connect().execute(f"CREATE TABLE t ({', '.join(f'{quote(n)} BIGINT' for n in assigned)})")


@pytest.mark.parametrize(("name", "path", "by_rule"), [
    ("a", (), True), ("A_1", ("A",), True), ("_", ("",), True), ("kafka_x", ("_kafka_x",), True), ("_file_1", ("_file",), True),
    ("b", ("a",), False), ("a_b", ("a",), False), ("a", ("x", "a"), False)])
def test_a_name_that_the_rules_give_is_told_from_one_that_was_chosen(name: str, path: tuple[str, ...], by_rule: bool) -> None:
    assert names.named_by_rule(name, path) is by_rule


@pytest.mark.parametrize(("keys", "expected"), [
    (["a", "A", "A_1"], ["a", "A_1", "A_1_1"]),
    (["a", "A_1"], ["a", "A_1_1"]),
    (["a", "A_1", "A"], ["a", "A_1_1", "A_1"]),
    (["A_1", "a", "A"], ["A_1", "a", "A_2"]),
    (["x", "x_1", "b_2"], ["x", "x_1", "b_2"]),
    (["a.b", "a.b_1", "a"], ["a.b_1", "a.b_1_1", "a"]),
])
def test_the_names_of_a_struct_tell_their_keys_again(keys: list[str], expected: list[str]) -> None:
    types = [STRUCT if key == "a" else BIGINT for key in keys]
    assert names.assign(keys, types, top=False) == expected
    assert names.recall(expected, types) == keys


alike = st.sampled_from(["a", "A", "a_1", "A_1", "A_2", "A_1_1", "a.b", "A.b", "a.b_1", "a_01", "_1", "\u0130", "i\u0307"])


@settings(max_examples=200, deadline=None)
@given(st.lists(alike | st.text(min_size=1, max_size=4), unique=True, max_size=8), st.integers(0, 8))
def test_whatever_stands_in_a_struct_its_names_tell_the_keys_again_also_when_some_came_later(keys: list[str], first: int) -> None:
    types = [STRUCT if key == "a" else BIGINT for key in keys]
    begun = names.assign(keys[:first], types[:first], top=False)
    paths = [f"{name}.b" for name, type_ in zip(begun, types, strict=False) if type_ is STRUCT]
    later = names.assign(keys[first:], types[first:], [*begun, *paths], top=False)
    assert len({n.lower() for n in (*begun, *later)}) == len(keys)
    if not any("." in key for key in keys):   # a path may come after what spells it
        assert names.recall([*begun, *later], types) == keys
