"""A rule of exactly-once that somebody takes out, wherever it stands, fails a test that runs in a second."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.protocol.guards import GUARDS, Guard

REPOSITORY = Path(__file__).parents[2]
RUN_S_MAX = 120
TESTS_FAILED = 1                              # pytest's exit code; an error while collecting is another


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("guards")
    for name in ("kshell", "sql", "tests"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests], cwd=folder, capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": str(folder)}, timeout=RUN_S_MAX, check=False)
    return done.returncode, done.stdout + done.stderr


def test_in_an_untouched_copy_nothing_is_noticed(copy: Path) -> None:
    code, said = run(copy, sorted({guard.test for guard in GUARDS}))
    assert code == 0, said


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.name.replace(" ", "_"))
def test_a_missing_rule_fails_its_test(guard: Guard, copy: Path) -> None:
    file = copy / guard.file
    text = file.read_text()
    assert text.count(guard.old) == 1, f"{guard.file} does not hold exactly once: {guard.old}"
    file.write_text(text.replace(guard.old, guard.new))
    try:
        code, said = run(copy, [guard.test])
    finally:
        file.write_text(text)
    assert code == TESTS_FAILED, said
    assert f"FAILED {guard.test}" in said, said
