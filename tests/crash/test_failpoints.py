"""The names of failpoints: the program's and the design's are the same, and each that the program has stands in the matrix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kshell import testing
from tests.crash.cells import ELSEWHERE, NOT_BUILT, all_cells

PACKAGE = Path(testing.__file__).parent
DESIGNED = frozenset({
    "ingest.after_poll", "ingest.after_decode", "buffer.before_append", "buffer.after_append", "buffer.after_seal",
    "flush.before_parquet", "flush.after_parquet", "schema.before_commit", "schema.after_commit", "errors.before_commit",
    "errors.after_commit", "commit.after_load", "commit.after_validate", "commit.after_manifest", "commit.before_catalog",
    "commit.after_catalog", "publish.before_begin", "publish.after_views", "publish.after_drop", "publish.after_commit",
    "kafka.before_offset_commit", "rebalance.in_assign", "rebalance.in_revoke", "rebalance.in_lost", "observe.before_move",
    "select.before_execute", "select.mid_scan", "compact.after_parquet", "compact.before_catalog", "compact.after_catalog",
    "expire.before", "expire.after", "orphan.before_delete", "shutdown.before_flush",
    "shutdown.after_flush", "create.after_table", "create.after_errors_table", "create.after_start",
    "replay.after_decode", "replay.after_parquet", "replay.after_commit", "replay.after_rewrite", "replay.after_mark",
})


def in_the_program() -> list[str]:
    texts = (path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "testing.py")
    found = [name for text in texts for name in re.findall(r"\bfailpoint\(([^),]*)[,)]", text)]
    return [name for name in found if name.strip('"') not in ELSEWHERE]


def test_the_program_has_the_failpoints_of_the_design_and_no_others() -> None:
    found = in_the_program()
    assert sorted(found) == sorted(f'"{name}"' for name in DESIGNED - NOT_BUILT), "each stands in the program once"


def test_a_plan_may_name_what_the_design_names() -> None:
    assert testing.FAILPOINTS == DESIGNED | ELSEWHERE


def test_every_failpoint_of_the_program_is_killed_at_three_hits_at_least() -> None:
    hits: dict[str, list[int]] = {}
    for cell in all_cells(testing.FAILPOINTS):
        hits.setdefault(cell.failpoint, []).append(cell.hit)
    assert hits.keys() == DESIGNED - NOT_BUILT
    assert all(set(found) >= {1, 2, 3} for found in hits.values())


def test_without_testing_a_failpoint_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_FAILPOINTS", "commit.after_load=raise:OSError")
    monkeypatch.delenv("KSHELL_TESTING", raising=False)
    testing.failpoint("commit.after_load")
    monkeypatch.setenv("KSHELL_TESTING", "1")
    with pytest.raises(OSError, match=r"failpoint commit\.after_load"):
        testing.failpoint("commit.after_load")


def test_only_the_named_hit_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", "expire.before=raise:KeyError@2")
    testing.failpoint("expire.before")
    with pytest.raises(KeyError):
        testing.failpoint("expire.before")
    testing.failpoint("expire.before")


@pytest.mark.parametrize("text", ["commit.nowhere=kill", "commit.after_load=explode", "commit.after_load"])
def test_a_plan_that_would_test_nothing_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="failpoint"):
        testing.parse(text)
