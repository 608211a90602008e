"""Pieces: bounded by records, bytes and partitions, and together all of what was asked, each once."""

from __future__ import annotations

import pytest

from kshell.session import error_rows
from kshell.session.error_rows import Asked, pieces


def asked(partitions: int, each: int, size: int = 10, *, landed: bool = False) -> list[Asked]:
    return [("t", p, o, size, landed) for p in range(partitions) for o in range(each)]


@pytest.mark.parametrize(("found", "sizes"), [
    ([], []), (asked(1, 4), [4]), (asked(1, 11), [5, 5, 1]), (asked(4, 2), [4, 4]), (asked(1, 3, 40), [2, 1]),
    (asked(1, 1, 1_000_000), [1]), (asked(1, 2) + asked(1, 3, landed=True), [3, 2]),
])
def test_a_piece_is_bounded_and_all_are_everything(found: list[Asked], sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("PIECE_ROWS", 5), ("PIECE_BYTES", 80), ("PIECE_PARTITIONS", 2)):
        monkeypatch.setattr(error_rows, name, most)
    made = list(pieces(found))
    assert [len(piece.places) for piece in made] == sizes
    assert sorted((*place, piece.landed) for piece in made for place in piece.places) == sorted((t, p, o, at) for t, p, o, _, at in found)
