"""SIGKILL at a failpoint, then the same script on an empty machine: the table is the producer's log, each record once.

One cell: `pytest tests/crash -k commit.after_catalog-4`."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from kshell.testing import FAILPOINTS
from tests.crash import scenarios
from tests.crash.cells import Cell, FanOut, Storm, all_cells, fan_outs
from tests.crash.conftest import MakeJob
from tests.crash.crash import Crash
from tests.crash.processes import Zygote

Crashed = Callable[[Cell | Storm], list[str]]


@pytest.mark.slow
@pytest.mark.timeout(600)                     # the cells share a pool: a test may wait for others'
@pytest.mark.parametrize("cell", all_cells(FAILPOINTS), ids=str)
def test_a_kill_neither_loses_nor_repeats_a_record(cell: Cell, crashed: Crashed) -> None:
    assert not crashed(cell), "\n".join(crashed(cell))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("cell", fan_outs(), ids=str)
def test_each_table_of_one_source_has_what_it_should(cell: FanOut, crashed: Crashed) -> None:
    assert not crashed(cell), "\n".join(crashed(cell))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("cell", [Storm(seed) for seed in range(1, 5)], ids=str)
def test_nor_does_one_kill_after_the_other(cell: Storm, crashed: Crashed) -> None:
    assert not crashed(cell), "\n".join(crashed(cell))


@pytest.mark.timeout(600)
def test_the_matrix_sees_a_program_that_repeats_verdicts(make_job: MakeJob, zygote: Zygote) -> None:
    problems = Crash(make_job(scenarios.FORGETFUL), zygote).once("errors.after_commit", 2)
    assert re.search("orders: {'duplicates': [1-9]", "\n".join(problems)), "\n".join(problems)
