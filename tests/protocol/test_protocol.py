"""No record twice and none lost, whatever the catalog answers and the neighbour does; and the verifiers notice a rule that is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.mutations import MUTATIONS, Mutation
from tests.protocol.run import VERBS

REPOSITORY = Path(__file__).parents[2]
RUN_S_MAX = 90                                # ends a hang: on an idle machine a run takes 4 to 8 s
MUTATED = {"seconds": 12, "work": 5}          # it need not get to the end: what it committed until then is verified
SEEDS = (1, 2, 3, 4, 5)


def _run(folder: Path, **setting: Any) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "tests.protocol.run", json.dumps(setting)], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(folder)}, timeout=RUN_S_MAX + 60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.timeout(180)
@pytest.mark.fault("F51")
@pytest.mark.fault("F52")
@pytest.mark.fault("F53")
@pytest.mark.fault("F54")
@pytest.mark.fault("F60")
@pytest.mark.fault("F61")
@pytest.mark.parametrize("seed", SEEDS)
def test_every_record_is_there_once_after_lost_answers_kills_and_a_cruel_neighbour(seed: int) -> None:
    found = _run(REPOSITORY, seed=seed, seconds=RUN_S_MAX, verbs=VERBS)
    assert found["clean"], found
    assert found["reached"], found
    assert found["results"]["applied"] > 5, found
    assert found["results"]["compacted"] > 0, found


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "kshell", tmp_path / "kshell", ignore=ignore)
    shutil.copytree(REPOSITORY / "tests" / "protocol", tmp_path / "tests" / "protocol", ignore=ignore)
    (tmp_path / "tests" / "__init__.py").touch()
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def _only_ids_repeat(found: dict[str, Any]) -> bool:
    """A commit without rows whose answer was lost is made again under its id; rows, positions and files are right all the same."""
    harms = ("duplicates", "missing", "wrong", "both", "unreadable", "surprises")
    return not any(found[harm] for harm in harms) and all("commit id" in line and line.endswith(" twice") for line in found["chain"])


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name.replace(" ", "_"))
def test_a_missing_rule_is_noticed_and_only_the_commit_id_is_no_rule(mutation: Mutation, copy: Path) -> None:
    for file, old, new in mutation.edits:
        text = (copy / file).read_text()
        assert text.count(old) == 1, f"{file} does not hold exactly once: {old}"
        (copy / file).write_text(text.replace(old, new))
    noticed = None
    for seed in range(11, 11 + mutation.seeds):
        found = _run(copy, seed=seed, **MUTATED, **mutation.setting)
        well = found["clean"] or (not mutation.noticed and _only_ids_repeat(found))
        noticed = noticed or (None if well else found)
        if noticed:
            break
    assert (noticed is not None) == mutation.noticed, noticed
