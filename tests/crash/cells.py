"""The cells of the crash matrix: which failpoint is killed at which hit, in which job. And storms: one kill after the other.

Invariant: every failpoint that the program has is in here; which hits are run is said in one place."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from kshell.testing import FAILPOINTS
from tests.crash import scenarios
from tests.crash.crash import Crash
from tests.crash.job import Job
from tests.crash.processes import Zygote
from tests.crash.scenarios import Scenario

# In the design, and not in the program: what they guard is not built.
NOT_BUILT = frozenset({"rebalance.in_assign", "rebalance.in_revoke", "rebalance.in_lost", "orphan.before_delete"})
# In a process that only decodes: its death stops a partition and not the program.
ELSEWHERE = frozenset({"decode.in_child"})

# CREATE SINK makes two commits of its own and a flush makes two, so the first commit of rows is the fourth.
_COMMIT = (1, 2, 3, 4, 6)
HITS: Mapping[str, tuple[int, ...]] = {
    "commit.after_load": _COMMIT, "commit.before_catalog": _COMMIT, "commit.after_catalog": _COMMIT,
    "commit.after_validate": (1, 2, 3, 4), "commit.after_manifest": (1, 2, 3, 4), "flush.after_parquet": (1, 2, 3, 4),
    "publish.before_begin": (1, 2, 3, 4), "publish.after_views": (1, 2, 3, 4), "publish.after_drop": (1, 2, 3, 4),
    "publish.after_commit": (1, 2, 3, 4),
}
_FAN_OUT: Mapping[str, tuple[int, ...]] = {
    "flush.before_parquet": (2, 3), "errors.after_commit": (1, 3), "commit.before_catalog": (8, 10, 12),
    "commit.after_catalog": (8, 10, 12), "publish.before_begin": (5,),
    "publish.after_views": (4, 6), "publish.after_commit": (5,), "kafka.before_offset_commit": (2,),
}
_SCENARIOS: Mapping[str, Scenario] = {
    "observe": scenarios.WATCHED, "shutdown": scenarios.LEFT, "create": scenarios.CREATED, "schema": scenarios.WIDENED,
    "expire": scenarios.EXPIRED, "compact": scenarios.COMPACTED, "replay": scenarios.REPLAYED,
}


@dataclass(frozen=True)
class Cell:
    failpoint: str
    hit: int
    evolving: bool = False                    # reached by records that bring fields

    def __str__(self) -> str:
        return f"{self.failpoint}-{'evolving-' if self.evolving else ''}{self.hit}"

    @property
    def scenario(self) -> Scenario:
        return scenarios.EVOLVED if self.evolving else _SCENARIOS.get(self.failpoint.partition(".")[0], scenarios.FLUSHED)

    def run(self, job: Job, zygote: Zygote) -> list[str]:
        return Crash(job, zygote).once(self.failpoint, self.hit)


@dataclass(frozen=True)
class FanOut(Cell):
    """The same where one source feeds several tables, each with a thread that commits: a kill hits some between two steps."""

    def __str__(self) -> str:
        return f"fan-out-{super().__str__()}"

    @property
    def scenario(self) -> Scenario:
        return scenarios.FANNED


@dataclass(frozen=True)
class Storm:
    """A job that is killed at every start but the last, each time somewhere else."""

    seed: int

    def __str__(self) -> str:
        return f"storm-{self.seed}"

    @property
    def scenario(self) -> Scenario:
        return scenarios.BATTERED

    def run(self, job: Job, zygote: Zygote) -> list[str]:
        draw = random.Random(self.seed)
        names = sorted({cell.failpoint for cell in all_cells(FAILPOINTS) if cell.scenario is scenarios.FLUSHED})
        plans = [f"{draw.choice(names)}=kill@{draw.randint(1, 4)}" for _ in range(self.scenario.waves)]
        return Crash(job, zygote).again_and_again(plans)


def fan_outs() -> list[FanOut]:
    """Three CREATE SINK make six commits and three hand-overs, so these hits are within flushes."""
    return [FanOut(name, hit) for name, hits in _FAN_OUT.items() for hit in hits]


def all_cells(failpoints: frozenset[str]) -> list[Cell]:
    evolving = [Cell(name, hit, evolving=True) for name in ("schema.before_commit", "schema.after_commit") for hit in (1, 3)]
    return [Cell(name, hit) for name in sorted(failpoints - NOT_BUILT - ELSEWHERE) for hit in HITS.get(name, (1, 2, 3))] + evolving
