"""The program as others see it: pipes, signals, what it loads, how fast it answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import REPOSITORY
from tests.support import wait_until
from tests.support.terminal import spawn as spawn_terminal

Program = Callable[..., "subprocess.Popen[str]"]
LONG = "SELECT count(*) FROM range(3000000) a, range(3000000) b WHERE (a.range * b.range) % 7 = 3"
LOADED = "import sys; from kshell.cli import main; main({argv}); print([m for m in {modules} if m in sys.modules], file=sys.stderr)"


def ended(process: subprocess.Popen[str], within_s: float = 30) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=within_s)
    return process.returncode, out, err


def loaded(argv: list[str], modules: tuple[str, ...]) -> str:
    code = LOADED.format(argv=argv, modules=modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return done.stderr.strip()


def test_a_query_loads_nothing_it_does_not_need() -> None:
    unneeded = ("pyiceberg", "confluent_kafka", "prompt_toolkit", "rich", "asyncio", "pandas", "starlette", "uvicorn", "scramp",
                "prometheus_client", "kshell.serve.host", "kshell.serve.access")
    assert loaded(["-c", "SELECT 1"], unneeded) == "[]"


def test_a_query_does_without_numpy() -> None:
    """pyarrow takes it where it is installed, as servers do; nothing of ours may ask for it."""
    code = "import sys; sys.modules['numpy'] = None; from kshell.cli import main; sys.exit(main(['-c', 'SELECT 1 AS a']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "a\n1\n"), done.stderr


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_load_neither_duckdb_nor_arrow(flag: str) -> None:
    assert loaded([flag], ("duckdb", "pyarrow", "pyiceberg", "confluent_kafka", "prompt_toolkit", "rich")) == "[]"


def test_a_reader_that_goes_away_is_no_error(program: Program) -> None:
    process = program("-c", "FROM range(9999999)")
    assert process.stdout is not None
    assert process.stdout.readline() == "range\n"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 0


def test_help_into_a_closed_pipe_is_no_error(program: Program) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = program("--help", stdout=writing)
    os.close(writing)
    assert process.wait(60) == 0


def test_rows_are_there_before_the_query_ends(program: Program) -> None:
    process = program("--ndjson", "-c", f"SELECT 1 AS a; {LONG}")
    assert process.stdout is not None
    assert process.stdout.readline() == '{"a":1}\n'
    assert process.poll() is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said(program: Program) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, err = ended(program("-c", "FROM range(3)", stdout=full))
    assert code == 1
    assert err.startswith("error: cannot write the output: No space left on device")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_script_and_nothing_runs_after_it(program: Program, number: signal.Signals, code: int) -> None:
    process = program("--ndjson", "-c", f"SELECT 'first' AS x; {LONG}; SELECT 'later' AS x")
    assert process.stdout is not None
    assert "first" in process.stdout.readline()
    began = time.monotonic()
    process.send_signal(number)
    got, out, err = ended(process)
    assert (got, "later" in out, "Traceback" in err) == (code, False, False)
    assert time.monotonic() - began < 5


def test_ctrl_c_while_libraries_load_leaves_without_a_traceback() -> None:
    code = """import signal, kshell.cli
signal.signal(signal.SIGINT, signal.default_int_handler)     # a run in the background of a script ignores Ctrl-C, and so would its children
kshell.cli._run = lambda flags: (signal.raise_signal(signal.SIGINT), 1 / 0)
kshell.cli.main(["-c", "SELECT 1"])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "")


def test_stdin_is_a_script(program: Program) -> None:
    process = program("--ndjson", stdin=subprocess.PIPE)
    out, _ = process.communicate("SELECT 1 AS a;\nSELECT nope;\nSELECT 3 AS c;", timeout=30)
    assert (process.returncode, out) == (1, '{"a":1}\n')


def test_no_script_at_all_is_fine(program: Program) -> None:
    assert ended(program()) == (0, "", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_run_says_when_it_is_ready_and_stops_cleanly(program: Program, tmp_path: Path, number: signal.Signals, code: int) -> None:
    (tmp_path / "p.sql").write_text("CREATE TABLE t AS SELECT 1 AS a;\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(30)
        process = program("run", "p.sql", env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert told.recv(100) == b"READY=1"
    process.send_signal(number)
    got, out, err = ended(process)
    assert (got, out, "Traceback" in err) == (code, "", False)


def test_run_does_not_stay_after_an_error(program: Program, tmp_path: Path) -> None:
    (tmp_path / "p.sql").write_text("SELEC 1;\n")
    code, _, err = ended(program("run", "p.sql"))
    assert (code, "p.sql:1" in err) == (1, True)


def test_a_script_of_run_that_is_stopped_while_it_waits_stops_cleanly(program: Program, tmp_path: Path) -> None:
    (tmp_path / "p.sql").write_text(f"COPY (SELECT 1) TO 'begun.csv';\n{LONG};\n")
    process = program("run", "p.sql")
    wait_until((tmp_path / "begun.csv").exists, 30)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0


def test_on_a_terminal_the_default_is_a_table_cut_at_40_rows() -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}
    screen = spawn_terminal(sys.executable, ["-m", "kshell", "-c", "FROM range(100); SELECT chr(27) || '[2Jgone' AS v"], env=environment,
                           dimensions=(24, 80), timeout=30)
    screen.expect(pexpect.EOF)
    screen.close()
    shown = str(screen.before)
    assert screen.exitstatus == 0
    assert "100 rows, 40 shown (.last all)" in shown
    assert "\\e[2Jgone" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("statement", ["ATTACH 'kafka://127.0.0.1:{silent}' AS k (TYPE kafka)", "SHOW TOPICS FROM kafka",
                                       "ATTACH 'http://127.0.0.1:{silent}' AS c (TYPE iceberg, CATALOG rest)"])
def test_ctrl_c_ends_a_script_that_waits_for_a_silent_server(program: Program, listening: socket.socket, silent: int,
                                                             statement: str) -> None:
    process = program("--brokers", f"127.0.0.1:{silent}", "-c", f"SELECT 1 AS a; {statement.format(silent=silent)}; SELECT 'later' AS b")
    connection, _ = listening.accept()            # the statement waits for an answer
    with connection:
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        code, out, err = ended(process)
    assert (code, out, err.startswith("error: interrupted")) == (130, "a\n1\n", True)
    assert time.monotonic() - pressed < 2.0


def test_silent_brokers_are_waited_for_by_the_first_statement_that_uses_them(program: Program, silent: int) -> None:
    began = time.monotonic()
    code, out, err = ended(program("--brokers", f"127.0.0.1:{silent}", "-c", "SELECT 1 AS a"))
    assert (code, out, err) == (0, "a\n1\n", "")
    assert time.monotonic() - began < 10, "where the client library waits for ten seconds at least"
    code, out, err = ended(program("--brokers", f"127.0.0.1:{silent}", "--timeout", "3s", "-c", "SELECT 1 AS a; SHOW TOPICS"))
    assert (code, out) == (4, "a\n1\n")
