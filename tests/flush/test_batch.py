"""A commit moves positions over offsets that were read, and over nothing else."""

from __future__ import annotations

import pytest

from kshell.buffer import Range, Segment
from kshell.errors import InternalError
from kshell.flush.batch import take

P0, P1 = ("orders", 0), ("orders", 1)


def segment(number: int, ranges: dict[tuple[str, int], tuple[int, int]]) -> Segment:
    spans = {tp: Range(lo, hi, hi - lo) for tp, (lo, hi) in ranges.items()}
    return Segment(number, f"orders_{number}", (), 0.0, spans, sum(s.rows for s in spans.values()), 100, sealed=True)


def test_the_bounds_go_from_the_table_s_position_to_the_end_of_the_newest_segment() -> None:
    piece = take([segment(1, {P0: (0, 10)}), segment(2, {P0: (10, 14), P1: (0, 3)})], {P0: 4, P1: 0}, most_bytes=1000)
    assert piece is not None
    assert piece.bounds == {P0: (4, 14), P1: (0, 3)}


@pytest.mark.parametrize(("segments", "hole"), [
    ([{P0: (10, 12)}], "stands at 0, and the buffer holds it from 10 on"),
    ([{P0: (0, 4)}, {P0: (9, 12)}], "stands at 4, and the buffer holds it from 9 on")], ids=["before the first", "between two"])
def test_a_hole_between_the_table_and_the_segments_is_refused_and_no_range_is_widened(
        segments: list[dict[tuple[str, int], tuple[int, int]]], hole: str) -> None:
    with pytest.raises(InternalError, match=hole):
        take([segment(n, ranges) for n, ranges in enumerate(segments)], {}, most_bytes=1000)


def test_what_the_table_has_makes_no_hole() -> None:
    piece = take([segment(1, {P0: (0, 4)}), segment(2, {P0: (9, 12)})], {P0: 9}, most_bytes=1000)
    assert piece is not None
    assert piece.bounds == {P0: (9, 12)}
