"""The cells of the crash matrix: which failpoint is killed at which hit, in which job.

Invariant: every failpoint that the program has is in here; which hits are run is said in one place."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass

from tests.crash import scenarios
from tests.crash.scenarios import Scenario

# In the design, and not in the program: what they guard is not built.
NOT_BUILT = frozenset({"rebalance.in_assign", "rebalance.in_revoke", "rebalance.in_lost", "orphan.before_delete"})

# CREATE SINK makes two commits of its own and a flush makes two, so the first commit of rows is the fourth.
_COMMIT = (1, 2, 3, 4, 6)
HITS: Mapping[str, tuple[int, ...]] = {
    "commit.after_load": _COMMIT, "commit.before_catalog": _COMMIT, "commit.after_catalog": _COMMIT,
    "commit.after_validate": (1, 2, 3, 4), "commit.after_manifest": (1, 2, 3, 4), "flush.after_parquet": (1, 2, 3, 4),
    "publish.before_begin": _COMMIT, "publish.after_views": _COMMIT, "publish.after_drop": _COMMIT, "publish.after_commit": _COMMIT,
}
_SCENARIOS: Mapping[str, Scenario] = {
    "observe": scenarios.WATCHED, "shutdown": scenarios.LEFT, "create": scenarios.CREATED, "schema": scenarios.WIDENED,
    "expire": scenarios.EXPIRED,
}


@dataclass(frozen=True)
class Cell:
    failpoint: str
    hit: int

    def __str__(self) -> str:
        return f"{self.failpoint}@{self.hit}"

    @property
    def scenario(self) -> Scenario:
        return _SCENARIOS.get(self.failpoint.partition(".")[0], scenarios.FLUSHED)


def all_cells(failpoints: frozenset[str]) -> list[Cell]:
    return [Cell(name, hit) for name in sorted(failpoints - NOT_BUILT) for hit in HITS.get(name, (1, 2, 3))]


def chosen(failpoints: frozenset[str]) -> list[Cell]:
    """The first hit of every failpoint and, by seed, a third of the others; all of them with KSHELL_FULL=1."""
    cells = all_cells(failpoints)
    if os.environ.get("KSHELL_FULL") == "1":
        return cells
    draw = random.Random(os.environ.get("KSHELL_SEED", "1"))
    return [cell for cell in cells if cell.hit == 1 or draw.random() < 1 / 3]
