"""The shell on a real terminal: the first prompt, many lines, Ctrl-C, Ctrl-D, Tab, the pager, notes above the line."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support.terminal import spawn as spawn_terminal

REPOSITORY = Path(__file__).parents[2]
Start = Callable[..., "pexpect.spawn[str]"]
PROMPT, MORE = "kshell>", "...>"           # the blank behind them is a move of the cursor
LONG_QUERY = "SELECT count(*) FROM range(3000000) a, range(3000000) b WHERE (a.range * b.range) % 7 = 3;"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(what)` -> the program of tests.shell.program on a terminal of 24 lines of 100 columns, at its first prompt."""
    running: list[pexpect.spawn[str]] = []

    def spawn(what: str = "", **environment: str) -> pexpect.spawn[str]:
        known = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm", "LANG": "C.UTF-8", "PROMPT_TOOLKIT_NO_CPR": "1",
                 "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "KSHELL_PAGER": "cat"}
        child = spawn_terminal(sys.executable, ["-m", "tests.shell.program", what], cwd=str(REPOSITORY), env={**known, **environment},
                              dimensions=(24, 100), timeout=30)
        running.append(child)
        child.expect_exact(PROMPT)
        return child

    yield spawn
    for child in running:
        child.close(force=True)


def run(child: pexpect.spawn[str], text: str, answer: str) -> None:
    """Type a text; wait for its answer and for the prompt after it."""
    child.send(text + "\r")
    child.expect(answer)
    child.expect_exact(PROMPT)


def leave(child: pexpect.spawn[str]) -> int | None:
    """Ctrl-D, and the exit code."""
    child.send("\x04")
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def test_a_statement_shows_a_table_and_its_footer(start: Start) -> None:
    child = start()
    run(child, "SELECT 41 + 1 AS answer;", r"42(.|\n)*1 row in \d\.\d+ s")
    assert leave(child) == 0


def test_a_string_that_holds_a_semicolon_gets_another_line(start: Start) -> None:
    child = start()
    child.send("SELECT ';'\r")
    child.expect_exact(MORE)
    child.send("AS mark;\r")
    child.expect(r"1 row in")
    child.expect_exact(PROMPT)


def test_ctrl_c_ends_a_long_query_within_a_second_and_the_shell_goes_on(start: Start) -> None:
    child = start()
    child.send(LONG_QUERY + "\r")
    child.expect_exact("Ctrl-C cancels")      # the progress of a statement that takes more than a second
    pressed = time.monotonic()
    child.send("\x03")
    child.expect_exact("interrupted")
    child.expect_exact(PROMPT)
    assert time.monotonic() - pressed < 1.0
    child.send("SELECT 1 AS one;\r")
    child.expect_exact("1 row in")


def test_ten_ctrl_c_at_an_empty_prompt_leave_the_shell_there(start: Start) -> None:
    child = start()
    for _ in range(10):
        child.send("\x03")
        child.expect_exact("Ctrl-D leaves")
        child.expect_exact(PROMPT)
    child.send("SELECT 1 AS one;\r")
    child.expect_exact("1 row in")


def test_ctrl_d_leaves_at_once_when_nothing_waits(start: Start) -> None:
    child = start()
    child.send("\x04")
    child.expect_exact("flushed [True]")
    child.expect(pexpect.EOF)


@pytest.mark.parametrize(("answer", "flushed"), [("\r", "True"), ("y\r", "True"), ("n\r", "False")])
def test_ctrl_d_asks_when_rows_wait(start: Start, answer: str, flushed: str) -> None:
    child = start("pending")
    child.send("\x04")
    child.expect_exact("3 201 rows not yet in Iceberg: flush them (Y) or leave them in Kafka (n)?")
    child.send(answer)
    child.expect_exact(f"flushed [{flushed}]")
    child.expect(pexpect.EOF)


def test_exit_leaves_with_its_code(start: Start) -> None:
    child = start()
    child.send(".exit 3\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


def test_tab_answers_while_the_broker_is_dead(start: Start) -> None:
    child = start("dead")
    asked = time.monotonic()
    child.send("CREATE SOURCE o FROM KAFKA k (FOR\t")
    child.expect_exact("FORMAT")
    assert time.monotonic() - asked < 1.0     # a look at the broker would take 30 s


def test_an_error_points_at_the_place_and_ends_the_text(start: Start) -> None:
    child = start()
    child.send("CREATE SOURCE o FROM KAFKA k (TOPC 'orders'); SELECT 'later' AS x;\r")
    child.expect_exact("error: CREATE SOURCE has no option TOPC")
    child.expect_exact("^^^^")
    child.expect_exact("hint: did you mean TOPIC?")
    child.expect_exact(PROMPT)
    assert "later" not in child.before


def test_a_statement_that_runs_may_ask(start: Start) -> None:
    child = start("asks")
    for typed, answer in (("n", "nothing was done"), ("", "nothing was done"), ("y", "served")):
        child.send("CALL kshell_serve('pgwire');\r")
        child.expect_exact("lock files? (y/N)")
        run(child, typed, f"note: {answer}")


def test_a_refused_confirmation_does_nothing(start: Start) -> None:
    child = start()
    child.send("CREATE TABLE t (a INT); SELECT 1 AS made;\r")
    child.expect("1 row in")
    child.send("DROP TABLE t CASCADE;\r")
    child.expect_exact("(y/N)")
    child.send("n\r")
    child.expect_exact("nothing was done")
    child.expect_exact(PROMPT)
    child.send("SELECT count(*) AS n FROM t;\r")
    child.expect_exact("1 row in")


def test_a_long_result_goes_through_the_pager(start: Start, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho THE PAGER; tail -3\n")
    pager.chmod(0o755)
    child = start(KSHELL_PAGER=str(pager))
    child.send("FROM range(100);\r")
    child.expect_exact("THE PAGER")
    child.expect_exact("100 rows, 40 shown (.last all)")
    child.expect_exact(PROMPT)
    child.send("SELECT 1 AS small;\r")
    child.expect_exact("1 row in")
    assert "THE PAGER" not in child.before


def test_a_pager_that_is_left_early_is_no_error(start: Start) -> None:
    child = start(KSHELL_PAGER="head -1")
    run(child, ".mode csv", "note: mode csv")
    child.send("FROM range(1000000);\r")
    child.expect_exact("range")
    child.expect_exact(PROMPT)
    assert "error" not in child.before


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
def test_ctrl_c_in_less_leaves_less_alone_and_q_comes_back(start: Start) -> None:
    child = start(KSHELL_PAGER="less -SRX")
    child.send("FROM range(1000);\r")
    child.expect_exact("bigint")
    child.expect(r":|\(END\)")
    child.sendintr()
    child.send("G")                            # less goes to the end: it is there, and the keys are its own
    child.expect_exact("1000 rows, 40 shown (.last all)")
    child.send("q")
    child.expect_exact(PROMPT)
    run(child, "SELECT 40 + 2 AS there;", "1 row in")


def test_watch_draws_three_times_and_ends(start: Start) -> None:
    child = start()
    child.send(".watch 0.1 -c 3 SELECT 42 AS n\r")
    for _ in range(3):
        child.expect(r"1 row in")
    child.expect_exact(PROMPT)


def test_watch_draws_a_chart_in_place(start: Start) -> None:
    child = start()
    child.send(".watch 0.1 -c 2 --chart 'bar k n' SELECT 'kk' AS k, 7 AS n\r")
    child.expect(r"kk 7 █+\r\n.*1 row in")
    child.expect(r"\x1b\[2A.*kk 7 █+\r\n")
    child.expect_exact(PROMPT)


def test_ctrl_c_ends_watch_and_keeps_the_shell(start: Start) -> None:
    child = start()
    child.send(".watch 30 SELECT 42 AS n\r")
    child.expect(r"1 row in")
    child.send("\x03")
    child.expect_exact("interrupted")
    child.expect_exact(PROMPT)


def test_what_a_tail_leaves_out_is_told_while_it_runs_and_ctrl_c_ends_it(start: Start) -> None:
    child = start("live")
    child.send("TAIL s;\r")
    child.expect_exact("warning: s: 12 480 rows skipped")
    child.expect(r"\r\n +4\r\n")             # the rows go on below it
    child.send("\x03")
    child.expect_exact("interrupted")
    child.expect_exact(PROMPT)
    run(child, "SELECT 1 AS one;", "1 row in")


def test_a_note_of_another_thread_keeps_the_half_typed_line(start: Start) -> None:
    child = start("notes")
    child.send("SELECT 'half")
    child.expect_exact("half")
    child.expect_exact("warning: k: reconnecting")
    child.expect_exact("half")                # drawn again below the warning
    child.send("' AS word;\r")
    child.expect_exact("1 row in")


def test_the_history_file_is_private_and_holds_no_secret(start: Start, tmp_path: Path) -> None:
    child = start()
    run(child, "SELECT 1;", "1 row in")
    run(child, "CREATE SECRET p (TYPE kafka, SASL_PASSWORD 'x9y8z7');", "note|error")
    leave(child)
    history = tmp_path / ".local/state/kshell/history"
    assert "SELECT 1" in history.read_text()
    assert "x9y8z7" not in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_no_color_writes_no_colour(start: Start) -> None:
    child = start(NO_COLOR="1")
    child.send("SELECT 1 AS one;\r")
    child.expect_exact("1 row in")
    assert "\x1b[3" not in child.before
