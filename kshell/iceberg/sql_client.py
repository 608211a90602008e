"""PyIceberg's SQL catalog as kshell opens it: trusting no table, and as quick at a thousand snapshots as at ten.

Invariant: what a commit writes, and when it is refused, is what PyIceberg's own class writes and refuses; a test compares them.

Private names: Catalog._load_file_io (so that no table names the class that opens files), SqlCatalog._convert_orm_to_iceberg and
Catalog._update_and_stage_table (to read no metadata twice and copy no snapshots), Catalog._resolve_table_location (to know a table's place
before it is there)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.io import FileIO
from pyiceberg.table import CommitTableResponse, StagedTable, Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import AddSnapshotUpdate, SetPropertiesUpdate, SetSnapshotRefUpdate, TableRequirement, TableUpdate
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties

from kshell.iceberg.bounds import trusted_properties
from kshell.iceberg.sealed import Sealable

_WRITTEN_KEPT = 8                             # metadata of so many commits; those of two tables alternate
_OF_AN_APPEND = (AddSnapshotUpdate, SetSnapshotRefUpdate, SetPropertiesUpdate)


@dataclass(frozen=True, slots=True)
class _Written:
    metadata: TableMetadata
    stamp: tuple[int, int] | None


def _stamp(location: str) -> tuple[int, int] | None:
    """Size and time of a local file: somebody's repair of it must be seen. None elsewhere, where objects are never written twice."""
    url = urlsplit(location)
    if url.scheme not in ("file", ""):
        return None
    try:
        found = os.stat(unquote(url.path))
    except OSError:
        return (time.monotonic_ns(), -1)       # equal to no other: it is read, and the error is the reader's
    return (found.st_size, found.st_mtime_ns)


class OurSqlCatalog(Sealable, SqlCatalog):
    """PyIceberg reads and parses the metadata twice for a commit, and copies every snapshot to add one: 100 ms at 1,000 of them.
    Here a metadata file that this catalog has written is not read again while it stands as it was written, and snapshots are shared."""

    def __init__(self, name: str, **properties: str) -> None:
        self._written: dict[str, _Written] = {}               # by the location that the database names
        super().__init__(name, **properties)

    def would_lie(self, identifier: Identifier) -> str:
        """The location of a table that does not exist, in a namespace that does."""
        return self._resolve_table_location(None, self.namespace_to_string(identifier[:-1]), identifier[-1])

    def commit_table(self, table: Table, requirements: tuple[TableRequirement, ...],
                     updates: tuple[TableUpdate, ...]) -> CommitTableResponse:
        response = super().commit_table(table, requirements, updates)
        self._written[response.metadata_location] = _Written(response.metadata, _stamp(response.metadata_location))
        while len(self._written) > _WRITTEN_KEPT:
            self._written.pop(next(iter(self._written)), None)
        return response

    def _convert_orm_to_iceberg(self, orm_table: IcebergTables) -> Table:
        location = orm_table.metadata_location
        known = self._written.get(location) if location else None
        if location is None or known is None or known.stamp != _stamp(location):
            return super()._convert_orm_to_iceberg(orm_table)
        metadata = known.metadata
        identifier = (*self.identifier_to_tuple(orm_table.table_namespace), orm_table.table_name)
        return Table(identifier, metadata, location, self._load_file_io(metadata.properties, location), self)

    def _update_and_stage_table(self, current_table: Table | None, table_identifier: Identifier,
                                requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]) -> StagedTable:
        if current_table is None or not all(isinstance(update, _OF_AN_APPEND) for update in updates):
            return super()._update_and_stage_table(current_table, table_identifier, requirements, updates)
        whole = current_table.metadata
        named = {whole.current_snapshot_id, *(u.snapshot_id for u in updates if isinstance(u, SetSnapshotRefUpdate))}
        kept = [snapshot for snapshot in whole.snapshots if snapshot.snapshot_id in named]
        few = whole.model_copy(update={"snapshots": kept, "snapshot_log": []})
        lean = Table(current_table.name(), few, current_table.metadata_location, current_table.io, self)
        staged = super()._update_and_stage_table(lean, table_identifier, requirements, updates)
        staged.metadata = staged.metadata.model_copy(update={
            "snapshots": [*whole.snapshots, *staged.metadata.snapshots[len(kept):]],
            "snapshot_log": [*whole.snapshot_log, *staged.metadata.snapshot_log]})
        return staged

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:
        return self._files(super()._load_file_io(trusted_properties(properties, self.properties), location))
