"""One line of CSV becomes one row, field by field, as JSON reads a text."""

from __future__ import annotations

import csv as standard
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.decode import Decoder, infer, make
from kshell.decode.verdict import RECORD_BYTES, VALUE_BYTES
from kshell.errors import BadValueError, RefusedError
from tests.decode.support import Record, batch, columns


def csv(*definitions: tuple[Any, ...], **given: Any) -> Decoder:
    return make("csv", "raw", columns(*definitions), **given)


def rows(made: Decoder, *values: Record) -> tuple[list[list[Any]], dict[int, str]]:
    table, bad = made.judge(batch(values))
    names = [c.name for c in made.columns]
    return [[row[name] for name in names] for row in table.to_pylist()], {b.index: b.code for b in bad}


TEXTS = csv(("a", "VARCHAR"), ("b", "VARCHAR"))


@pytest.mark.parametrize(("line", "expected"), [
    ("x,y", ["x", "y"]), ("x,y\n", ["x", "y"]), ("x,y\r\n", ["x", "y"]), ("\ufeffx,y", ["x", "y"]),
    (",", [None, None]), ('"",', ["", None]), ('"a,b","c""d"', ["a,b", 'c"d']), ('"two\nlines",y', ["two\nlines", "y"]),
    (" x , y ", [" x ", " y "]), ('say "hi",y', ['say "hi"', "y"]), ("größe,\0", ["größe", "\0"]), ("null,NULL", ["null", "NULL"]),
    (None, [None, None]),
])
def test_a_record_is_split_into_its_fields(line: str | None, expected: list[str | None]) -> None:
    assert rows(TEXTS, line) == ([expected], {})


@pytest.mark.parametrize(("line", "code"), [
    ("x", "CSV_FIELDS"), ("", "CSV_FIELDS"), ("x,y,z", "CSV_FIELDS"), ("x,y,", "CSV_FIELDS"),
    ('"x,y', "CSV_SYNTAX"), ('"x"y,z', "CSV_SYNTAX"), ("x,y\nz,w", "CSV_SYNTAX"), ("x,y\n\n", "CSV_SYNTAX"), ("x,y\r", "CSV_SYNTAX"),
    (b"x,\xff", "UTF8_INVALID"), (b"x,\xed\xa0\x80", "UTF8_INVALID"), ("," * 1_100, "CSV_FIELDS"),
    ("x," + "y" * (VALUE_BYTES + 1), "VALUE_TOO_LARGE"), ("x," + "ä" * (VALUE_BYTES // 2 + 1), "VALUE_TOO_LARGE"),
    ("x," + "y" * RECORD_BYTES, "RECORD_TOO_LARGE"),
])
def test_a_record_that_is_no_line_of_so_many_fields_is_bad(line: Record, code: str) -> None:
    assert rows(TEXTS, "a,b", line, "c,d") == ([["a", "b"], ["c", "d"]], {1: code})


@pytest.mark.parametrize(("type_", "text", "expected"), [
    ("BIGINT", "-7", -7), ("INTEGER", " 7", 7), ("BIGINT", "1.7", "TYPE_MISFIT"), ("INTEGER", "3000000000", "NUMBER_RANGE"),
    ("DOUBLE", "1e3", 1000.0), ("DOUBLE", "1e400", "NUMBER_RANGE"), ("DECIMAL(6,2)", "19.99", Decimal("19.99")),
    ("DECIMAL(6,2)", "0.001", "DECIMAL_RANGE"),
    ("BOOLEAN", "TRUE", True), ("BOOLEAN", "1", "TYPE_MISFIT"), ("BIGINT", "x", "TYPE_MISFIT"), ("BIGINT", '""', "TYPE_MISFIT"),
    ("BIGINT", "", None),
    ("TIMESTAMPTZ", "2026-11-25T13:00:00+01:00", datetime(2026, 11, 25, 12, tzinfo=UTC)),
    ("TIMESTAMPTZ", "2026-11-25 13:00", "TYPE_MISFIT"),
    ("DATE", "0000-01-01", "DATE_RANGE"), ("UUID", "x", "UUID_INVALID"), ("BLOB", "/w==", b"\xff"),
])
def test_a_field_is_read_as_json_reads_a_text(type_: str, text: str, expected: Any) -> None:
    found, codes = rows(csv(("k", "VARCHAR"), ("v", type_)), f"k,{text}")
    assert found == ([] if codes else [["k", expected]])
    assert codes == ({0: expected} if codes else {})


def test_without_columns_all_are_text_as_many_as_the_longest_record_has() -> None:
    inferred = infer(batch(["1,2026-01-01", "a", '"bad', None, "x,y,z"]), "csv").columns
    assert [(c.name, c.type) for c in inferred] == [("column0", "VARCHAR"), ("column1", "VARCHAR"), ("column2", "VARCHAR")]
    assert infer(batch([None, '"bad']), "csv").columns == ()


def test_columns_may_name_their_positions() -> None:
    made = csv(("price", "DOUBLE", "$.column2"), ("column0", "VARCHAR", "$.column0"))
    assert rows(made, "a,b,1.5,more", "a,b") == ([[1.5, "a"]], {1: "CSV_FIELDS"})
    with pytest.raises(BadValueError) as caught:
        csv(("price", "DOUBLE", "$.cost"))
    assert caught.value.hint == "fields are '$.column0', '$.column1', ...; without FROM columns take them in order"


@pytest.mark.parametrize("type_", ["STRUCT(a INTEGER)", "INTEGER[]", "MAP(VARCHAR, INTEGER)", "JSON"])
def test_a_column_of_several_values_is_refused(type_: str) -> None:
    with pytest.raises(RefusedError, match="a field of CSV is one text"):
        csv(("v", type_))


def test_not_null_judges_the_record() -> None:
    made = csv(("a", "BIGINT", None, True))
    assert rows(made, "1", "", None) == ([[1]], {1: "TYPE_MISFIT", 2: "TYPE_MISFIT"})


def test_keys_and_metadata_are_those_of_every_format() -> None:
    made = make("csv", "string", columns(("a", "VARCHAR")), ("value",))
    table, bad = made.judge(batch(["x", "y"], keys=["k", b"\xff"]))
    assert table["_kafka_key"].to_pylist() == ["k"]
    assert table["_kafka_value"].to_pylist() == [b"x"]
    assert [b.code for b in bad] == ["UTF8_INVALID"]
    assert table.schema.names == [c.name for c in (*made.columns, *made.metadata)]
    assert isinstance(table, pa.Table)


@given(st.lists(st.one_of(st.none(), st.text(alphabet='ab",\n\r \0é', max_size=6)), min_size=2, max_size=2))
def test_what_is_quoted_reads_back(fields: list[str | None]) -> None:
    line = ",".join("" if f is None else '"' + f.replace('"', '""') + '"' for f in fields)
    assert rows(TEXTS, line) == ([fields], {})


@given(st.lists(st.one_of(st.binary(max_size=12), st.text(alphabet='a",\n\r', max_size=8)), max_size=6))
def test_any_bytes_are_a_row_or_a_verdict_whatever_stands_beside_them(values: list[Record]) -> None:
    together, codes = rows(TEXTS, *values)
    assert len(together) + len(codes) == len(values)
    assert [row for value in values for row in rows(TEXTS, value)[0]] == together


# ---- the corpus: records that are nearly lines -----------------------------------------------------------------

CORPUS = sorted((Path(__file__).parent / "corpus" / "csv").glob("*.json"))
STEPS = ['"', '""', ",", "\r", "\n", "\r\n", "x", "1", " ", "\0", "\ufeff", "é", ";", '",', ',"']


def reference(line: str) -> list[list[str]]:
    """The lines that Python's reader finds, to whom an empty field is an empty text."""
    return list(standard.reader(io.StringIO(line.removeprefix("\ufeff"), newline=""), strict=True))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_record_of_the_corpus_has_the_verdict_that_is_written_with_it(path: Path) -> None:
    held = json.loads(path.read_text())
    _, codes = rows(csv(*held["columns"].items()), held["record"])
    assert codes.get(0) == held["code"]


@settings(max_examples=200, deadline=None)
@given(path=st.sampled_from(CORPUS),
       edits=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.sampled_from(["", *STEPS])), max_size=4))
def test_what_lies_near_the_corpus_is_the_row_of_another_reader_or_a_verdict(path: Path, edits: list[tuple[int, int, str]]) -> None:
    line = json.loads(path.read_text())["record"]
    for at, width, text in edits:
        line = line[:at] + text + line[at + width:]
    (found, codes), neighbour = rows(TEXTS, line), "a,b"
    assert len(found) + len(codes) == 1
    if found:
        assert reference(line) == [[text or "" for text in found[0]]]
    beside, also = rows(TEXTS, neighbour, line, neighbour)
    assert (beside[1:-1], list(also.values())) == (found, list(codes.values()))
