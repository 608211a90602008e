"""A worker process as a test sees it: SQL in, rows out, its memory, its limits, its end.

Invariant: a child ends with its test: it reads from a pipe that only the test holds open."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SAMPLE_S = 0.1
_END_S = 30.0


class Refused(Exception):
    """An error of kshell, as the child told it."""

    def __init__(self, code: str, exit: int, message: str, hint: str | None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.exit, self.message, self.hint = code, exit, message, hint


class Child:
    def __init__(self, folder: Path, brokers: str, *, failpoints: str = "", seed: int = 1, env: Mapping[str, str] = {}) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "said.log"
        testing = {"KSHELL_TESTING": "1", "KSHELL_FAILPOINTS": failpoints, "KSHELL_SEED": str(seed)} if failpoints else {}
        with self.log.open("wb") as said:
            self._process = subprocess.Popen([sys.executable, "-m", "tests.chaos.worker", str(folder / "data"), brokers], stderr=said,
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **testing, **env})
        self.pid = self._process.pid

    def sql(self, text: str) -> list[list[Any]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(text) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the child ended; it said:\n{self.log.read_text()[-3000:]}"
        answer = json.loads(line)
        if "rows" not in answer:
            raise Refused(**answer)
        return list(answer["rows"])

    def one(self, text: str) -> Any:
        return self.sql(text)[0][0]

    def sink(self) -> dict[str, Any]:
        """The row of its only sink."""
        names = ("state", "pending_rows", "last_error")
        return dict(zip(names, self.sql(f"SELECT {', '.join(names)} FROM kshell.sinks")[0], strict=True))

    def source(self) -> dict[str, Any]:
        names = ("state", "buffer_bytes", "rows_total", "last_error")
        return dict(zip(names, self.sql(f"SELECT {', '.join(names)} FROM kshell.sources")[0], strict=True))

    def warnings(self) -> list[str]:
        return [line.removeprefix("warning: ") for line in self.log.read_text().splitlines() if line.startswith("warning: ")]

    def rss(self) -> int:
        """Resident bytes, mapped library code included: 115 MB of it in one installation of the same wheels and 190 MB in another."""
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return int(fields["VmRSS"].split()[0]) * 1024

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(_END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def close(self) -> int:
        """An orderly end: its session flushes."""
        try:
            self._process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self.kill()
        return self._process.returncode


class Memory:
    """Samples a child's memory until the block ends."""

    def __init__(self, child: Child) -> None:
        self.child, self.samples = child, [child.rss()]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    @property
    def most(self) -> int:
        return max(self.samples)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while not self._ending.wait(_SAMPLE_S):
            self.samples.append(self.child.rss())
