"""Rows of data files as a table has them, and rows of a table as a file has them. With the private parts of PyIceberg 0.12 that this takes.

Invariant: columns are matched by field id, and values keep the table's types. A file is read batch by batch and nothing ahead of them:
PyIceberg's own scan reads sixteen batches ahead, which is a whole file of compressed megabytes while its reader writes another.

Private name: _to_requested_schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan, _to_requested_schema, pyarrow_to_schema
from pyiceberg.manifest import DataFile
from pyiceberg.schema import sanitize_column_names
from pyiceberg.table import FileScanTask, Table

from kshell.iceberg import nulls  # noqa: F401  for its effect on the projection

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.io.fileformat import FileFormatModel


_BATCH_BYTES, _BATCH_ROWS = 4_000_000, 16_384  # bytes as they are encoded: what repeats may be larger, so rows have a limit too


def read_file(table: Table, file: DataFile) -> Iterator[pa.RecordBatch]:
    """Its rows with the columns and types that the table has, matched by field id. The file is one of ours: without delete files."""
    old = table.metadata.format_version <= 2   # of the specification: times in microseconds
    with table.io.new_input(file.file_path).open() as stream, pq.ParquetFile(stream, pre_buffer=True) as parquet:
        have = pyarrow_to_schema(parquet.schema_arrow, table.name_mapping(), downcast_ns_timestamp_to_us=old,
                                 format_version=table.metadata.format_version)
        for group in range(parquet.num_row_groups):
            for batch in parquet.iter_batches(_batch_rows(parquet.metadata.row_group(group)), row_groups=[group]):
                yield _to_requested_schema(table.schema(), have, batch, downcast_ns_timestamp_to_us=old, allow_timestamp_tz_mismatch=True)


def _batch_rows(group: pq.RowGroupMetaData) -> int:
    fitting = _BATCH_BYTES * group.num_rows // max(1, group.total_byte_size)
    return int(max(1, min(_BATCH_ROWS, fitting)))


def rows_of(table: Table, task: FileScanTask) -> pa.Table:
    """All rows of a data file that are not deleted, with the columns and types that the table has."""
    return ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue()).to_table([FileScanTask(task.file, task.delete_files)])


def as_written(table: Table, batch: pa.RecordBatch, model: FileFormatModel) -> pa.RecordBatch:
    """Rows of the table as a Parquet writer takes them: with field ids, and with names that Avro allows."""
    return _to_requested_schema(sanitize_column_names(table.schema()), table.schema(), batch, include_field_ids=True, format_model=model)
