"""What the protocol believes about PyIceberg 0.12, proven on the installed version; and that its private names stay in one file."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyiceberg
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.table import StaticTable

from kshell.iceberg import adapter, codec, head, tiers
from kshell.iceberg.commit import stage
from kshell.iceberg.sql_client import OurSqlCatalog
from kshell.iceberg.values import Batch
from tests.iceberg.conftest import Pipe, rows
from tests.iceberg.faults import Script, before

PACKAGE = Path(adapter.__file__).parents[1]


def test_the_version_is_the_one_the_protocol_was_proven_on() -> None:
    assert pyiceberg.__version__.startswith("0.12.")


def test_private_names_stand_in_four_files() -> None:
    private = re.compile(r"\._(updates|requirements|session|load_file_io|create_session|snapshot_producers|convert_orm_to_iceberg"
                         r"|update_and_stage_table|record_batches_from_scan_tasks_and_deletes)\b|_dataframe_to_data_files"
                         r"|_to_requested_schema")
    found = sorted(p.name for p in (PACKAGE / "iceberg").rglob("*.py") if private.search(p.read_text()))
    assert found == ["adapter.py", "data_files.py", "rest_client.py", "sql_client.py"]
    assert len(Path(adapter.__file__).read_text().splitlines()) < 150


def test_nobody_commits_through_the_library() -> None:
    forbidden = re.compile(r"\.append\((arrow|rows|table)|commit_transaction|\.overwrite\(|\.update_schema\(\) as")
    assert [p.name for p in (PACKAGE / "iceberg").rglob("*.py") if forbidden.search(p.read_text()) and p.name != "adapter.py"] == []


def _files(pipe: Pipe) -> list[Any]:
    return adapter.write_parquet(pipe.table, rows(0, 0, 3, _kafka_timestamp=pa.nulls(3, pa.timestamp("us", "UTC")),
                                                  _kafka_key=pa.nulls(3, pa.binary())), str(uuid.uuid4()), 0)


def _comparable(updates: Any) -> list[dict[str, Any]]:
    """The staged updates without what is drawn anew: snapshot ids, times and names of manifest lists."""
    drop = {"snapshot-id", "snapshot_id", "timestamp-ms", "manifest-list", "max-ref-age-ms"}

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items() if k not in drop}
        return [clean(v) for v in value] if isinstance(value, list) else value

    return [clean(u.model_dump(mode="json", by_alias=True)) for u in updates]


@pytest.mark.parametrize("commits", [0, 1, 2])
def test_the_slim_copy_stages_what_the_whole_table_stages(commits: int, pipe: Pipe) -> None:
    for n in range(commits):
        pipe.commit(0, n, n + 1)
    table, files = pipe.table, _files(pipe)
    summary = {"kshell.orders_lake.state": "{}"}
    slim = adapter.stage_append(table, files, summary)
    if not tiers.many(table.current_snapshot().manifests(table.io)):
        whole = adapter.stage_append(table, files, summary, whole=True)
        assert _comparable(slim.updates) == _comparable(whole.updates)
        assert slim.requirements == whole.requirements


@pytest.mark.parametrize("commits", [0, 1, 20])
def test_our_catalog_makes_of_a_commit_what_pyiceberg_makes_of_it(commits: int, pipe: Pipe) -> None:
    for n in range(commits):
        pipe.commit(0, n, n + 1)
    table = pipe.table
    appended = adapter.stage_append(table, _files(pipe), {"kshell.orders_lake.state": "{}"})
    staged = adapter.with_progress(appended, table, "kshell_x", {"a": "b"})
    ours, theirs = (owner._update_and_stage_table(table.catalog, table, table.name(), staged.requirements, staged.updates).metadata
                    for owner in (OurSqlCatalog, SqlCatalog))
    assert ours.model_dump(mode="json") == theirs.model_dump(mode="json")
    assert len(ours.snapshots) == len(table.metadata.snapshots) + 1


def test_a_metadata_file_that_was_just_written_is_what_would_be_read(pipe: Pipe) -> None:
    pipe.commit(0, 0, 3)
    pipe.commit(0, 3, 5)
    remembered = pipe.lake.fetch(pipe.spec.table)
    read = StaticTable.from_metadata(remembered.metadata_location)
    assert remembered.metadata.model_dump(mode="json") == read.metadata.model_dump(mode="json")


def test_a_commit_of_somebody_else_is_read_at_once(pipe: Pipe) -> None:
    pipe.commit(0, 0, 3)
    other = SqlCatalog(pipe.lake.files_tables_as, **pipe.lake.catalog.properties)
    other.load_table(pipe.spec.table).transaction().set_properties(seen="yes").commit_transaction()
    assert pipe.lake.fetch(pipe.spec.table).properties["seen"] == "yes"


def test_staging_sends_nothing(pipe: Pipe) -> None:
    script = Script(pipe.lake)
    adapter.stage_append(pipe.table, _files(pipe), {})
    adapter.stage_schema(pipe.table, lambda update: None)
    assert script.sent == 0


def test_send_is_one_request_even_when_it_is_refused(pipe: Pipe) -> None:
    table = pipe.table
    staged = adapter.stage_append(table, _files(pipe), {})
    script = Script(pipe.lake, before(CommitFailedException("409")))
    with pytest.raises(CommitFailedException):
        adapter.send(table, staged)
    assert script.sent == 1


def test_a_commit_carries_all_four_requirements(pipe: Pipe) -> None:
    table = pipe.table
    state = pipe.head.state
    assert state is not None
    staged = stage(table, pipe.created.sink, state, Batch())
    pipe.commit(0, 0, 3)
    replaced = adapter.stage_replace(pipe.table, [], [t.file for t in pipe.table.scan().plan_files()], {})
    for requirements in (staged.requirements, replaced.requirements):
        kinds = sorted(type(r).__name__ for r in requirements)
        assert kinds == ["AssertCurrentSchemaId", "AssertDefaultSpecId", "AssertRefSnapshotId", "AssertTableUUID"]


def test_a_file_that_is_not_live_cannot_be_replaced(pipe: Pipe) -> None:
    pipe.commit(0, 0, 3)
    old = [t.file for t in pipe.table.scan().plan_files()]
    adapter.send(pipe.table, adapter.stage_replace(pipe.table, _files(pipe), old, {}))
    with pytest.raises(ValidationException):
        adapter.stage_replace(pipe.table, _files(pipe), old, {})


def test_the_librarys_append_rebases_a_stale_writer(pipe: Pipe) -> None:
    """Why it is never used: the second writer succeeds with the summary of the first base."""
    one, two = pipe.table, pipe.table
    arrow = pa.table({"id": pa.array([1], pa.int64())})
    one.append(arrow, snapshot_properties={"position": "10"})
    two.append(arrow, snapshot_properties={"position": "5"})
    assert pipe.table.current_snapshot().summary["position"] == "5"
    assert pipe.table.scan().to_arrow().num_rows == 2


def test_without_the_schema_requirement_an_old_schema_lands(pipe: Pipe) -> None:
    from pyiceberg.types import StringType

    table, files = pipe.table, _files(pipe)
    staged = adapter.stage_append(table, files, {})
    with pipe.table.update_schema() as update:
        update.add_column(("note",), StringType())
    response = adapter.send(table, staged)
    landed = response.metadata.current_snapshot()
    assert landed is not None
    assert landed.schema_id != response.metadata.current_schema_id
    with pytest.raises(CommitFailedException):
        adapter.send(table, adapter.Staged(staged.updates, (*staged.requirements, *adapter.unmoved(table))))


def test_an_empty_table_asserts_that_nobody_made_main(pipe: Pipe) -> None:
    identifier = (pipe.spec.table[0], "empty")
    table = pipe.lake.catalog.create_table(identifier, pipe.table.schema())
    staged = adapter.stage_append(table, [], {})
    assert [r.snapshot_id for r in staged.requirements if hasattr(r, "snapshot_id")] == [None]
    adapter.send(table, staged)
    with pytest.raises(CommitFailedException):
        adapter.send(table, adapter.stage_append(table, [], {}))


@pytest.mark.fault("F78")
def test_a_summary_takes_text_under_keys_of_our_own(pipe: Pipe) -> None:
    with pytest.raises(TypeError):
        adapter.stage_append(pipe.table, _files(pipe), {"operation": "x"})
    state = pipe.head.state
    assert state is not None
    entries = codec.summary(pipe.created.sink, state, Batch())
    assert {type(v) for v in entries.values()} == {str}


def test_files_are_used_by_several_attempts(pipe: Pipe) -> None:
    files = _files(pipe)
    first, second = adapter.stage_append(pipe.table, files, {}), adapter.stage_append(pipe.table, files, {})
    assert first.snapshot_id != second.snapshot_id
    adapter.send(pipe.table, second)
    assert pipe.table.scan().to_arrow().num_rows == 3


def test_the_answer_of_a_commit_is_a_table(pipe: Pipe) -> None:
    table = pipe.table
    answer = head.answered(table, adapter.send(table, adapter.stage_append(table, _files(pipe), {})))
    assert answer.metadata_location == pipe.table.metadata_location
    assert answer.scan().to_arrow().num_rows == 3
