"""Charts: what is drawn is what the rows hold, and no value of a row becomes markup or a control sequence."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kshell.errors import BadValueError, LimitError, NotFoundError, UsageError
from kshell.output import _chart
from kshell.output._chart import Chart
from kshell.output._plot import whole_ticks
from kshell.output._shape import OutColumn, Shape

EVIL = "</script><script>alert(1)</script>\x1b[31m"


def chart(kind: str, rows: list[tuple[Any, ...]], x: str = "VARCHAR", by: bool = False) -> Chart:
    names = ["x.y", "n", "b"][:3 if by else 2]
    columns = [OutColumn(name, type_, Shape(type_.lower())) for name, type_ in zip(names, [x, "DOUBLE", "VARCHAR"], strict=False)]
    batch = pa.RecordBatch.from_arrays([pa.array(values) for values in zip(*rows, strict=True)], names=names)
    return _chart.make(columns, [batch], kind, *names)


@pytest.mark.parametrize("kind", ["line", "area", "point"])
def test_a_curve_fits_the_screen_and_names_its_ends(kind: str) -> None:
    drawn = chart(kind, [(f"k{n}", float(n)) for n in range(30)]).text(60, 15)
    lines = drawn.split("\n")
    assert len(lines) <= 15
    assert max(map(len, lines)) <= 60
    assert "k0" in drawn
    assert "k29" in drawn
    assert "29.0" in drawn


def test_series_are_told_apart_without_colour() -> None:
    drawn = chart("line", [("a", 1.0, "de"), ("b", 2.0, "de"), ("a", 3.0, "fr"), ("b", 1.0, "fr")], by=True).text(60, 15)
    assert "●● de" in drawn
    assert "▲▲ fr" in drawn
    assert "\x1b" not in drawn


def test_bars_of_several_series_stand_side_by_side() -> None:
    drawn = chart("bar", [("a", 1.0, "de"), ("b", 2.0, "fr")], by=True).text(60, 15)
    assert "de" in drawn
    assert "fr" in drawn
    assert "●" in drawn
    assert "▲" in drawn


@pytest.mark.parametrize("kind", _chart.KINDS)
def test_no_control_sequence_of_a_value_reaches_the_screen(kind: str) -> None:
    assert "\x1b" not in chart(kind, [(EVIL, 1.0), ("b", 2.0)]).text(70, 12)
    assert "\x1b" not in chart(kind, [("a", 1.0, EVIL), ("b", 2.0, "c")], by=True).text(70, 12)


def test_instants_keep_their_distance_and_are_utc() -> None:
    made = chart("line", [(datetime(2026, 11, 25, hour, tzinfo=UTC), float(hour)) for hour in (0, 1, 23)], "TIMESTAMP WITH TIME ZONE")
    assert made.spec()["data"]["values"][2] == {"x": "2026-11-25T23:00:00Z", "y": 23.0}
    assert made.spec()["encoding"]["x"]["scale"] == {"type": "utc"}
    assert "2026-11-25 23:00:00" in made.text(80, 12)


def test_a_row_without_a_number_is_left_out_and_counted() -> None:
    made = chart("line", [("a", 1.0), ("b", None), ("c", float("nan")), (None, 4.0)])
    assert [(p.x, p.y) for p in made.points] == [("a", 1.0), ("NULL", 4.0)]
    assert made.left_out == 2


def test_nothing_to_draw_draws_nothing() -> None:
    for kind in _chart.KINDS:
        assert chart(kind, [(None, None)], "DOUBLE").text() == ""


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(BadValueError, match="no chart pie"):
        chart("pie", [("a", 1.0)])
    with pytest.raises(BadValueError, match="not a number"):
        _chart.make([OutColumn("a", "VARCHAR")], [pa.RecordBatch.from_arrays([pa.array(["a"])], names=["a"])], "bar", "a", "a")
    with pytest.raises(LimitError, match="50000 rows"):
        chart("bar", [("a", 1.0)] * (_chart.MOST_POINTS + 1))
    with pytest.raises(NotFoundError, match="no column z"):
        _chart.make([OutColumn("a", "INTEGER")], [], "bar", "z", "a")


def test_a_column_name_is_no_path_into_an_object() -> None:
    x = chart("bar", [("a", 1.0)]).spec()["encoding"]["x"]
    assert (x["field"], x["title"]) == ("x", "x.y")


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG\r\n"), ("svg", b"<svg "), ("json", b"{")])
def test_a_file_is_what_its_name_says(kind: str, begins: bytes, tmp_path: Path) -> None:
    target = tmp_path / f"c.{kind}"
    chart("bar", [("a", 1.0, "s"), ("b", 3.0, "t")], by=True).save(target)
    assert target.read_bytes().startswith(begins)


def test_a_page_fetches_nothing_and_no_value_ends_its_script(tmp_path: Path) -> None:
    target = tmp_path / "c.html"
    chart("bar", [(EVIL, 1.0)]).save(target)
    page = target.read_text()
    assert "<script src=" not in page
    assert "</script><script>alert" not in page
    assert "\\u003c/script>\\u003cscript>alert(1)" in page


def test_no_value_is_markup_in_a_picture(tmp_path: Path) -> None:
    target = tmp_path / "c.svg"
    chart("bar", [(EVIL, 1.0)]).save(target)
    assert "<script" not in target.read_text()


def test_an_unknown_ending_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as raised:
        chart("bar", [("a", 1.0)]).save("c.gif")
    assert raised.value.hint == "end the name in .png, .svg, .html, .json"


def test_a_notebook_is_offered_vega_lite_a_picture_and_a_sentence() -> None:
    made = chart("bar", [("a", 1.0)])
    shown = made._repr_mimebundle_()
    assert shown["application/vnd.vegalite.v5+json"] == made.spec()
    assert shown["image/svg+xml"].startswith("<svg ")
    assert shown["text/plain"] == "bar chart of n by x.y, 1 points"
    json.dumps(shown)


def test_without_the_extra_one_line_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "plotext", None)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    made = chart("line", [("a", 1.0)])
    for draw in (made.text, lambda: made.save(tmp_path / "c.png")):
        with pytest.raises(UsageError) as raised:
            draw()
        assert "pip install 'kshell[chart]'" in str(raised.value.hint)
    assert chart("bar", [("a", 1.0)]).text()
    assert set(made._repr_mimebundle_()) == {"application/vnd.vegalite.v5+json", "text/plain"}


@pytest.mark.parametrize(("low", "high", "marks"), [
    (0, 1, [0, 1]), (1, 1, [1]), (0, 3, [0, 1, 2, 3]), (-3, 4, [-2, 0, 2, 4]), (0, 29, [0, 5, 10, 15, 20, 25]), (3, 8, [3, 4, 5, 6, 7, 8]),
    (12345, 12347, [12345, 12346, 12347]), (5, 1_000_000, [200_000, 400_000, 600_000, 800_000, 1_000_000])])
def test_marks_of_an_axis_that_counts_are_whole_and_few(low: int, high: int, marks: list[int]) -> None:
    assert whole_ticks(low, high) == marks


@pytest.mark.parametrize("kind", ["line", "area", "point", "bar"])
@pytest.mark.parametrize("counts", [[1, 2, 1], [0, 1, 0], [1, 1, 1], [3, 40, 7]])
def test_a_count_has_no_half_marks_on_the_screen(kind: str, counts: list[int]) -> None:
    rows = [(place, count, "all") for place, count in enumerate(counts)]
    columns = [OutColumn(name, type_, Shape(type_.lower())) for name, type_ in (("x", "BIGINT"), ("n", "BIGINT"), ("b", "VARCHAR"))]
    batch = pa.RecordBatch.from_arrays([pa.array(values) for values in zip(*rows, strict=True)], names=["x", "n", "b"])
    drawn = _chart.make(columns, [batch], kind, "x", "n", "b").text(60, 15)
    assert not re.search(r"\d\.\d", drawn)
    assert str(max(counts)) in re.findall(r"\d+", drawn)


def test_a_measure_keeps_its_fractions_and_a_file_of_counts_has_whole_marks() -> None:
    columns = [OutColumn(name, type_, Shape(type_.lower())) for name, type_ in (("x", "INTEGER"), ("n", "BIGINT"), ("m", "DOUBLE"))]
    batch = pa.RecordBatch.from_pydict({"x": pa.array([0, 1], pa.int32()), "n": pa.array([1, 2]), "m": pa.array([0.5, 1.25])})
    assert "1.25" in _chart.make(columns, [batch], "line", "x", "m").text(60, 15)
    assert all(axis["axis"] == {"tickMinStep": 1} for axis in _chart.make(columns, [batch], "line", "x", "n").spec()["encoding"].values())
    encoding = _chart.make(columns, [batch], "line", "x", "m").spec()["encoding"]
    assert ("axis" in encoding["x"], "axis" in encoding["y"]) == (True, False)
