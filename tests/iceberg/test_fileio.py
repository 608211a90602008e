"""Durability: every file and its directory are on disk before the catalog moves, unless the table says DURABLE false."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kshell.iceberg.catalogs import Lake
from kshell.iceberg.fileio import DurableFileIO
from tests.iceberg.conftest import Pipe


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was synced, in order; `sent` stands where the database was written."""
    events: list[str] = []
    original = os.fsync

    def fsync(handle: int) -> None:
        path = os.readlink(f"/proc/self/fd/{handle}")
        events.append(("dir " if stat.S_ISDIR(os.fstat(handle).st_mode) else "file ") + path)
        original(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return events


def _landing(lake: Lake, events: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes the moment in which the catalog's database is written."""
    from sqlalchemy import event

    @event.listens_for(lake.catalog.engine, "before_cursor_execute")  # type: ignore[attr-defined]
    def _(*arguments: Any) -> None:
        if arguments[2].startswith("UPDATE"):
            events.append("sent")


@pytest.mark.fault("F71")
def test_data_manifests_and_metadata_are_synced_before_the_catalog_moves(sql_lake: Lake, make_pipe: Callable[..., Pipe], order: list[str],
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = make_pipe(sql_lake, durable=True)
    order.clear()
    _landing(sql_lake, order, monkeypatch)
    pipe.commit(0, 0, 3)
    until = order[:order.index("sent")]
    files = [e.removeprefix("file ") for e in until if e.startswith("file ")]
    assert [Path(f).suffix for f in files] == [".parquet", ".avro", ".avro", ".json"]
    assert all(until.index(f"dir {Path(f).parent}", until.index(f"file {f}")) for f in files)


def test_directories_that_are_made_are_synced_in_their_parents(tmp_path: Path, order: list[str]) -> None:
    with DurableFileIO({}).new_output(f"file://{tmp_path}/a/b/file").create() as stream:
        stream.write(b"x")
    assert order == [f"dir {tmp_path}", f"dir {tmp_path}/a", f"file {tmp_path}/a/b/file", f"dir {tmp_path}/a/b"]


def test_durable_false_syncs_nothing(sql_lake: Lake, make_pipe: Callable[..., Pipe], order: list[str]) -> None:
    pipe = make_pipe(sql_lake, durable=False)
    order.clear()
    pipe.commit(0, 0, 3)
    assert order == []


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    output = DurableFileIO({}).new_output(f"file://{tmp_path}/file")
    output.create().close()
    with pytest.raises(FileExistsError):
        output.create()
    output.create(overwrite=True).close()
