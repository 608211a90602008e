"""Frames of `.watch`: what changed is marked, one number has its course, and what stood above stays."""

from __future__ import annotations

from io import BytesIO

import pyarrow as pa
import pytest

from kshell.output import OutColumn
from kshell.query.result import Result
from kshell.shell import frames


def columns() -> tuple[OutColumn, ...]:
    return Result.of_rows([("name", "VARCHAR"), ("n", "BIGINT")], []).columns


def drawn(screen: frames.Screen, out: BytesIO, *rows: tuple[str, int]) -> str:
    """What one more frame writes."""
    before = len(out.getvalue())
    screen.draw(columns(), pa.table({"name": [r[0] for r in rows], "n": pa.array([r[1] for r in rows], pa.int64())}), "2 rows")
    return out.getvalue()[before:].decode()


def test_changed_cells_are_marked_and_no_others() -> None:
    out = BytesIO()
    screen = frames.Screen(out, diff=True)
    assert "\x1b[7m" not in drawn(screen, out, ("a", 1), ("b", 2)), "nothing has changed before the second frame"
    second = drawn(screen, out, ("a", 1), ("b", 3))
    assert second.count("\x1b[7m") == second.count("\x1b[27m") == 1
    assert second.partition("\x1b[7m")[2].partition("\x1b[27m")[0].strip() == "3"
    assert "\x1b[7m" not in drawn(screen, out, ("a", 1), ("b", 3))


def test_without_diff_nothing_is_marked() -> None:
    out = BytesIO()
    screen = frames.Screen(out, diff=False)
    drawn(screen, out, ("a", 1))
    assert "\x1b[7m" not in drawn(screen, out, ("a", 2))


def test_a_frame_covers_the_one_before_and_nothing_above_it() -> None:
    out = BytesIO()
    screen = frames.Screen(out, diff=False)
    first = drawn(screen, out, ("a", 1), ("b", 2))
    assert "\x1b[" not in first.replace("\x1b[K", "").replace("\x1b[J", "")
    assert drawn(screen, out, ("a", 1)).startswith(f"\x1b[{first.count(chr(10))}A")


@pytest.mark.parametrize(("values", "line"), [([1, 1], "▁▁"), ([0, 7], "▁█"), ([0, 3.5, 7], "▁▅█"), ([-7, 0], "▁█")])
def test_a_sparkline_runs_from_the_lowest_to_the_highest(values: list[float], line: str) -> None:
    assert frames.sparkline(values) == line


def test_one_number_has_its_course_beside_the_footer() -> None:
    out = BytesIO()
    screen = frames.Screen(out, diff=False)
    for value in (1, 2, 3):
        screen.draw(columns()[1:], pa.table({"n": [value]}), "1 row")
    assert out.getvalue().decode().rstrip("\n\x1b[J").endswith("1 row  ▁▅█")
