"""Results: streams that are read once, spooled when the cursor is needed, and Python's values."""

from __future__ import annotations

import datetime
import gc
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.errors import BadValueError, RefusedError
from kshell.query import result as results
from kshell.query.result import Result
from tests.query.conftest import Desk


def test_rows_are_python_values_without_pytz(desk: Desk) -> None:
    desk.run("SET TimeZone = 'Asia/Kolkata'")
    row = desk.rows("""SELECT 1, 1.50::DECIMAL(5,2), TIMESTAMPTZ '2024-01-01 00:00:00+00', DATE '2024-01-01', 5::HUGEINT, MAP {'k': 1},
                       '0b1e6a3e-9f0b-4c1c-8f55-0f6a9d1f2a3b'::UUID, '101'::BIT, [1::HUGEINT], 'x'::BLOB, NULL, {'m': MAP {1: NULL}}""")[0]
    assert row[:2] == (1, Decimal("1.50"))
    assert row[2] == datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    assert row[2].utcoffset() == datetime.timedelta(hours=5, minutes=30)
    assert row[3:] == (datetime.date(2024, 1, 1), 5, {"k": 1}, uuid.UUID("0b1e6a3e-9f0b-4c1c-8f55-0f6a9d1f2a3b"), "101", [1], b"x", None,
                       {"m": {1: None}})


def test_a_value_python_cannot_hold_is_its_text(desk: Desk) -> None:
    assert desk.rows("SELECT 'infinity'::DATE, '2020-01-01 00:00:00.123456789'::TIMESTAMP_NS, DATE '0044-03-15 (BC)'") == [
        ("infinity", "2020-01-01 00:00:00.123456789", "0044-03-15 (BC)")]


def test_columns_carry_duckdbs_types(desk: Desk) -> None:
    columns = desk.run("SELECT 1 AS a, {'x': [1::UHUGEINT]} AS s").columns
    assert [(c.name, c.type) for c in columns] == [("a", "INTEGER"), ("s", "STRUCT(x UHUGEINT[])")]
    assert columns[1].shape.holds("uhugeint")


def test_a_query_streams(desk: Desk) -> None:
    result = desk.run("FROM range(2000000000)")
    assert next(result.batches()).num_rows > 0
    assert next(result) is not None
    result.close()
    assert desk.rows("SELECT 1") == [(1,)]


def test_a_half_read_result_keeps_its_rest_while_another_statement_runs(desk: Desk) -> None:
    first = desk.run("FROM range(50000)")
    taken = next(first.batches()).num_rows
    assert desk.rows("SELECT 7") == [(7,)]
    assert taken + sum(b.num_rows for b in first.batches()) == 50000


def test_a_rest_that_is_too_large_to_keep_is_an_error_and_never_a_short_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "SPOOL_BYTES", 200_000)
    first = desk.run("FROM range(500000)")
    next(first.batches())
    desk.run("SELECT 1")
    with pytest.raises(RefusedError, match="closed"):
        first.fetchall()


def test_what_the_rest_raises_is_for_its_reader_and_not_for_the_statement_that_wants_the_cursor(desk: Desk) -> None:
    first = desk.run("SELECT CASE WHEN range = 150000 THEN error('late') ELSE range END FROM range(200000)")
    next(first.batches())
    assert desk.rows("SELECT 7") == [(7,)]
    with pytest.raises(BadValueError, match="late"):
        first.fetchall()


def test_a_result_nobody_holds_is_not_kept(desk: Desk) -> None:
    desk.run("FROM range(2000000000)")
    gc.collect()
    assert desk.rows("SELECT 1") == [(1,)]


def test_an_error_in_the_middle_reaches_the_reader(desk: Desk) -> None:
    result = desk.run("SELECT CASE WHEN range = 150000 THEN error('late') ELSE range END FROM range(200000)")
    with pytest.raises(BadValueError, match="late"):
        result.fetchall()
    assert desk.rows("SELECT 1") == [(1,)]


def test_arrow_is_read_once_and_remembered(desk: Desk) -> None:
    result = desk.run("FROM range(3)")
    assert result.arrow().num_rows == 3
    assert result.arrow() is result.arrow()
    assert result.fetchall() == [(0,), (1,), (2,)]


def test_an_empty_result_has_its_types(desk: Desk) -> None:
    table = desk.run("SELECT 1::BIGINT AS a, 'x'::ENUM('x') AS e WHERE false").arrow()
    assert table.schema.field("a").type == pa.int64()
    assert table.num_rows == 0


def test_a_frame_library_that_is_missing_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install pandas"):
        desk.run("SELECT 1").df()
    with pytest.raises(ImportError, match="pip install polars"):
        desk.run("SELECT 1").pl()


def test_rows_made_in_python_have_the_types_they_are_given() -> None:
    made = Result.of_rows([("name", "VARCHAR"), ("at", "TIMESTAMP WITH TIME ZONE"), ("parts", "INTEGER[]"), ("n", "DECIMAL(10,2)")],
                          [("a", datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), [1, 2], Decimal("1.20")), (None, None, None, None)])
    assert made.kind == "rows"
    assert made.arrow().num_rows == 2
    assert Result.of_rows([("a", "BIGINT")], []).fetchall() == []


def test_a_note_is_one_row_for_python() -> None:
    assert Result.of_note("done").fetchall() == [("done",)]
    flushed = Result.of_note("flushed", [("sink", "VARCHAR"), ("rows", "BIGINT")], ("s", 3))
    assert (flushed.kind, flushed.note, flushed.fetchall()) == ("note", "flushed", [("s", 3)])


def test_closing_ends_a_stream_that_has_no_end() -> None:
    ended: list[str] = []

    def endless():  # type: ignore[no-untyped-def]
        try:
            while True:
                yield pa.RecordBatch.from_pydict({"v": ["x"]})
        finally:
            ended.append("stream")

    with Result.of_batches([("v", "VARCHAR")], endless(), on_close=lambda: ended.append("close")) as tail:
        assert next(tail) == ("x",)
    assert ended == ["stream", "close"]
    assert tail.fetchall() == []


def test_a_notebook_shows_the_first_rows_escaped_and_takes_none_away(desk: Desk) -> None:
    result = desk.run("SELECT i, '<b>' || i AS \"<i>\" FROM range(5000) t(i)")
    shown = result._repr_html_()
    assert shown.count("<tr>") == results.SHOWN_ROWS + 1
    assert "<td>&lt;b&gt;49</td>" in shown
    assert "&lt;i&gt;" in shown
    assert "<b>" not in shown
    assert f"<p>first {results.SHOWN_ROWS} rows</p>" in shown
    assert result._repr_html_() == shown
    assert len(result.fetchall()) == 5000


def test_a_notebook_shows_a_note_and_a_stream_without_waiting_for_rows(desk: Desk) -> None:
    assert Result.of_note("a < b")._repr_html_() == "<p>a &lt; b</p>\n"

    def never() -> Iterator[pa.RecordBatch]:
        raise AssertionError("a stream was read")
        yield

    assert "<th>a</th>" in Result.of_batches([("a", "INTEGER")], never())._repr_html_()


def test_a_result_is_drawn_and_stays_to_be_read(desk: Desk) -> None:
    result = desk.run("SELECT 'k' || i AS k, i AS n FROM range(1, 4) t(i)")
    made = result.chart("bar", "k", "n")
    assert [(p.x, p.y) for p in made.points] == [("k1", 1.0), ("k2", 2.0), ("k3", 3.0)]
    assert result.fetchall() == [("k1", 1), ("k2", 2), ("k3", 3)]
