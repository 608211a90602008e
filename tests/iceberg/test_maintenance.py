"""A table stays small, and nothing that somebody reads goes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.exceptions import CommitFailedException

from kshell.iceberg.maintenance import delete_old_metadata, expirable, expire
from kshell.iceberg.values import Result
from tests.iceberg.conftest import TOPIC, Pipe
from tests.iceberg.faults import Script, before


def _keep(pipe: Pipe, number: int) -> None:
    with pipe.table.transaction() as change:
        change.set_properties({"kshell.orders_lake.keep-snapshots": str(number)})


@pytest.mark.fault("F69")
def test_the_newest_snapshots_and_every_reference_are_kept(pipe: Pipe) -> None:
    first = pipe.table.current_snapshot().snapshot_id
    pipe.table.manage_snapshots().create_tag(first, "audit").commit()
    for n in range(6):
        pipe.commit(0, n, n + 1)
    _keep(pipe, 2)
    assert expire(pipe.lake, pipe.created.sink) == 4
    assert len(pipe.table.metadata.snapshots) == 3
    assert {"audit", "kshell_orders_lake"} <= set(pipe.table.metadata.refs)
    assert expire(pipe.lake, pipe.created.sink) == 0
    assert pipe.again().head.cut()[TOPIC, 0] == 6
    assert pipe.commit(0, 6, 7).result is Result.APPLIED
    assert len(pipe.rows()) == 7


def test_a_table_without_keep_snapshots_is_never_expired(pipe: Pipe) -> None:
    for n in range(3):
        pipe.commit(0, n, n + 1)
    with pipe.table.transaction() as change:
        change.remove_properties("kshell.orders_lake.keep-snapshots")
    assert expire(pipe.lake, pipe.created.sink) == 0


def test_the_head_is_kept_whatever_is_asked(pipe: Pipe) -> None:
    pipe.commit(0, 0, 1)
    assert pipe.table.current_snapshot().snapshot_id not in expirable(pipe.table, 0)


def test_a_lost_race_expires_nothing(pipe: Pipe) -> None:
    for n in range(4):
        pipe.commit(0, n, n + 1)
    _keep(pipe, 1)
    Script(pipe.lake, before(CommitFailedException("409")))
    assert expire(pipe.lake, pipe.created.sink) == 0


def _metadata(pipe: Pipe) -> set[str]:
    folder = Path(pipe.table.metadata_location.removeprefix("file://")).parent
    return {str(p) for p in folder.glob("*.metadata.json")}


@pytest.fixture
def short_log(pipe: Pipe) -> Any:
    with pipe.table.transaction() as change:
        change.set_properties({"write.metadata.previous-versions-max": "2"})
    for n in range(6):
        pipe.commit(0, n, n + 1)
    return pipe


def test_metadata_files_that_fell_out_of_the_log_go_after_an_hour(short_log: Pipe) -> None:
    pipe = short_log
    before = _metadata(pipe)
    assert delete_old_metadata(pipe.lake, pipe.table) == 0
    pinned = sorted(before)[0]
    gone = delete_old_metadata(pipe.lake, pipe.table, [f"file://{pinned}"], now=time.time() + 3700)
    left = _metadata(pipe)
    assert gone == len(before) - len(left) > 0
    assert pinned in left
    assert {e.metadata_file.removeprefix("file://") for e in pipe.table.metadata.metadata_log} <= left
    assert len(pipe.rows()) == 6


def test_a_table_of_others_keeps_its_metadata_files(short_log: Pipe) -> None:
    with short_log.table.transaction() as change:
        change.set_properties({"write.metadata.delete-after-commit.enabled": "false"})
    for path in _metadata(short_log):
        os.utime(path, (1, 1))
    assert delete_old_metadata(short_log.lake, short_log.table) == 0
