"""Which tests of a run in several processes (`pytest -n 2`) stay together.

Invariant: the tests of one file run in one process, one after the other, as they do without `-n`: files share servers and sessions
of their own. Only a file whose tests each bring everything they need, and take long, is spread test by test. The longest file comes
first and what is spread last, its longest tests before the others, so that no process is left with much to do at the end."""

from __future__ import annotations

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

FIRST = "tests/crash/test_matrix.py"
SPREAD = ("tests/chaos/test_union_under_fire.py", "tests/chaos/test_zombies.py", "tests/transcripts/test_transcripts.py",
          "tests/protocol/test_protocol.py")


def file_of(nodeid: str) -> str:
    return nodeid.split("::", 1)[0]


def sort(items: list[pytest.Item]) -> None:
    """Keeps the order of what is neither first nor spread, and of the tests of one file."""
    items.sort(key=lambda item: _turn(file_of(item.nodeid)))


def _turn(file: str) -> int:
    return 0 if file == FIRST else 2 + SPREAD.index(file) if file in SPREAD else 1


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out files in the order of the collection, which is random, and then the tests of SPREAD one by one."""

    def schedule(self) -> None:
        self.config.option.loadscopereorder = False       # files of many tests are not what takes long
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if file_of(nodeid) in SPREAD else file_of(nodeid)
