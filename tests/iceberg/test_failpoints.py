"""Every place where a test can kill the program is registered, and those of the commit protocol are where it says."""

from __future__ import annotations

import re
from pathlib import Path

import kshell
from kshell.testing import FAILPOINTS

PACKAGE = Path(kshell.__file__).parent
PROTOCOL = {
    "flush.after_parquet", "schema.before_commit", "schema.after_commit", "errors.before_commit", "errors.after_commit",
    "commit.after_load", "commit.after_validate", "commit.after_manifest", "commit.before_catalog", "commit.after_catalog",
    "compact.after_parquet", "compact.before_catalog", "compact.after_catalog",
    "expire.before", "expire.after", "create.after_table", "create.after_errors_table", "create.after_start",
    "replay.after_commit", "replay.after_mark", "replay.after_parquet", "replay.after_rewrite",
}


def _names(folder: Path) -> list[str]:
    return [name for path in folder.rglob("*.py") for name in re.findall(r'failpoint\("([^"]+)"\)', path.read_text())]


def test_every_failpoint_in_the_code_is_registered() -> None:
    assert set(_names(PACKAGE)) <= FAILPOINTS


def test_the_protocols_failpoints_are_in_the_code_once() -> None:
    assert sorted(_names(PACKAGE / "iceberg")) == sorted(PROTOCOL)
