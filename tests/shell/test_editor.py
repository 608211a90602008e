"""Keystrokes: what Enter, Escape, Tab, arrows and Ctrl-R do to the line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from kshell.session.status import Names, Status
from kshell.shell.background import Notes
from kshell.shell.completer import NameCache
from kshell.shell.editor import Editor
from kshell.shell.history import History
from kshell.shell.keys import submits
from kshell.shell.settings import Settings
from kshell.shell.toolbar import Toolbar
from tests.support.waiting import wait_until

ENTER, ESCAPE, TAB, UP, RIGHT, CTRL_C, CTRL_D, CTRL_R = "\r", "\x1b", "\t", "\x1b[A", "\x1b[C", "\x03", "\x04", "\x12"
Typing = Callable[..., str]


@pytest.fixture
def typing(tmp_path: Path) -> Iterator[Typing]:
    """`typing(keys, past=(...), then=(line, keys))` -> the text that was submitted; `then`: keys to press once the line reads so."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        def read(keys: str, past: tuple[str, ...] = (), editing_mode: str = "emacs", then: tuple[str, str] | None = None) -> str:
            history = History(tmp_path / "history")
            for entry in past:
                history.add(entry)
            cache = NameCache(Names)
            cache.names = Names(topics={"k": ("orders",)}, clusters=("k",), tables={"people": ("name",)})
            editor = Editor(Settings(), history, cache, Toolbar(Status), Notes(print), editing_mode=editing_mode)
            pipe.send_text(keys)
            if then is None:
                return editor.read()
            presses = threading.Thread(target=lambda: (wait_until(lambda: editor.line() == then[0]), pipe.send_text(then[1])))
            presses.start()
            submitted = editor.read()
            presses.join(10)                  # or it would press keys in the next test
            return submitted

        yield read


def test_a_final_semicolon_submits(typing: Typing) -> None:
    assert typing(f"SELECT 1;{ENTER}") == "SELECT 1;"


def test_a_semicolon_in_a_string_does_not(typing: Typing) -> None:
    assert typing(f"SELECT ';'{ENTER};{ENTER}") == "SELECT ';'\n;"


def test_a_statement_may_have_many_lines(typing: Typing) -> None:
    assert typing(f"SELECT{ENTER}1{ENTER};{ENTER}") == "SELECT\n1\n;"


def test_escape_enter_makes_a_line_of_a_finished_statement(typing: Typing) -> None:
    assert typing(f"SELECT 1;{ESCAPE}{ENTER}SELECT 2;{ENTER}") == "SELECT 1;\nSELECT 2;"


@pytest.mark.parametrize("line", [".mode csv", "\\dt", ".help", ""])
def test_a_dot_command_is_one_line(typing: Typing, line: str) -> None:
    assert typing(line + ENTER) == line


@pytest.mark.parametrize(("text", "expected"), [
    ("SELECT 1", False), ("SELECT 1;", True), ("SELECT 1; -- why", True), ("SELECT 1; SELECT", False), ("SELECT $$;", False),
    ("-- only words;", True), ("SELECT /* ; ", False), ("SELECT 1\n.5", False),
])
def test_enter_asks_the_tokenizer(text: str, expected: bool) -> None:
    assert submits(text) is expected


def test_a_paste_of_many_statements_comes_as_one_text(typing: Typing) -> None:
    assert typing(f"\x1b[200~SELECT 1;\nSELECT 2;\n\x1b[201~{ENTER}") == "SELECT 1;\nSELECT 2;\n"


def test_tab_completes(typing: Typing) -> None:
    assert typing(f"SELECT * FROM peo{TAB}", then=("SELECT * FROM people", f";{ENTER}")) == "SELECT * FROM people;"


def test_up_brings_the_last_statement_back_whole(typing: Typing) -> None:
    assert typing(UP + ENTER, past=("SELECT\n  1;",)) == "SELECT\n  1;"


def test_ctrl_r_finds_a_multi_line_statement(typing: Typing) -> None:
    assert typing(f"{CTRL_R}count{ENTER}{ENTER}", past=("SELECT\n  count(*);", "SELECT 2;")) == "SELECT\n  count(*);"


def test_a_submitted_secret_is_not_remembered(typing: Typing, tmp_path: Path) -> None:
    typing(f"CREATE SECRET p (TYPE kafka, SASL_PASSWORD 'x9');{ENTER}")
    assert not (tmp_path / "history").exists()


def test_ctrl_c_gives_the_line_up(typing: Typing) -> None:
    with pytest.raises(KeyboardInterrupt):
        typing(f"SELECT 1{CTRL_C}")


def test_ctrl_d_leaves_only_an_empty_line(typing: Typing) -> None:
    assert typing(f"SELECT 1{CTRL_D};{ENTER}") == "SELECT 1;"
    with pytest.raises(EOFError):
        typing(CTRL_D)


def test_vi_keys(typing: Typing) -> None:
    assert typing(f"SELECT 2;{ESCAPE}ddiSELECT 1;{ENTER}", editing_mode="vi") == "SELECT 1;"


def test_ctrl_x_ctrl_e_opens_the_editor_on_the_line(typing: Typing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/7/8/' \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    assert typing("SELECT 7;\x18\x05", then=("SELECT 8;", ENTER)) == "SELECT 8;"


def test_f4_changes_to_vi_keys(typing: Typing) -> None:
    assert typing(f"\x1bOSSELECT 2;{ESCAPE}ddiSELECT 1;{ENTER}") == "SELECT 1;"
