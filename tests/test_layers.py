"""The layers of ARCHITECTURE.md hold, and the contracts would notice if they did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
HEAVY = ("pyiceberg", "confluent_kafka", "prompt_toolkit", "rich")


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return subprocess.run([sys.executable, "-c", code, "--no-cache"], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
                          capture_output=True, text=True, timeout=60, check=False)


def _loaded_by(code: str) -> set[str]:
    """The heavy libraries that a fresh interpreter has loaded after this code, errors of the code apart."""
    check = f"import sys\n{code}\nprint('loaded', *(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True, cwd=REPOSITORY)
    return set(done.stdout.rpartition("loaded")[2].split())


def test_every_import_goes_down() -> None:
    done = _lint(REPOSITORY)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("module", "line"), [
    ("errors.py", "import kshell.columns"),
    ("buffer/_probe.py", "import kshell.iceberg"),
    ("session/_probe.py", "import pyiceberg"),
    ("session/_probe.py", "from confluent_kafka import Consumer"),
    ("output/csv.py", "import rich"),
    ("cli/_probe.py", "def late():\n    import prompt_toolkit"),
    ("demo/_probe.py", "import kshell.session"),
    ("stray.py", "import kshell.errors"),
])
def test_a_forbidden_import_is_noticed(module: str, line: str, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "kshell", tmp_path / "kshell", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    with (tmp_path / "kshell" / module).open("a") as file:
        file.write(f"\n{line}\n")
    assert _lint(tmp_path).returncode == 1


def test_importing_kshell_loads_no_heavy_library() -> None:
    assert _loaded_by("import kshell") == set()


def test_a_plain_query_loads_no_heavy_library() -> None:
    assert _loaded_by("from kshell.cli import main\ntry:\n    main(['-c', 'SELECT 1'])\nexcept SystemExit: pass") == set()
