"""Types that two schemas give for one field: merged as Iceberg promotes, or a misfit."""

from __future__ import annotations

import pytest

from kshell.columns import Column
from kshell.decode.schema_types import inferred, merge, merged, proposal, struct
from kshell.decode.types import JSON_TEXT, Type, of

INTEGER, BIGINT, VARCHAR = Type("INTEGER"), Type("BIGINT"), Type("VARCHAR")


@pytest.mark.parametrize(("have", "want", "both"), [
    ("INTEGER", "BIGINT", "BIGINT"), ("BIGINT", "INTEGER", "BIGINT"), ("FLOAT", "DOUBLE", "DOUBLE"), ("DOUBLE", "FLOAT", "DOUBLE"),
    ("DECIMAL(10,2)", "DECIMAL(12,2)", "DECIMAL(12,2)"), ("DECIMAL(12,2)", "DECIMAL(10,2)", "DECIMAL(12,2)"),
    ("DECIMAL(10,2)", "DECIMAL(12,3)", None), ("INTEGER", "DOUBLE", None), ("INTEGER", "VARCHAR", None), ("BIGINT", "DECIMAL(20,0)", None),
    ("INTEGER[]", "BIGINT[]", "BIGINT[]"), ("INTEGER[]", "VARCHAR[]", None), ("INTEGER[]", "INTEGER", None),
    ("MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, BIGINT)", "MAP(VARCHAR, BIGINT)"), ("MAP(INTEGER, INTEGER)", "MAP(BIGINT, INTEGER)", None),
    ("STRUCT(a INTEGER)", "STRUCT(b VARCHAR, a BIGINT)", "STRUCT(a BIGINT, b VARCHAR)"),
    ("STRUCT(a INTEGER)[]", "STRUCT(a INTEGER, b DATE)[]", "STRUCT(a INTEGER, b DATE)[]"),
    ("STRUCT(a INTEGER)", "STRUCT(a VARCHAR)", None), ("JSON", "STRUCT(a INTEGER)", "VARCHAR"),
])
def test_two_types_merge_into_the_one_that_holds_both(have: str, want: str, both: str | None) -> None:
    assert merge(have, want) == both


def test_a_field_is_found_by_its_key_in_the_payload_not_by_its_name() -> None:
    have = Type("STRUCT", fields=(("a", INTEGER), ("A_1", INTEGER)), keys=("a", "A"))
    both = merged(have, Type("STRUCT", fields=(("A", BIGINT), ("b", VARCHAR))))
    assert both == Type("STRUCT", fields=(("a", INTEGER), ("A_1", BIGINT), ("b", VARCHAR)), keys=("a", "A", "b"))


def test_a_schema_proposes_what_the_columns_lack_and_what_must_be_promoted() -> None:
    columns = (Column("id", "INTEGER"), Column("a", "VARCHAR"), Column("kept", "DATE"))
    wanted = proposal(columns, [("id", BIGINT), ("A", VARCHAR), ("a", VARCHAR), ("kept", VARCHAR)])
    assert wanted == (Column("id", "BIGINT"), Column("A_1", "VARCHAR", ("A",)))


def test_nothing_is_proposed_for_fields_that_fit() -> None:
    assert proposal((Column("id", "BIGINT"), Column("any", "VARCHAR", json_text=True)), [("id", INTEGER), ("any", BIGINT)]) == ()


def test_a_struct_with_a_renamed_field_is_not_proposed_again() -> None:
    """Each struct in it, however it came about, is the same type."""
    inner = struct([("a", INTEGER), ("A", INTEGER), ("s", Type("STRUCT", fields=(("x", INTEGER),)))])
    assert inner is not None
    wanted = proposal((), [("s", inner)])
    assert [c.renames for c in wanted] == [((("A",), "A_1"),)]
    assert of(wanted[0]) == inner
    assert proposal(wanted, [("s", inner)]) == ()


def test_an_added_nested_field_proposes_the_whole_struct_with_its_keys() -> None:
    inner = struct([("a", INTEGER), ("A", JSON_TEXT)])
    assert inner is not None
    wanted = proposal((Column("s", "STRUCT(a INTEGER)"),), [("s", inner)])
    assert [c.type for c in wanted] == ["STRUCT(a INTEGER, A_1 VARCHAR)"]
    assert of(wanted[0]) == inner


def test_fields_that_can_have_no_name_have_no_column() -> None:
    found = inferred([("a\x01", INTEGER), ("ok", INTEGER), ("_file", INTEGER)])
    assert [(c.name, c.source_path) for c in found.columns] == [("ok", ("ok",)), ("_file_1", ("_file",))]
    assert found.notices == ["1 field(s) have no column: their names have control characters or over 255 bytes",
                             'field "_file" is column "_file_1"']
    assert struct([("a\x01", INTEGER)]) is None


def test_a_schema_gives_at_most_a_thousand_columns() -> None:
    found = inferred([(f"f{i}", INTEGER) for i in range(1_200)])
    assert len(found.columns) == 1_000
    assert "1,000 of 1,200" in found.notices[0]
