"""The only place that stages and sends a commit, with the private parts of PyIceberg 0.12 that this takes.

Invariant: one call of `send` is one request of the catalog. Nothing here retries, re-bases or deletes: `Table.append()` and
`Transaction.commit_transaction()` do all three, and a stale writer then succeeds with old positions.

Private names: Transaction._updates and ._requirements (what was staged), _dataframe_to_data_files (Parquet with Iceberg statistics). Those
of reading are in `data_files.py`, those of catalogs in `sql_client.py` and `rest_client.py`."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.manifest import DataFile
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.refs import SnapshotRefType
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    AssertCurrentSchemaId,
    AssertDefaultSpecId,
    AssertRefSnapshotId,
    AssertTableUUID,
    RemoveSnapshotsUpdate,
    SetPropertiesUpdate,
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
)
from pyiceberg.table.update.schema import UpdateSchema

from kshell.iceberg import nulls, tiers  # noqa: F401  (nulls: for its effect on the projection)
from kshell.iceberg.pages import writing

if TYPE_CHECKING:
    import pyarrow as pa

_FOREVER_MS = 2**63 - 1                       # a tag without it takes the table's history.expire.max-ref-age-ms
_MERGE = {"commit.manifest-merge.enabled": "true", "commit.manifest.min-count-to-merge": "2",
          "commit.manifest.target-size-bytes": "256000"}      # about 1,000 files; a merge rewrites as many, 0.1 s, then it is closed


@dataclass(frozen=True, slots=True)
class Staged:
    """A commit that nobody has seen yet."""

    updates: tuple[TableUpdate, ...]
    requirements: tuple[TableRequirement, ...]
    snapshot_id: int | None = None            # None: no snapshot is added


def slim(table: Table, properties: Mapping[str, str] = {}) -> Table:
    """The table with its head alone. PyIceberg copies all metadata about 20 times while it stages: 900 ms at 1,000 snapshots."""
    metadata = table.metadata
    copy = metadata.model_copy(update={
        "snapshots": [s for s in (metadata.current_snapshot(),) if s],
        "refs": {name: ref for name, ref in metadata.refs.items() if name == "main"}, "snapshot_log": [], "metadata_log": [],
        "statistics": [], "partition_statistics": [], "properties": {**metadata.properties, **properties}})
    return Table(table.name(), copy, table.metadata_location, table.io, table.catalog)


def stage_append(table: Table, files: Sequence[DataFile], summary: Mapping[str, str], *, whole: bool = False) -> Staged:
    """An append on the head of main. `whole`: stage on the complete metadata, which a test compares with the slim copy."""
    head = table.metadata.current_snapshot()
    merge = head is not None and tiers.many(head.manifests(table.io))
    transaction = (table if whole else slim(table, _MERGE if merge else {})).transaction()
    snapshot = transaction.update_snapshot(snapshot_properties=dict(summary))
    producer = snapshot.merge_append() if merge else snapshot.fast_append()
    for file in files:
        producer.append_data_file(file)
    producer.commit()
    return Staged(transaction._updates, transaction._requirements, producer.snapshot_id)


def stage_overwrite(table: Table, added: Sequence[DataFile], removed: Sequence[DataFile], summary: Mapping[str, str]) -> Staged:
    """Files exchanged for others that hold the same records."""
    transaction = slim(table).transaction()
    producer = transaction.update_snapshot(snapshot_properties=dict(summary)).overwrite()
    for file in added:
        producer.append_data_file(file)
    for file in removed:
        producer.delete_data_file(file)       # one that is not live in the head is an error here
    producer.commit()
    return Staged(transaction._updates, (*transaction._requirements, *unmoved(table)), producer.snapshot_id)


def stage_replace(table: Table, added: Sequence[DataFile], removed: Sequence[DataFile], summary: Mapping[str, str]) -> Staged:
    """Files exchanged for others with the same rows. PyIceberg has no `replace`: an overwrite of named files differs in its name alone."""
    staged = stage_overwrite(table, added, removed, summary)
    return replace(staged, updates=tuple(_renamed(u) for u in staged.updates))


def _renamed(update: TableUpdate) -> TableUpdate:
    if not isinstance(update, AddSnapshotUpdate) or update.snapshot.summary is None:
        return update
    replaced = Summary(Operation.REPLACE, **update.snapshot.summary.additional_properties)
    return AddSnapshotUpdate(snapshot=update.snapshot.model_copy(update={"summary": replaced}))


def with_progress(staged: Staged, table: Table, tag: str, properties: Mapping[str, str]) -> Staged:
    """Step 7: the staged snapshot, the tag on it and the mirror, refused when head, table, schema or partitioning moved."""
    reference = SetSnapshotRefUpdate.model_validate({
        "ref-name": tag, "type": SnapshotRefType.TAG, "snapshot-id": staged.snapshot_id, "max-ref-age-ms": _FOREVER_MS})
    updates = (*staged.updates, reference, SetPropertiesUpdate(updates=dict(properties)))
    return Staged(updates, (*staged.requirements, *unmoved(table)), staged.snapshot_id)


def unmoved(table: Table) -> tuple[TableRequirement, ...]:
    return (AssertTableUUID(uuid=table.metadata.table_uuid),
            AssertCurrentSchemaId.model_validate({"current-schema-id": table.metadata.current_schema_id}),
            AssertDefaultSpecId.model_validate({"default-spec-id": table.metadata.default_spec_id}))


def stage_schema(table: Table, change: Callable[[UpdateSchema], object]) -> Staged:
    """A change of the schema alone, refused when the schema moved meanwhile."""
    transaction = slim(table).transaction()
    update = transaction.update_schema()
    change(update)
    update.commit()
    own = tuple(r for r in transaction._requirements if not isinstance(r, AssertCurrentSchemaId))
    return Staged(transaction._updates, (*own, *unmoved(table)))


def stage_expiry(table: Table, snapshot_ids: Sequence[int]) -> Staged:
    """Removal of snapshots from the metadata. Files stay: PyIceberg deletes none, and readers of ours may pin them."""
    head = AssertRefSnapshotId.model_validate({"ref": "main", "snapshot-id": table.metadata.current_snapshot_id})
    return Staged((RemoveSnapshotsUpdate.model_validate({"snapshot-ids": list(snapshot_ids)}),), (head, *unmoved(table)))


def send(table: Table, staged: Staged) -> CommitTableResponse:
    """The one request. After an error of any kind it may have landed."""
    return table.catalog.commit_table(table, staged.requirements, staged.updates)


def write_parquet(table: Table, rows: pa.Table, cid: str, first_number: int) -> list[DataFile]:
    """Data files named by `cid`. A second try takes a higher `first_number`: no half-written file is used again."""
    metadata = slim(table, writing(table.properties, rows)).metadata
    return list(_dataframe_to_data_files(table_metadata=metadata, df=rows, io=table.io, write_uuid=uuid.UUID(cid),
                                         counter=itertools.count(first_number)))
