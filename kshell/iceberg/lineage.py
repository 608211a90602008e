"""What the data itself says about positions: whether a snapshot's rows are still in the table, and how far they reach.

Invariant: reads the table and changes nothing. It costs a scan of two integer columns, so only a start, a recovery and the rare
case of a state that survives in the tag alone ask here."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.manifest import ManifestEntry, ManifestEntryStatus
from pyiceberg.table import Table

from kshell.columns import EPOCH, OFFSET, PARTITION, TOPIC
from kshell.iceberg.mapping import mapped

Key = tuple[str | None, int, int]             # topic (None: the table has no topic column), epoch, partition


def contained(table: Table, snapshot_id: int) -> bool:
    """Whether the rows of this snapshot are in the head: a file it added is live, or every partition reaches as far."""
    with mapped(f"reading table {'.'.join(table.name())}"):
        head = table.metadata.current_snapshot()
        if head is None:
            return False
        if _added(table, snapshot_id) & _live(table, head.snapshot_id):
            return True
        then, today = furthest(table, snapshot_id), furthest(table, head.snapshot_id)
        return all(today.get(key, (-1, 0))[0] >= offset for key, (offset, _) in then.items())


def _added(table: Table, snapshot_id: int) -> set[str]:
    return {e.data_file.file_path for e in _entries(table, snapshot_id, added_by=snapshot_id) if e.status == ManifestEntryStatus.ADDED}


def _live(table: Table, snapshot_id: int) -> set[str]:
    return {e.data_file.file_path for e in _entries(table, snapshot_id) if e.status != ManifestEntryStatus.DELETED}


def _entries(table: Table, snapshot_id: int, added_by: int | None = None) -> Iterator[ManifestEntry]:
    snapshot = table.snapshot_by_id(snapshot_id)
    for manifest in snapshot.manifests(table.io) if snapshot else ():
        if added_by is None or manifest.added_snapshot_id == added_by:
            yield from manifest.fetch_manifest_entry(table.io)


def furthest(table: Table, snapshot_id: int) -> dict[Key, tuple[int, int]]:
    """Per topic, epoch and partition: the highest offset, and the number of rows with one."""
    columns = [c for c in (TOPIC, EPOCH, PARTITION, OFFSET) if c in table.schema().column_names]
    if OFFSET not in columns or PARTITION not in columns:
        return {}
    result: dict[Key, tuple[int, int]] = {}
    scan = table.scan(snapshot_id=snapshot_id, row_filter=f"{OFFSET} IS NOT NULL", selected_fields=tuple(columns))
    for batch in scan.to_arrow_batch_reader():
        for key, offset, rows in _grouped(pa.Table.from_batches([batch])):
            known = result.get(key, (-1, 0))
            result[key] = (max(known[0], offset), known[1] + rows)
    return result


def _grouped(rows: pa.Table) -> Iterator[tuple[Key, int, int]]:
    rows = rows.filter(pc.is_valid(rows[OFFSET]))
    keys = [c for c in (TOPIC, EPOCH, PARTITION) if c in rows.column_names]
    for row in rows.group_by(keys).aggregate([(OFFSET, "max"), (OFFSET, "count")]).to_pylist():
        yield (row.get(TOPIC), row.get(EPOCH) or 0, row[PARTITION]), row[f"{OFFSET}_max"], row[f"{OFFSET}_count"]
