"""SIGKILL at a failpoint, then the same script on an empty machine: the table is the producer's log, each record once.

One cell: `pytest tests/crash -k commit.after_catalog-4`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kshell.testing import FAILPOINTS
from tests.crash.cells import Cell, all_cells


@pytest.mark.slow
@pytest.mark.timeout(600)                     # the cells share a pool: a test may wait for others'
@pytest.mark.parametrize("cell", all_cells(FAILPOINTS), ids=str)
def test_a_kill_neither_loses_nor_repeats_a_record(cell: Cell, crashed: Callable[[Cell], list[str]]) -> None:
    assert crashed(cell) == []
