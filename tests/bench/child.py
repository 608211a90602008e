"""A measurement in a process of its own: `run("ingest:live", ...)` calls `items/ingest.py: live(...)` there and returns its values.

Invariant: arguments and values are JSON; the child's stderr goes to ours."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any

TIMEOUT_S = 1200
_MARK = "kshell-bench:"


def command(job: str, arguments: dict[str, Any]) -> list[str]:
    return [sys.executable, "-m", "tests.bench.child", job, json.dumps(arguments)]


def run(job: str, **arguments: Any) -> dict[str, Any]:
    done = subprocess.run(command(job, arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S,
                          check=True)
    return next(json.loads(line.removeprefix(_MARK)) for line in reversed(done.stdout.splitlines()) if line.startswith(_MARK))


def main() -> None:
    job, arguments = sys.argv[1:]
    module, function = job.split(":")
    value = getattr(importlib.import_module(f"tests.bench.items.{module}"), function)(**json.loads(arguments))
    print(_MARK + json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
