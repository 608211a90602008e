"""The same as real programs: streams that are closed or full, a server that never answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
FULL = Path("/dev/full")


def ran(*argv: str, stdout: Any = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HOME": "/nonexistent"}
    return subprocess.run([sys.executable, "-m", "kshell", *argv], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                          text=True, timeout=60, check=False, env=environment)


def test_a_catalog_that_never_answers_does_not_outlive_the_time_of_the_run(silent: int) -> None:
    began = time.monotonic()
    done = ran("--timeout", "2s", "-c", f"ATTACH 'http://127.0.0.1:{silent}' AS z (TYPE iceberg, CATALOG rest)")
    assert (done.returncode, "Traceback" in done.stderr) == (4, False)
    assert "--timeout 2s" in done.stderr
    assert time.monotonic() - began < 30


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("mode", ["csv", "json", "ndjson", "table", "markdown", "vertical", "parquet", "arrow"])
def test_a_full_disk_is_said_once_in_every_mode(mode: str) -> None:
    with FULL.open("wb") as full:
        done = ran("--format", mode, "-c", "FROM range(3)", stdout=full)
    assert done.returncode == 1
    assert re.findall("No space left on device", done.stderr) == ["No space left on device"]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_stream_is_survived(closed: str) -> None:
    done = subprocess.run(f'exec {sys.executable} -m kshell -c "SELECT 1; SELEC 2" {closed}>&-', shell=True, capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)
