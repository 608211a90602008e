"""A server process of a test: start, stop, crash, freeze, thaw.

Invariant: a leashed server dies with the process that started it, also when that one is killed: the leash is a shell that
reads from a pipe which only the starter holds open, and kills the server at its end."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20


def free_ports(count: int, among: range = range(20000, 32000)) -> int:
    """The first of `count` neighbouring free ports, below the range that outgoing connections take theirs from.

    A port is free until its server binds it, seconds later: so each process of a run with pytest-xdist chooses in a part of its own."""
    parts, own = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)), int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    size = len(among) // parts
    for base in random.SystemRandom().sample(among[own % parts * size:][:size - count], 200):
        with ExitStack() as held:
            try:
                for port in range(base, base + count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    raise RuntimeError(f"no free ports between {among.start} and {among.stop}")


class Server:
    """One server in one folder. The same folder and port serve again after `stop` or `crash`, with the same data."""

    ready_word = ""                           # what the log says once requests are served

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise AssertionError("each server has its own")

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    def start(self, *, leashed: bool = True) -> None:
        """Returns once the server says that it serves."""
        command = self.command()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                             start_new_session=True)
        (self.folder / "pid").write_text(str(self._process.pid))
        if leashed:
            leash = ["sh", "-c", 'read -r _; kill -KILL "$1" 2>/dev/null', "leash", str(self._process.pid)]
            self._leash = subprocess.Popen(leash, stdin=subprocess.PIPE, start_new_session=True)
        self._wait_ready()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.ready_word not in self.log.read_text(errors="replace"):
            if not self.alive() or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-3000:]
                self.crash()
                raise RuntimeError(f"{type(self).__name__} did not start; it said:\n{said}")
            time.sleep(0.02)                  # only its log says that it serves

    def stop(self) -> None:
        """An orderly end. Does nothing to a server that has ended."""
        self._end(signal.SIGTERM)

    def crash(self) -> None:
        """SIGKILL: connections break, nothing is written any more."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Sockets stay open and nothing answers, until `thaw`."""
        os.kill(self.pid, signal.SIGSTOP)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not self._frozen():             # each thread stops when it is next scheduled
            if time.monotonic() > deadline:
                raise RuntimeError("the server did not freeze")
            time.sleep(0.005)

    def _frozen(self) -> bool:
        threads = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return all(thread.read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state != "Z"                   # a zombie waits for its reaper, not for us

    def _end(self, sign: signal.Signals) -> None:
        if self.alive():
            os.kill(self.pid, sign)
            os.kill(self.pid, signal.SIGCONT)     # a frozen server handles SIGTERM only when it runs
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.alive():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.02)                  # it may be the child of another process, which cannot be waited for
        (self.folder / "pid").unlink(missing_ok=True)
        if self._leash is not None:
            self._leash.communicate()             # closes the pipe: the leash finds nothing to kill and ends
        self._process = self._leash = None
