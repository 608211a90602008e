"""One snapshot of a table as a reader needs it: its metadata file, its positions and its columns.

Invariant: all parts come from one and the same metadata file; the cut of one snapshot with the scan of another shows rows twice
or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.sorting import SortDirection
from pyiceberg.transforms import IdentityTransform

from kshell.columns import quote
from kshell.iceberg.schema import table_columns
from kshell.iceberg.state import current_state
from kshell.iceberg.values import Head, Sink, State

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake


def load_head(lake: Lake, sink: Sink) -> Head:
    """The table as it stands. Raises Stop when its progress cannot be trusted, UnreachableError, NotFoundError."""
    return head_of(lake.load(sink.table), sink)


def head_of(table: Table, sink: Sink) -> Head:
    return describe(table, current_state(table, sink))


def describe(table: Table, state: State | None) -> Head:
    """The head of a table whose state is already known."""
    metadata = table.metadata
    snapshot = metadata.current_snapshot()
    return Head(table_uuid=str(metadata.table_uuid), snapshot_id=snapshot.snapshot_id if snapshot else None,
                metadata_location=table.metadata_location, state=state, schema_id=metadata.current_schema_id,
                spec_id=metadata.default_spec_id, columns=table_columns(table.schema()),
                required=tuple(f.name for f in table.schema().fields if f.required),
                committed_at_ms=snapshot.timestamp_ms if snapshot else 0, snapshots=len(metadata.snapshots), sort_by=_sort_terms(table),
                sequence=table.last_sequence_number, data_files=_data_files(snapshot), properties=metadata.properties)


def answered(table: Table, response: CommitTableResponse) -> Table:
    """The table as the catalog's answer to a commit describes it: no second load, so no other commit in between."""
    return Table(table.name(), response.metadata, response.metadata_location, table.io, table.catalog)


def _data_files(snapshot: Snapshot | None) -> int | None:
    if snapshot is None:
        return 0
    count = snapshot.summary.additional_properties.get("total-data-files", "") if snapshot.summary else ""
    return int(count) if count.isdecimal() else None


def _sort_terms(table: Table) -> tuple[str, ...]:
    """ORDER BY terms for the rows of a commit. A sort field that is no plain column is left to other engines."""
    schema, terms = table.schema(), []
    for field in table.sort_order().fields:
        name = schema.find_column_name(field.source_id)
        if name is None or not isinstance(field.transform, IdentityTransform):
            break
        path = ".".join(quote(part) for part in ([name] if schema.find_field(field.source_id) in schema.fields else name.split(".")))
        direction = "ASC" if field.direction == SortDirection.ASC else "DESC"
        terms.append(f"{path} {direction} {field.null_order.value.replace('-', ' ').upper()}")
    return tuple(terms)
