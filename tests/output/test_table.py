"""Boxes: straight, cut where the screen ends, head and tail of long results."""

from __future__ import annotations

import time
import unicodedata

import pytest

from kshell.output._width import cut, width
from kshell.output.table import draw
from tests.output.conftest import Render


def display_width(line: str) -> int:
    return sum(0 if unicodedata.category(c) in ("Cf", "Mn", "Me") else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def lines_of(render: Render, query: str, **settings: object) -> list[str]:
    return render("table", query, **settings).decode().splitlines()


def test_types_stand_in_the_header(render: Render) -> None:
    assert lines_of(render, "SELECT 1 AS a, 'x' AS b, NULL AS c") == [
        "┌─────────┬─────────┬─────────┐",
        "│    a    │    b    │    c    │",
        "│ integer │ varchar │ integer │",
        "├─────────┼─────────┼─────────┤",
        "│       1 │ x       │    NULL │",
        "└─────────┴─────────┴─────────┘"]


def test_box_is_the_table_without_types(render: Render) -> None:
    assert render("box", "SELECT 1 AS a").decode().splitlines() == ["┌───┐", "│ a │", "├───┤", "│ 1 │", "└───┘"]


@pytest.mark.parametrize("screen", [None, 20, 40, 100])
def test_every_line_has_the_same_width_and_fits_the_screen(render: Render, screen: int | None) -> None:
    query = """SELECT 'ascii' AS name, 1 AS n, repeat('漢字', 20) AS wide, 'e' || chr(769) AS combined, '한국어' AS k,
               repeat('x', 300) AS long, chr(8203) || chr(65313) || chr(65314) AS full_width FROM range(3)"""
    lines = lines_of(render, query, width=screen)
    assert len({display_width(line) for line in lines}) == 1
    assert screen is None or display_width(lines[0]) <= screen


def test_a_long_result_on_a_screen_shows_head_and_tail(render: Render) -> None:
    lines = lines_of(render, "FROM range(100)", maxrows=40)
    values = [line.strip("│ ") for line in lines[4:-2]]
    assert values == [*map(str, range(20)), "·", "·", "·", *map(str, range(80, 100))]
    assert lines[-1] == "100 rows, 40 shown (.last all)"


@pytest.mark.parametrize("rows", [0, 1, 39, 40])
def test_a_result_that_fits_is_whole(render: Render, rows: int) -> None:
    lines = lines_of(render, f"FROM range({rows})", maxrows=40)
    assert len([line for line in lines if line.strip("│ ").isdecimal()]) == rows
    assert "shown" not in lines[-1]


def test_into_a_pipe_every_row_is_there(render: Render) -> None:
    lines = lines_of(render, "FROM range(25000)")
    assert len([line for line in lines if line.strip("│ ").isdecimal()]) == 25000


def test_columns_that_do_not_fit_are_left_out_in_the_middle(render: Render) -> None:
    query = "SELECT " + ", ".join(f"{i} AS column_{i:02d}" for i in range(40))
    lines = lines_of(render, query, width=80)
    assert display_width(lines[0]) <= 80
    assert "…" in lines[1]
    assert "0" in lines[4]
    assert "39" in lines[4]


@pytest.mark.parametrize(("widths", "screen", "shrunk"), [
    ([10, 9, 9], 36, [8, 9, 9]), ([40, 7, 3], 40, [20, 7, 3]), ([9, 9], 10, [6, 6]),
    ([3, 20, 20, 20], 53, [3, 12, 12, 13]), ([5], 80, [5])])
def test_the_widest_columns_give_way_first_and_none_below_six(widths: list[int], screen: int, shrunk: list[int]) -> None:
    box = draw([], [tuple("x" * w for w in widths)], [False] * len(widths), screen)
    assert [len(cell) - 2 for cell in box.splitlines()[0].strip("┌┐").split("┬")] == shrunk


def test_a_box_of_three_thousand_columns_of_two_thousand_characters_takes_no_time() -> None:
    began = time.process_time()
    box = draw([], [("x" * 2000,) * 3000], [False] * 3000, 120)
    assert time.process_time() - began < 10
    assert len(box.splitlines()[0]) <= 120


def test_a_plan_is_shown_as_it_is_drawn(render: Render) -> None:
    assert render("table", "EXPLAIN SELECT 1", plan=True).decode().startswith("┌──")


def test_cut_counts_columns_not_characters() -> None:
    assert cut("漢字漢字", 5) == "漢字…"
    assert width(cut("漢字漢字", 4)) <= 4
    assert cut("abc", 3) == "abc"
