"""Which tests of a run in several processes (`pytest -n 2`) stay together.

Invariant: the tests of one file run in one process, one after the other, as they do without `-n`: files share servers and sessions
of their own. Only a file whose tests each bring everything they need, and take long, is spread test by test, and last, so that no
process is left with a long file at the end."""

from __future__ import annotations

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

SPREAD = frozenset({"tests/transcripts/test_transcripts.py", "tests/protocol/test_protocol.py", "tests/chaos/test_zombies.py"})


def is_spread(nodeid: str) -> bool:
    return nodeid.split("::", 1)[0] in SPREAD


def spread_last(items: list[pytest.Item]) -> None:
    """Keeps the order within both parts."""
    items.sort(key=lambda item: is_spread(item.nodeid))


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out files in the order of the collection, which is random, and then the tests of SPREAD one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if is_spread(nodeid) else nodeid.split("::", 1)[0]
