"""The only place that names private parts of PyIceberg 0.12, and the only place that stages and sends a commit.

Invariant: one call of `send` is one request of the catalog. Nothing here retries, re-bases or deletes: `Table.append()` and
`Transaction.commit_transaction()` do all three, and a stale writer then succeeds with old positions.

Private names: Transaction._updates and ._requirements (what was staged), _dataframe_to_data_files (Parquet with Iceberg statistics).
Those of catalogs are in `clients.py`."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.manifest import DataFile
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.refs import SnapshotRefType
from pyiceberg.table.update import (
    AssertCurrentSchemaId,
    AssertDefaultSpecId,
    AssertRefSnapshotId,
    AssertTableUUID,
    SetPropertiesUpdate,
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
)
from pyiceberg.table.update.schema import UpdateSchema
from pyiceberg.table.update.snapshot import ExpireSnapshots

if TYPE_CHECKING:
    import pyarrow as pa

MERGE_ABOVE_MANIFESTS = 8                     # iceberg_scan reads every manifest at every query: 0.3 to 0.7 ms each
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
    head = metadata.current_snapshot()
    refs = {name: ref for name, ref in metadata.refs.items() if name == "main"}
    copy = metadata.model_copy(update={
        "snapshots": [head] if head else [], "snapshot_log": [], "metadata_log": [], "refs": refs, "statistics": [],
        "partition_statistics": [], "properties": {**metadata.properties, **properties}})
    return Table(table.name(), copy, table.metadata_location, table.io, table.catalog)


def stage_append(table: Table, files: Sequence[DataFile], summary: Mapping[str, str], *, whole: bool = False) -> Staged:
    """An append on the head of main. `whole`: stage on the complete metadata, which a test compares with the slim copy."""
    head = table.metadata.current_snapshot()
    merge = head is not None and len(head.manifests(table.io)) > MERGE_ABOVE_MANIFESTS
    transaction = (table if whole else slim(table, _MERGE if merge else {})).transaction()
    snapshot = transaction.update_snapshot(snapshot_properties=dict(summary))
    producer = snapshot.merge_append() if merge else snapshot.fast_append()
    for file in files:
        producer.append_data_file(file)
    producer.commit()
    return Staged(transaction._updates, transaction._requirements, producer.snapshot_id)


def with_progress(staged: Staged, table: Table, tag: str, properties: Mapping[str, str]) -> Staged:
    """Step 7: the staged snapshot, the tag on it and the mirror, refused when head, table, schema or partitioning moved."""
    assert staged.snapshot_id is not None
    # Not None for "never": the table's own default would then apply to the tag.
    reference = SetSnapshotRefUpdate.model_validate({
        "ref-name": tag, "type": SnapshotRefType.TAG, "snapshot-id": staged.snapshot_id, "max-ref-age-ms": _FOREVER_MS})
    updates = (*staged.updates, reference, SetPropertiesUpdate(updates=dict(properties)))
    return Staged(updates, (*staged.requirements, *unmoved(table)), staged.snapshot_id)


def unmoved(table: Table) -> tuple[TableRequirement, ...]:
    metadata = table.metadata
    return (AssertTableUUID(uuid=metadata.table_uuid),
            AssertCurrentSchemaId.model_validate({"current-schema-id": metadata.current_schema_id}),
            AssertDefaultSpecId.model_validate({"default-spec-id": metadata.default_spec_id}))


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
    transaction = table.transaction()
    ExpireSnapshots(transaction).by_ids(list(snapshot_ids)).commit()
    head = AssertRefSnapshotId.model_validate({"ref": "main", "snapshot-id": table.metadata.current_snapshot_id})
    return Staged(transaction._updates, (*transaction._requirements, head, *unmoved(table)))


def send(table: Table, staged: Staged) -> CommitTableResponse:
    """The one request. After an error of any kind it may have landed."""
    return table.catalog.commit_table(table, staged.requirements, staged.updates)


def write_parquet(table: Table, rows: pa.Table, cid: str, first_number: int) -> list[DataFile]:
    """Data files named by `cid`. A second try takes a higher `first_number`: no half-written file is used again."""
    return list(_dataframe_to_data_files(table_metadata=slim(table).metadata, df=rows, io=table.io, write_uuid=uuid.UUID(cid),
                                         counter=itertools.count(first_number)))
