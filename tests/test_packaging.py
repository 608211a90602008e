"""The wheel holds what the program needs, and works where no source tree is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
IMPORTED_AS = {"prompt-toolkit": "prompt_toolkit", "confluent-kafka": "confluent_kafka", "protobuf": "google"}
NOT_IMPORTED = {"grpcio-tools"}               # a child process imports it; extensions are found by their folders
WITH_PYICEBERG = {"pydantic", "requests", "sqlalchemy"}   # parts of its interface: it raises their exceptions
WITH_UVICORN = {"h11"}                       # its parser, whose state tells whether a request has begun
ON_REQUEST = {"pandas", "polars", "keyring"}  # Result.df() and .pl(), and PERSISTENT secrets, for those who have them


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)],
                   check=True, capture_output=True, timeout=120)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The folder of a program that has the wheel and no source tree."""
    folder = wheel.parent / "site"
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def _run(installed: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=installed.parent, env={"PYTHONPATH": str(installed), "HOME": str(installed)},
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_module_and_every_sql_file(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "kshell").rglob("*.py")}
    files = {f"kshell/_sql/{path.relative_to(REPOSITORY / 'sql')}" for path in (REPOSITORY / "sql").rglob("*.sql")}
    assert files
    assert modules | files | {"kshell/py.typed"} <= inside


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    inside = zipfile.ZipFile(wheel).namelist()
    known = r"kshell/|kshell-[^/]+\.(dist-info/|data/data/share/man/man1/kshell\.1$)"
    assert [name for name in inside if not re.match(known, name)] == []


def test_the_wheel_brings_its_manual_page(wheel: Path) -> None:
    held = zipfile.ZipFile(wheel)
    page = next(name for name in held.namelist() if name.endswith("/share/man/man1/kshell.1"))
    assert held.read(page) == (REPOSITORY / "docs" / "kshell.1").read_bytes()


def test_what_an_extra_brings_is_there_for_the_tests() -> None:
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]
    assert {wanted for extra in PROJECT["optional-dependencies"].values() for wanted in extra} <= set(groups["dev"])


def test_the_wheel_answers_a_query_without_the_source_tree(installed: Path) -> None:
    code = "import sys, kshell.cli; sys.exit(kshell.cli.main(['--csv', '-c', 'SELECT 1 AS one']))"
    assert _run(installed, "-c", code) == "one\n1\n"


def test_the_wheel_uses_its_own_sql_files(installed: Path) -> None:
    relative = sorted(str(path.relative_to(REPOSITORY / "sql")) for path in (REPOSITORY / "sql").rglob("*.sql"))
    code = "import kshell.sqlfile as f\nprint(f.folder())\nfor name in f.names(): f.placeholders(name) and print(name)\nprint(*f.names())"
    folder, *_, names = _run(installed, "-c", code).split("\n")[:-1]
    assert folder == str(installed / "kshell" / "_sql")
    assert names.split() == relative


def test_the_version_stands_in_one_spelling() -> None:
    import kshell

    assert kshell.__version__ == PROJECT["version"]


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    declared = {re.split(r"[\[=<>~! ]", requirement)[0] for requirement in PROJECT["dependencies"]}
    wanted = {IMPORTED_AS.get(name, name) for name in declared if not name.startswith("duckdb-extension-")} - NOT_IMPORTED
    serving = {re.split(r"[\[=<>~! ]", requirement)[0].replace("-", "_") for requirement in PROJECT["optional-dependencies"]["serve"]}
    assert _outside_imports() - ON_REQUEST - WITH_PYICEBERG - WITH_UVICORN - serving == wanted


def _outside_imports() -> set[str]:
    found: set[str] = set()
    for path in (REPOSITORY / "kshell").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"kshell"}
