"""What is wrong is told by name, with its place and what to type next; nothing crashes, hangs or leaves the session unusable."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kshell.cli import main
from kshell.errors import Error
from kshell.output._errors import Place, error_text
from kshell.output._width import width
from tests.support import wait_until
from tests.wrong.corpus import Entry, entries
from tests.wrong.stage import LIMIT_S, Stage

TYPED = [entry for entry in entries() if not entry.command]
COMMANDS = [entry for entry in entries() if entry.command]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("wrong")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        made = Stage(folder)
        yield made
        made.close()


def test_the_corpus_is_large() -> None:
    assert len(TYPED) + len(COMMANDS) >= 150
    assert len({entry.typed for entry in entries()}) == len(entries())


@pytest.mark.parametrize("entry", TYPED, ids=str)
def test_a_wrong_input_is_answered_and_the_session_goes_on(stage: Stage, entry: Entry, capfd: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    told = stage.walk(stage.filled(entry.typed))
    assert time.monotonic() - began < LIMIT_S
    assert capfd.readouterr().out.endswith('{"usable":42}\n')
    assert [error.code for error, _ in told.errors] == [entry.code], [error.message for error, _ in told.errors]
    error, place = told.errors[0]
    _require(entry, error, stage)
    assert error.exit == entry.exit
    _require_place(entry, error, place)


def _require(entry: Entry, error: Error, stage: Stage) -> None:
    assert stage.filled(entry.message) in error.message
    if entry.hint is None:
        assert error.hint is None
    else:
        assert stage.filled(entry.hint) in (error.hint or "")
    assert "Traceback" not in f"{error.message}{error.hint}"


def _require_place(entry: Entry, error: Error, place: Place) -> None:
    """The caret stands under the text that is named, in what people see."""
    statement = place.text[place.start:]
    under = None if error.position is None else statement[error.position:error.position + error.length]
    assert (under if under is None else under.rstrip(";\n")) == entry.at
    shown = error_text(error, place).splitlines()
    assert all(line.isprintable() for line in shown)
    carets = [number for number, line in enumerate(shown) if line.strip() and not line.strip("^ ")]
    if "PASSWORD" in entry.typed:
        assert not carets, "a line with a secret is not shown"
    elif entry.at:
        line, marks = shown[carets[0] - 1], shown[carets[0]]
        before = line[:line.index(entry.at.split("\n")[0][:20], marks.index("^") - line.count("日本語") * 3)]
        assert width(before) == marks.index("^")


@pytest.mark.parametrize("entry", COMMANDS, ids=str)
def test_a_wrong_command_line_ends_with_its_code(stage: Stage, entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                 capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("KSHELL_BOOTSTRAP_SERVERS", "KSHELL_PROFILE", "KSHELL_CONFIG", "KSHELL_DATA"):
        monkeypatch.delenv(name, raising=False)
    _write_files(tmp_path)
    began = time.monotonic()
    code = main(shlex.split(stage.filled(entry.typed))[1:])
    assert time.monotonic() - began < LIMIT_S
    said = capfd.readouterr().err
    assert code == entry.exit, said
    assert stage.filled(entry.message) in said
    assert (entry.hint is None) == ("hint: " not in said), said
    assert entry.hint is None or stage.filled(entry.hint) in said.partition("hint: ")[2]
    assert [line[:7] for line in said.splitlines()].count("error: ") == 1
    assert "Traceback" not in said


def _write_files(folder: Path) -> None:
    (folder / "latin1.sql").write_bytes("SELECT 'größe';".encode("latin-1"))
    (folder / "binary.sql").write_bytes(bytes(range(256)))
    (folder / "third.sql").write_text("SELECT 1;\n\nSELECT nope;\n")
    (folder / "open.sql").write_text("SELECT 1;\nSELECT 'never closed;\nSELECT 3;\n")


def test_no_thread_of_a_wrong_input_is_left(stage: Stage) -> None:
    """A statement that its clock ended may still be on its way out; none stays."""
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "kshell-statement"], 35)


def test_a_topic_that_may_not_be_read_says_which_right_is_missing(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    stage.broker.push_errors([29] * 20)           # TOPIC_AUTHORIZATION_FAILED
    try:
        (error, _), = stage.walk("SELECT count(*) FROM k.payments; SELECT count(*) FROM k.orders").errors[-1:]
    finally:
        stage.broker.push_errors([])
    assert (error.code, error.exit) == ("refused", 1)
    assert "Read on the topic" in str(error.hint)
    assert capfd.readouterr().out.endswith('{"usable":42}\n')


def test_a_skip_of_a_partition_that_is_not_there_leaves_the_sink_as_it_was(stage: Stage) -> None:
    stage.walk("ALTER SINK clicks_lake SKIP PARTITION 9 TO 5")
    assert stage.session.sql("SELECT state FROM kshell.sinks WHERE name = 'clicks_lake'").fetchall() == [("running",)]
