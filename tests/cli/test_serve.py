"""`kshell serve`: what it starts, what it refuses before anything runs, how it stops. pgwire and http are stand-ins that say one line,
unless it says otherwise."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kshell.cli import flags, serve
from kshell.errors import UsageError
from tests.cli.conftest import REPOSITORY, Ran
from tests.serve.test_access import certificate
from tests.support import wait_until

Start = Callable[..., "Process"]


class Process:
    """A run of the program; what it says goes into files, so that it can be looked at while it runs."""

    def __init__(self, folder: Path, argv: tuple[str, ...], module: str) -> None:
        self._out, self._err = folder / "out", folder / "err"
        environment = {**os.environ, "HOME": str(folder), "PYTHONPATH": str(REPOSITORY), "XDG_STATE_HOME": str(folder / "state"),
                       "SECRET_OF_TEST": "canary-31-served"}
        with self._out.open("w") as out, self._err.open("w") as err:
            self.running = subprocess.Popen([sys.executable, "-m", module, *argv], cwd=folder, env=environment, text=True,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def said(self, pattern: str) -> re.Match[str]:
        """The first match in what it says on stderr, once it is there."""
        def look() -> re.Match[str] | None:
            assert self.running.poll() is None or re.search(pattern, self.err), self.err
            return re.search(pattern, self.err)

        found = wait_until(look, 60)
        assert found
        return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.running.send_signal(number)
        return self.running.wait(60)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def make(*argv: str, module: str = "tests.serve.stand_in") -> Process:
        started.append(Process(tmp_path, argv, module))
        return started[-1]

    yield make
    for process in started:
        process.running.kill()
        process.running.wait(10)


def read(port: str | int) -> bytes:
    with socket.create_connection(("127.0.0.1", int(port)), 10) as client:
        return client.recv(100)


def test_a_script_then_pgwire_until_sigterm(start: Start, tmp_path: Path) -> None:
    (tmp_path / "d.sql").write_text("CREATE TABLE t AS SELECT 42 AS a; FROM t;")
    process = start("serve", "d.sql", "--pgwire", "127.0.0.1:0")
    served = process.said(r"note: pgwire is served on 127\.0\.0\.1:(\d+); psql .*\nnote: its password, told once and kept in (\S+): (\S+)")
    assert read(served[1]) == b"hello\n"
    assert "note: files and hosts outside the locations of tables are out of reach" in process.err
    assert Path(served[2]).read_text().strip() == served[3]
    assert process.stop() == 0
    assert process.out == "a\n42\n"
    assert "Traceback" not in process.err
    assert not Path(served[2]).exists()


def test_what_the_flags_name_is_served_with_one_token_file(start: Start, tmp_path: Path) -> None:
    process = start("serve", "--http", "0", "--pgwire", "localhost:0", "--token-file", "token")
    ports = [process.said(rf"note: {kind} is served on \w+(?:\.\d+)*:(\d+); ")[1] for kind in ("http", "pgwire")]
    assert [read(port) for port in ports] == [b"hello\n"] * 2
    assert process.stop() == 0
    assert (tmp_path / "token").read_text().strip() not in process.err
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_a_script_that_serves_needs_no_flags(start: Start, tmp_path: Path) -> None:
    (tmp_path / "d.sql").write_text("CALL kshell_serve('http', port := 0, token := getenv('SECRET_OF_TEST'));")
    process = start("serve", "d.sql")
    port = process.said(r"note: http is served on 127\.0\.0\.1:(\d+); ")[1]
    assert read(port) == b"hello\n"
    assert process.stop() == 0
    assert process.out == f"kind,address,user,token_file,tls\nhttp,127.0.0.1:{port},,,false\n"
    assert "pgwire" not in process.err
    assert "canary" not in process.err


def test_sigterm_ends_clients_at_work_and_the_exit_is_clean(start: Start, tmp_path: Path) -> None:
    (tmp_path / "d.sql").write_text("CREATE TABLE n AS SELECT range AS i FROM range(200000);")
    process = start("serve", "d.sql", "--pgwire", "0", "--http", "0", "--token-file", "token", module="kshell")
    port = process.said(r"http is served on http://127\.0\.0\.1:(\d+); ")[1]
    ask = urllib.request.Request(f"http://127.0.0.1:{port}/query", b"SELECT count(*) FROM n a, n b, n c WHERE a.i + b.i = c.i * 3", {
        "Authorization": f"Bearer {(tmp_path / 'token').read_text().strip()}"})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(_answer, ask)
        wait_until(lambda: _answer(_asking(ask, b"SELECT running FROM kshell.servers WHERE kind = 'http'")) == b'{"running":2}\n')
        assert process.stop() == 0
        assert b'"code": "interrupted"' in answer.result(30)
    assert "Traceback" not in process.err
    assert "error" not in process.err


def _asking(ask: urllib.request.Request, text: bytes) -> urllib.request.Request:
    return urllib.request.Request(ask.full_url, text, ask.headers)


def _answer(ask: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(ask, timeout=60) as answered:
            return bytes(answered.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_keeps_servers_of_its_script_alive(start: Start, tmp_path: Path, number: int) -> None:
    (tmp_path / "d.sql").write_text("CALL kshell_serve('pgwire', port := 0);")
    process = start("run", "d.sql")
    assert read(process.said(r"served on 127\.0\.0\.1:(\d+); ")[1]) == b"hello\n"
    assert process.stop(number) == (0 if number == signal.SIGTERM else 130)
    assert "Traceback" not in process.err


def test_a_script_that_fails_serves_nothing(start: Start, tmp_path: Path) -> None:
    (tmp_path / "d.sql").write_text("SELEC 1;")
    process = start("serve", "d.sql", "--pgwire", "0")
    assert process.running.wait(60) == 1
    assert "served on" not in process.err


def test_a_port_in_use_is_an_error_of_the_run(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start("serve", "--pgwire", str(taken.getsockname()[1]))
        assert process.running.wait(60) == 1
    assert "is in use by " in process.err
    assert "Traceback" not in process.err


def test_sighup_reads_the_certificate_again(start: Start, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "first")
    process = start("serve", "--pgwire", "0", "--tls-cert", cert, "--tls-key", key)
    port = int(process.said(r"served on 127\.0\.0\.1:(\d+); ")[1])
    assert _certified(port) == Path(cert).read_text()
    certificate(tmp_path, "second")
    for suffix in ("pem", "key"):
        (tmp_path / f"second.{suffix}").replace(tmp_path / f"first.{suffix}")
    process.running.send_signal(signal.SIGHUP)
    wait_until(lambda: _certified(port) == Path(cert).read_text())
    Path(cert).write_text("nonsense")
    process.running.send_signal(signal.SIGHUP)
    process.said("warning: pgwire goes on with its old certificate: ")
    assert process.stop() == 0


def _certified(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=10)


@pytest.mark.parametrize("address", ["0.0.0.0:5433", "192.0.2.7:5433", "[::]:5433"])
def test_an_address_of_others_without_tls_exits_2_and_names_both_ways_out(run: Callable[..., Ran], tmp_path: Path, address: str) -> None:
    (tmp_path / "d.sql").write_text(".shell touch ran\n")
    done = run("serve", "d.sql", "--pgwire", address)
    assert done.code == 2
    assert f"{address} can be reached by other machines: it needs TLS and a password" in done.err
    assert "--tls-cert" in done.err
    assert "--insecure" in done.err
    assert not (tmp_path / "ran").exists()


def test_a_quack_of_others_is_sent_to_a_proxy(run: Callable[..., Ran]) -> None:
    done = run("serve", "--quack", "0.0.0.0:9494")
    assert done.code == 2
    assert "TLS proxy" in done.err


@pytest.mark.parametrize(("address", "place"), [
    ("", {}), ("5433", {"host": None, "port": 5433}), ("127.0.0.1:5433", {"host": "127.0.0.1", "port": 5433}),
    ("[::1]:1", {"host": "::1", "port": 1}), ("localhost", {"host": "localhost"}), ("/run/k.sock", {"socket": "/run/k.sock"}),
    ("unix:/run/k.sock", {"socket": "/run/k.sock"}), ("./k", {"socket": "./k"}),
])
def test_an_address_is_a_host_a_port_both_or_a_socket(address: str, place: dict[str, Any]) -> None:
    assert serve._place("pgwire", address) == place


@pytest.mark.parametrize("address", ["a:b:1", "127.0.0.1:port", ":5433"])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(UsageError, match="takes HOST:PORT"):
        serve._place("pgwire", address)


def test_serve_takes_flags_and_at_most_one_script() -> None:
    given = flags.parse(["serve", "d.sql", "--http", "1", "--pgwire", "2", "--insecure"])
    assert (given.inputs, given.servers, given.insecure) == ((("f", "d.sql"),), (("http", "1"), ("pgwire", "2")), True)
    assert flags.parse(["serve"]).inputs == ()


class Recorded:
    """A session that only notes what it is to serve; `running` is served already."""

    def __init__(self, running: tuple[str, ...] = ()) -> None:
        self.served: list[tuple[str, int]] = []
        self.servers = SimpleNamespace(rows=lambda: running)

    def serve(self, kind: str, given: dict[str, Any]) -> None:
        self.served.append((kind, given["port"]))


@pytest.mark.parametrize(("argv", "running", "served"), [
    ([], (), [("pgwire", 5433)]), ([], ("http",), []), (["--http", "127.0.0.1"], (), [("http", 8642)]),
    (["--quack", "1", "--pgwire", "2"], ("http",), [("quack", 1), ("pgwire", 2)]),
])
def test_without_a_word_about_servers_it_is_pgwire(argv: list[str], running: tuple[str, ...], served: list[tuple[str, int]]) -> None:
    given, session = flags.parse(["serve", *argv]), Recorded(running)
    serve.start(session, given, serve.wanted(given))  # type: ignore[arg-type]
    assert session.served == served
