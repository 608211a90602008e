"""Rows that keep arriving, on screens of several widths."""

from __future__ import annotations

from io import BytesIO

import pyarrow as pa
import pytest

from kshell.output import OutColumn, Settings
from kshell.output._shape import Shape
from kshell.output._width import width
from kshell.shell.live import LiveTable

COLUMNS = [OutColumn("offset", "BIGINT", Shape("bigint")), OutColumn("timestamp", "VARCHAR", Shape("varchar")),
           OutColumn("key", "VARCHAR", Shape("varchar")), OutColumn("value", "VARCHAR", Shape("varchar"))]
INSTANT = "2026-11-25T13:00:00.123Z"


def shown(rows: list[tuple[int, str, str, str]], screen: int) -> list[str]:
    stream = BytesIO()
    batches = [pa.record_batch([pa.array(c) for c in zip(*[row], strict=True)], names=["a", "b", "c", "d"]) for row in rows]
    LiveTable(stream, COLUMNS, Settings(terminal=True, width=screen)).write(batches)
    return stream.getvalue().decode().splitlines()


@pytest.mark.parametrize("screen", [80, 120, 200])
def test_every_line_fits_and_the_last_column_has_the_rest_of_the_screen(screen: int) -> None:
    lines = shown([(1, INSTANT, "k", "x" * 500), (2, INSTANT, "k", "short")], screen)
    assert [width(line) for line in lines[1:3]] == [screen, screen]
    assert lines[2].endswith("x…")
    assert lines[3].endswith("  short")
    assert all(width(line) <= screen for line in lines)


def test_a_long_key_leaves_room_for_the_value_and_cuts_no_instant() -> None:
    lines = shown([(1, INSTANT, "k" * 300, "the value"), (2, INSTANT, "日本語" * 50, "another")], 80)
    assert all(INSTANT in line for line in lines[2:])
    assert lines[2].endswith("…  the value")
    assert lines[3].endswith("…   another"), "a wide character is not halved"
    assert [width(line) for line in lines[2:]] == [6 + 2 + 24 + 2 + 24 + 2 + len(value) for value in ("the value", "another")]


def test_a_value_wider_than_the_first_ones_is_cut_at_the_edge_of_the_screen_only() -> None:
    lines = shown([(1, INSTANT, "k", "a"), (2, INSTANT, "k", "y" * 60), (3, INSTANT, "k", "z" * 600)], 120)
    assert lines[3].endswith("y" * 60)
    assert width(lines[4]) == 120
