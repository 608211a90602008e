"""`.version`: which kshell, and on which libraries it stands."""

from __future__ import annotations

import platform
from importlib import metadata

import kshell
from kshell.shell.context import Context

USAGE, COMPLETES = "", ""
HELP = "versions of kshell and its libraries"
_PARTS = (("DuckDB", "duckdb"), ("Kafka client", "confluent-kafka"), ("PyIceberg", "pyiceberg"), ("Arrow", "pyarrow"))


def run(context: Context, arguments: str) -> None:
    context.print(f"kshell {kshell.__version__}")
    context.print(f"Python {platform.python_version()}")
    for label, distribution in _PARTS:
        context.print(f"{label} {_version(distribution)}")


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "is missing"
