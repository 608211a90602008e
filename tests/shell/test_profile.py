"""A profile at a real terminal: its name and colour before the cursor, and a password that is typed unseen."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support.terminal import spawn as spawn_terminal

REPOSITORY = Path(__file__).parents[2]


Start = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start()` -> kshell with the profile prod; `init`: the usual init file."""
    running: list[pexpect.spawn[str]] = []

    def begin(init: str = "", brokers: str = "") -> pexpect.spawn[str]:
        folder = tmp_path / "config" / "kshell"
        folder.mkdir(parents=True)
        known = f'brokers = "{brokers}"\n' if brokers else ""
        (folder / "config.toml").write_text(f'[profiles.prod]\nprompt_color = "red"\nediting_mode = "vi"\n{known}')
        if init:
            (folder / "init.sql").write_text(init)
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm-256color", "LANG": "C.UTF-8",
                       "PROMPT_TOOLKIT_NO_CPR": "1", "PYTHONPATH": str(REPOSITORY), "XDG_CONFIG_HOME": str(tmp_path / "config"),
                       "XDG_STATE_HOME": str(tmp_path / "state")}
        running.append(spawn_terminal(sys.executable, ["-m", "kshell", "-P", "prod"], cwd=str(tmp_path), env=environment,
                                      dimensions=(24, 100), timeout=60))
        return running[-1]

    yield begin
    for spawned in running:
        spawned.close(force=True)


@pytest.fixture
def child(start: Start) -> pexpect.spawn[str]:
    return start()


def test_the_prompt_has_the_name_and_the_colour_of_the_profile(child: pexpect.spawn[str]) -> None:
    child.expect("\x1b\\[[0-9;]*31[0-9;]*m[^\x1b]*prod>")
    child.send("\x1bddiSELECT 6*7 AS n;\r")            # vi: out of insert mode, clear the line, back in
    child.expect("42")


def test_a_mistake_in_the_init_file_is_told_with_its_line_and_gives_a_prompt(start: Start) -> None:
    child = start(init="SET VARIABLE a = 1;\n\nSELEC 2;\n")
    child.expect_exact("error: init.sql:3: syntax error")
    child.expect_exact("prod>")


def test_a_password_that_is_left_out_is_typed_unseen(child: pexpect.spawn[str], tmp_path: Path) -> None:
    child.expect_exact("prod>")
    child.send("CREATE SECRET p (TYPE kafka, SASL_USERNAME 'ann');\r")
    child.expect_exact("SASL_PASSWORD of secret p (Enter cancels): ")
    child.waitnoecho(5)
    child.send("canary-typed\r")
    child.expect("secret p created")
    typed = str(child.before) + str(child.after)
    child.expect_exact("prod>")
    child.send("SHOW SECRETS;\r")
    child.expect("\\*\\*\\*")
    assert "canary" not in typed + str(child.before) + str(child.after)
    child.send("\x04")
    child.expect(pexpect.EOF)
    assert "canary" not in "".join(path.read_text(errors="replace") for path in (tmp_path / "state").rglob("*") if path.is_file())


def test_brokers_that_refuse_are_told_above_the_prompt_and_the_next_use_tries_again(start: Start) -> None:
    child = start(brokers="127.0.0.1:1")
    child.expect_exact("warning: cannot reach Kafka at 127.0.0.1:1: Connection refused")
    child.send("SHOW TOPICS;\r")
    child.expect_exact("error: cannot reach Kafka at 127.0.0.1:1")
    child.expect_exact("prod>")
    child.send("SELECT 40 + 2 AS there;\r")
    child.expect_exact("42")


def test_silent_brokers_delay_neither_the_first_prompt_nor_what_does_not_need_them(start: Start, silent: int) -> None:
    child = start(brokers=f"127.0.0.1:{silent}")
    child.expect_exact("prod>")
    before = str(child.before)
    child.send("SELECT 40 + 2 AS there;\r")
    child.expect_exact("42")
    assert "cannot reach" not in before + str(child.before), "the client library gives up after ten seconds at the earliest"


@pytest.mark.parametrize("statement", ["ATTACH 'kafka://127.0.0.1:{silent}' AS k (TYPE kafka)",
                                       "ATTACH 'http://127.0.0.1:{silent}' AS c (TYPE iceberg, CATALOG rest)"])
def test_ctrl_c_ends_an_attach_to_a_silent_server(start: Start, listening: socket.socket, silent: int, statement: str) -> None:
    child = start()
    child.expect_exact("prod>")
    child.send(statement.format(silent=silent) + ";\r")
    connection, _ = listening.accept()
    with connection:
        _interrupted(child)


@pytest.mark.parametrize("statement", ["SHOW TOPICS", "FROM kafka.orders"])
def test_ctrl_c_ends_a_statement_that_waits_for_silent_brokers_of_the_configuration(start: Start, silent: int, statement: str) -> None:
    child = start(brokers=f"127.0.0.1:{silent}")
    child.expect_exact("prod>")
    child.send(statement + ";\r")
    child.expect_exact("Ctrl-C cancels")               # it has run for more than a second
    _interrupted(child)


def _interrupted(child: pexpect.spawn[str]) -> None:
    """Within a second, and the shell goes on."""
    pressed = time.monotonic()
    child.send("\x03")
    child.expect_exact("interrupted")
    child.expect_exact("prod>")
    assert time.monotonic() - pressed < 1.0
    child.send("SELECT 40 + 2 AS there;\r")
    child.expect_exact("42")
