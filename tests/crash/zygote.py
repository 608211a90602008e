"""A process that has imported the program once and forks it for each request, so that a start costs milliseconds.

A request is one JSON line on stdin; the answer is two lines on stdout: the pid, and later the exit status (minus the signal).
Invariant: it forks before it has a thread of its own, so a child is what a fresh interpreter would be after its imports. (DuckDB's
default database, which nobody here uses, has a worker that sleeps; it is not there in a child.)"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import threading
import traceback
from typing import Any

import kshell
from tests.support import extensions

# What the program imports late, by way of its libraries.
LATE = ("pyiceberg.catalog.sql", "pyiceberg.io.pyarrow", "pyiceberg.expressions.parser", "sqlalchemy.dialects.sqlite",
        "confluent_kafka.admin", "pyarrow.parquet", "pyarrow.dataset", "pytz", "fastavro", "tests.crash.children")
NOT_NEEDED = ("kshell.__main__", "kshell.demo", "kshell.shell")


def preload() -> None:
    for module in pkgutil.walk_packages(kshell.__path__, "kshell."):
        if not module.name.startswith(NOT_NEEDED):
            importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    extensions.load_unchecked()


def serve() -> None:
    preload()
    assert threading.active_count() == 1, f"{threading.enumerate()}: a fork would lose them"
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _become(request: dict[str, Any]) -> None:
    """The child: another folder, another environment, other files for its streams; then the call, and its result as exit code."""
    code = 70
    try:
        os.chdir(request["folder"])
        os.environ.update(request["environment"])
        for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), number)
        module, _, name = request["call"].partition(":")
        code = getattr(importlib.import_module(module), name)(request["arguments"])
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - a child never returns into the loop of its parent
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
