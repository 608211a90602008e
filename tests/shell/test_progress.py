"""Progress comes after a second and leaves nothing behind."""

from __future__ import annotations

from io import StringIO

from kshell.shell.background import Notes
from kshell.shell.progress import Progress


def test_a_quick_statement_shows_none() -> None:
    screen = StringIO()
    progress = Progress(screen, lambda: 0.5)
    progress.start()
    progress.tick(0.9)
    progress.stop()
    assert screen.getvalue() == ""


def test_what_was_shown_is_cleared_before_rows_are_written() -> None:
    screen = StringIO()
    progress = Progress(screen, lambda: 0.5)
    progress.start()
    progress.tick(1.1)
    assert "50%" in screen.getvalue()
    progress.stop()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_after_the_first_row_it_is_silent() -> None:
    screen = StringIO()
    progress = Progress(screen, lambda: 0.5)
    progress.start()
    progress.stop()
    progress.tick(5.0)
    assert screen.getvalue() == ""


def test_switched_off_it_is_silent() -> None:
    screen = StringIO()
    progress = Progress(screen, lambda: 0.5, enabled=lambda: False)
    progress.start()
    progress.tick(5.0)
    assert screen.getvalue() == ""


def test_it_steps_aside_for_a_message_and_comes_back() -> None:
    screen = StringIO()
    progress = Progress(screen, lambda: 0.5)
    notes = Notes(lambda text: print(text, file=screen))
    notes.aside = progress.aside
    progress.start()
    progress.tick(1.1)
    notes.put("note: quack is served")
    assert screen.getvalue().endswith("\r\x1b[Knote: quack is served\n")
    progress.tick(1.2)
    assert "50%" in screen.getvalue().rpartition("\n")[2]
