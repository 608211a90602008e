"""Where rows go: the screen, a file, a command; `.output` and `.once` change it.

Invariant: the mode is that of the file's extension, else the one that was set, else csv; a file of a format that holds one result
is never given a second."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO

from kshell import output
from kshell.errors import RefusedError, UsageError


class Destination:
    """An open file or command. `target` as typed."""

    def __init__(self, target: str, mode: str | None, *, once: bool) -> None:
        self.target, self.once = target, once
        self._process: subprocess.Popen[bytes] | None = None
        self._results = 0
        if target.startswith("|"):
            self.mode = output.find(mode or "csv")
            self._process = subprocess.Popen(target[1:].strip(), shell=True, stdin=subprocess.PIPE)
            assert self._process.stdin is not None
            self.stream: IO[bytes] = self._process.stdin
        else:
            path = Path(target.strip("'\"")).expanduser()
            self.mode = output.for_path(str(path)) or output.find(mode or "csv")
            self.stream = _opened(path)

    def take(self) -> None:
        """Before each result."""
        self._results += 1
        if self._results > 1 and self.mode.one_result:
            raise UsageError(f"{self.mode.name} holds one result; {self.target} has it", hint=".output another file, or use .ndjson")

    def close(self) -> None:
        with suppress(BrokenPipeError):       # the command did not want all of it
            self.stream.close()
        if self._process is not None:
            self._process.wait()


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("wb")
    except OSError as e:
        raise RefusedError(f"{path}: {e.strerror}") from None
