"""The audit log: one line for each statement of a client: when, whose, how it ended, and its text without literals.

Invariant: the file is its owner's alone and never above two times LARGEST bytes with the one before it; a log that cannot be written any
more fails no statement."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from kshell.options import redact
from kshell.output import printable
from kshell.places import state_folder

LARGEST = 10_000_000                              # bytes; then it becomes audit.log.1


def usual_path() -> Path:
    return state_folder() / "servers" / "audit.log"


class AuditLog:
    """Takes lines from any thread. The file is made by the first."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        with self._lock, suppress(OSError):
            self._append(f"{stamp} {printable(redact(line))}\n".encode("utf-8", "backslashreplace"))

    def _append(self, line: bytes) -> None:
        path = self._path or usual_path()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size + len(line) > LARGEST:
            path.replace(path.with_name(f"{path.name}.1"))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            file.write(line)
