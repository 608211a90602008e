"""The program in this process (`run`) and as a process of its own (`program`)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kshell.cli import main

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """`run("--csv", "-c", "SELECT 1")`, in an empty folder with an empty home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KSHELL_BOOTSTRAP_SERVERS", raising=False)

    def ran(*argv: str) -> Ran:
        capfd.readouterr()
        code = main(list(argv))
        got = capfd.readouterr()
        return Ran(code, got.out, got.err)

    return ran


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`program("-c", "SELECT 1")` -> the process, with pipes; ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*argv: str, **options: Any) -> subprocess.Popen[str]:
        environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY), **options.pop("env", {})}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        started.append(subprocess.Popen([sys.executable, "-m", "kshell", *argv], cwd=tmp_path, env=environment, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
