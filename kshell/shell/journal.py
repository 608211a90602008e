"""The log: one line for each statement with its time, its seconds and how it ended; with tracebacks for those who look for a defect.

Invariant: a text that holds a literal secret is logged by its first words only, every line passes the redactor and is printable, and a
traceback has no values of variables. The file is the owner's alone. A log that cannot be written any more never fails a statement."""

from __future__ import annotations

import os
import time
import traceback
from contextlib import suppress
from pathlib import Path

from kshell.errors import Error, RefusedError
from kshell.options import redact
from kshell.output import printable
from kshell.places import state_folder
from kshell.shell.secrets import holds_secret


def default_path() -> Path:
    return state_folder() / "kshell.log"


class Journal:
    def __init__(self, path: Path, *, tracebacks: bool = False) -> None:
        self.path = path
        self._tracebacks = tracebacks

    def open(self) -> None:
        """RefusedError where the file cannot be written."""
        try:
            self._append("")
        except OSError as failed:
            raise RefusedError(f"{self.path}: {failed.strerror}", hint="write .log FILE with a file that this user may write") from None

    def ran(self, text: str, seconds: float, error: BaseException | None = None) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        lines = [f"{stamp} {seconds:.3f} s {_ended(error)}: {_shown(text)}"]
        if isinstance(error, Error):
            lines.append(f"  {error.message}")
        if error is not None and self._tracebacks:
            lines += [f"  {line}" for part in traceback.format_exception(error) for line in part.rstrip().split("\n")]
        with suppress(OSError):
            self._append("".join(printable(redact(line)) + "\n" for line in lines))

    def _append(self, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            file.write(text.encode("utf-8", "backslashreplace"))


def _ended(error: BaseException | None) -> str:
    return "ok" if error is None else error.code if isinstance(error, Error) else type(error).__name__


def _shown(text: str) -> str:
    if holds_secret(text):
        return " ".join(text.split()[:2]) + " ... (it holds a secret)"
    return " ".join(text.split())
