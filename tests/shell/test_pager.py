"""The pager is asked only for what does not fit."""

from __future__ import annotations

import os
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

import pytest

from kshell.shell import pager
from kshell.shell.pager import PagedStream, PagerEndedError
from kshell.shell.say import wrapped


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> BytesIO:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "10")
    return BytesIO()


def paged(screen: BytesIO, program: str) -> PagedStream:
    return PagedStream(screen, ["sh", "-c", program], nullcontext)


@pytest.mark.parametrize("text", ["one line\n", "x" * 20 + "\n", "line\n" * 8, "漢" * 10 + "\n"])
def test_what_fits_goes_to_the_screen(screen: BytesIO, text: str, tmp_path: Path) -> None:
    stream = paged(screen, f"cat > {tmp_path}/pager")
    stream.write(text.encode())
    stream.finish()
    assert screen.getvalue() == text.encode()
    assert not (tmp_path / "pager").exists()


@pytest.mark.parametrize("text", ["x" * 21 + "\n", "line\n" * 9, "漢" * 11 + "\n"])
def test_what_is_taller_or_wider_goes_to_the_pager_whole(screen: BytesIO, text: str, tmp_path: Path) -> None:
    stream = paged(screen, f"cat > {tmp_path}/pager")
    for line in text.splitlines(keepends=True):
        stream.write(line.encode())
    stream.finish()
    assert (tmp_path / "pager").read_text() == text
    assert screen.getvalue() == b""


def test_a_reader_who_leaves_ends_the_output(screen: BytesIO) -> None:
    stream = paged(screen, "exit 0")

    def write_much() -> None:
        for _ in range(10_000):
            stream.write(b"x" * 1000 + b"\n")

    with pytest.raises(PagerEndedError):
        write_much()
    stream.finish()


@pytest.mark.parametrize(("environment", "program"), [
    ({"KSHELL_PAGER": "cat -A", "PAGER": "more"}, ["cat", "-A"]), ({"PAGER": "cat"}, ["cat"]), ({"KSHELL_PAGER": "no-such-pager"}, None),
])
def test_which_pager(environment: dict[str, str], program: list[str] | None) -> None:
    assert pager.command({**environment, "PATH": os.environ["PATH"]}) == program


def test_long_notes_break_between_words_and_excerpts_stay() -> None:
    text = "error: a message that is longer than the line\n  SELECT something_that_is_longer_than_it FROM t\nshort"
    assert wrapped(text, 30) == ("error: a message that is\n  longer than the line\n"
                                 "  SELECT something_that_is_longer_than_it FROM t\nshort")
    assert wrapped("12 rows in 0.034 s · live 1.2k · snapshot 4102", 40) == "12 rows in 0.034 s · live 1.2k\n  · snapshot 4102"
    assert wrapped(text, 0) == text


@pytest.mark.parametrize(("named", "words", "right"), [
    ("less", ["less", "-SRXF"], True), ("less -R", ["less", "-R"], False), ("less -RS", ["less", "-RS"], True), ("cat", ["cat"], False),
])
def test_a_pager_that_breaks_lines_gets_boxes_that_fit(named: str, words: list[str], right: bool) -> None:
    if not pager.command({"PAGER": named}):
        pytest.skip(f"{named} is not installed")
    assert pager.command({"PAGER": named}) == words
    assert pager.sideways(words) is right
