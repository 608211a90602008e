"""Arrow rows into Parquet data files of a table.

Invariant: a file's name carries the id of the commit that made it; columns are matched by name, and what the rows lack is NULL.
Partition values are computed from the stored instants, which are UTC, whatever zone a session is in."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table

from kshell.columns import EPOCH, TOPIC
from kshell.iceberg import adapter
from kshell.iceberg.values import State, Stop, StopState

NUMBERS_PER_TRY = 100_000                     # data file numbers of one try; the next begins above


def write(table: Table, rows: pa.Table, cid: str, state: State, attempt: int) -> list[DataFile]:
    """The rows as data files. An OSError leaves nothing but files that no snapshot names."""
    if rows.num_rows == 0:
        return []
    return adapter.write_parquet(table, conform(table, rows, state), cid, attempt * NUMBERS_PER_TRY)


def conform(table: Table, rows: pa.Table, state: State) -> pa.Table:
    """The rows with exactly the table's columns and types."""
    wanted = schema_to_pyarrow(table.schema(), include_field_ids=False)
    unknown = [n for n in rows.column_names if n not in wanted.names]
    if unknown:
        raise Stop(StopState.COLUMN_MISSING, f"Column {unknown[0]} of {'.'.join(table.name())} was dropped or renamed by another writer.",
                   "put it back, or: CREATE OR REPLACE SINK ... AS SELECT <the others> ...")
    columns = [_column(rows, field, state) for field in wanted]
    return pa.Table.from_arrays(columns, schema=wanted)


def _column(rows: pa.Table, field: pa.Field, state: State) -> pa.ChunkedArray:
    if field.name in rows.column_names:
        return rows[field.name].cast(field.type)
    if field.name == EPOCH:
        return _epochs(rows, {name: t.epoch for name, t in state.topics.items()}).cast(field.type)
    return pa.chunked_array([pa.nulls(rows.num_rows, field.type)])


def _epochs(rows: pa.Table, epochs: Mapping[str, int]) -> pa.ChunkedArray:
    """The topic epoch of each row; NULL for epoch 0, which is what rows from before the column have."""
    if TOPIC not in rows.column_names:
        epoch = max(epochs.values(), default=0)
        return pa.chunked_array([pa.array([epoch or None] * rows.num_rows, pa.int32())])
    names = pa.array(list(epochs), pa.string())
    values = pa.array([e or None for e in epochs.values()], pa.int32())
    return pa.chunked_array([values.take(pc.index_in(rows[TOPIC].combine_chunks(), names))])
