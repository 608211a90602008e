"""node-postgres as a client: a program of ours on the package `pg`, which npm resolves once for each machine.

Invariant: the version is pinned; what stands in the cache is complete."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.parts import jars

VERSION = "8.16.3"
INSTALL_TIMEOUT_S = 120
RUN_TIMEOUT_S = 60


def missing() -> str | None:
    """Why it cannot run here; None when it can."""
    absent = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} not found: install Node 18 or later" if absent else None


def outcomes(port: int, password: str) -> dict[str, Any]:
    """What each step gave."""
    modules = jars.built(f"node-postgres-{VERSION}", _install) / "node_modules"
    done = subprocess.run(["node", str(Path(__file__).parent / "client.js"), str(port), password], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False, env={**os.environ, "NODE_PATH": str(modules)})
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _install(folder: Path) -> None:
    folder.mkdir()
    jars.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), f"pg@{VERSION}"],
             INSTALL_TIMEOUT_S)
