"""Children that may die: forked from a zygote, or the real executable. Both write their streams to files of their folder.

Invariant: a child that the test has left behind is killed; its end is told as a status, minus the signal where one killed it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.support import wait_until

REPOSITORY = Path(__file__).parents[2]
END_S = 60.0


class Child(Protocol):
    folder: Path

    def ended(self) -> int | None: ...
    def signal(self, number: int) -> None: ...


def environment(folder: Path, failpoints: str = "") -> dict[str, str]:
    """An empty machine: home, data and working folder are `folder`."""
    testing = {"KSHELL_TESTING": "1", "KSHELL_FAILPOINTS": failpoints} if failpoints else {"KSHELL_TESTING": "0"}
    return {"HOME": str(folder), "KSHELL_DATA": str(folder / "data"), "XDG_DATA_HOME": str(folder / "share"), **testing}


def said(child: Child) -> list[dict[str, object]]:
    """The rows that it has printed, with --ndjson. A line that it is still writing does not count."""
    with contextlib.suppress(FileNotFoundError):
        text = (child.folder / "out").read_text()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
    return []


def errors(child: Child) -> str:
    return (child.folder / "err").read_text()[-1500:]


def wait_for_end(child: Child, timeout_s: float = END_S) -> int:
    try:
        wait_until(lambda: child.ended() is not None, timeout_s)
    except AssertionError:
        child.signal(signal.SIGKILL)
        raise AssertionError(f"the child did not end within {timeout_s:g} s; it said {said(child)[-3:]} and {errors(child)}") from None
    status = child.ended()
    assert status is not None
    return status


class Executable:
    """`python -m kshell` in an empty folder."""

    def __init__(self, folder: Path, words: Sequence[str], variables: Mapping[str, str]) -> None:
        self.folder = folder
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            self._process = subprocess.Popen([sys.executable, "-m", "kshell", *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                                             stderr=err, env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables})

    def ended(self) -> int | None:
        return self._process.poll()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)


class Fork:
    """A child of a zygote."""

    def __init__(self, folder: Path, pid: int, zygote: Zygote) -> None:
        self.folder, self._pid, self._zygote = folder, pid, zygote
        self._status: int | None = None

    def ended(self) -> int | None:
        if self._status is None:
            line = self._zygote.line_if_any()
            self._status = int(line) if line is not None else None
        return self._status

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)


class Server:
    """A module of this folder that answers lines with lines."""

    def __init__(self, module: str, **variables: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY,
                                         env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables}, bufsize=0)

    def ask(self, request: object) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return self.line()

    def line(self) -> str:
        """Unbuffered, so that `select` sees what has not been read."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode().strip()
        assert line, f"{self._process.args} has ended"
        return line

    def line_if_any(self) -> str | None:
        assert self._process.stdout is not None
        return self.line() if select.select([self._process.stdout], [], [], 0)[0] else None

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait(END_S)


class Zygote(Server):
    """Forks one child at a time."""

    def __init__(self) -> None:
        super().__init__("tests.crash.zygote", OPENBLAS_NUM_THREADS="1", ARROW_DEFAULT_MEMORY_POOL="system")
        self._child: Fork | None = None

    def fork(self, folder: Path, call: str, words: Sequence[str], variables: Mapping[str, str]) -> Fork:
        pid = int(self.ask({"call": call, "arguments": list(words), "environment": dict(variables), "folder": str(folder),
                            "out": str(folder / "out"), "err": str(folder / "err")}))
        self._child = Fork(folder, pid, self)
        return self._child

    def close(self) -> None:
        if self._child is not None and self._child.ended() is None:
            self._child.signal(signal.SIGKILL)
        super().close()


class DuckDB(Server):
    """Counts by DuckDB's own reader, in a process that has never seen kshell."""

    def __init__(self) -> None:
        super().__init__("tests.crash.by_duckdb")

    def counts(self, locations: Sequence[str]) -> list[list[int]]:
        """Rows and distinct positions of each metadata file."""
        return [list(map(int, counted)) for counted in json.loads(self.ask(list(locations)))]
