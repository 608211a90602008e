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

from kshell.columns import EPOCH, OFFSET, PARTITION, TOPIC
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
    columns = [_column(table, rows, field, state) for field in wanted]
    return pa.Table.from_arrays(columns, schema=wanted)


def _column(table: Table, rows: pa.Table, field: pa.Field, state: State) -> pa.ChunkedArray:
    if field.name in rows.column_names:
        try:
            return rows[field.name].cast(field.type)
        except pa.ArrowInvalid as error:
            if not _has_fixed(field.type):    # no other engine's doing: our types are not the table's
                raise
            raise _misfit(table, rows, field) from error
    if field.name == EPOCH:
        return _epochs(rows, {name: t.epoch for name, t in state.topics.items()}).cast(field.type)
    return pa.chunked_array([pa.nulls(rows.num_rows, field.type)])


def _misfit(table: Table, rows: pa.Table, field: pa.Field) -> Stop:
    """Bytes of another length than a fixed(n) of another engine's table: trying again would change nothing, so the sink stops."""
    row = next((i for i in range(rows.num_rows) if not _fits(rows[field.name].slice(i, 1), field.type)), None)
    known = row is not None and PARTITION in rows.column_names
    where = f" of partition {rows[PARTITION][row]}, offset {rows[OFFSET][row]}," if known else ""
    return Stop(StopState.TYPE_MISMATCH, f"A value of column {field.name}{where} does not fit {field.type} of {'.'.join(table.name())}.",
                "leave it out: CREATE OR REPLACE SINK ... AS SELECT <columns> ... WHERE <what the table can hold>")


def _has_fixed(type_: pa.DataType) -> bool:
    """Whether values of a fixed length are in it, at any level."""
    if pa.types.is_fixed_size_binary(type_):
        return True
    return any(_has_fixed(type_.field(i).type) for i in range(type_.num_fields))


def _fits(value: pa.ChunkedArray, type_: pa.DataType) -> bool:
    try:
        value.cast(type_)
    except pa.ArrowInvalid:
        return False
    return True


def _epochs(rows: pa.Table, epochs: Mapping[str, int]) -> pa.ChunkedArray:
    """The topic epoch of each row; NULL for epoch 0, which is what rows from before the column have."""
    if TOPIC not in rows.column_names:
        epoch = max(epochs.values(), default=0)
        return pa.chunked_array([pa.array([epoch or None] * rows.num_rows, pa.int32())])
    names = pa.array(list(epochs), pa.string())
    values = pa.array([e or None for e in epochs.values()], pa.int32())
    return pa.chunked_array([values.take(pc.index_in(rows[TOPIC].combine_chunks(), names))])
