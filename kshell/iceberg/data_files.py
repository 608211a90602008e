"""Rows of data files as a table has them, and rows of a table as a file has them. With the private parts of PyIceberg 0.12 that this takes.

Invariant: columns are matched by field id, and values keep the table's types.

Private names: ArrowScan._record_batches_from_scan_tasks_and_deletes (batch by batch) and _to_requested_schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan, _to_requested_schema
from pyiceberg.manifest import DataFile
from pyiceberg.schema import sanitize_column_names
from pyiceberg.table import FileScanTask, Table

from kshell.iceberg import nulls  # noqa: F401  for its effect on the projection

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.io.fileformat import FileFormatModel


def read_file(table: Table, file: DataFile) -> Iterator[pa.RecordBatch]:
    """Its rows with the columns and types that the table has, matched by field id."""
    scan = ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue())
    return scan._record_batches_from_scan_tasks_and_deletes([FileScanTask(file)], {})


def rows_of(table: Table, task: FileScanTask) -> pa.Table:
    """All rows of a data file that are not deleted, with the columns and types that the table has."""
    return ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue()).to_table([FileScanTask(task.file, task.delete_files)])


def as_written(table: Table, batch: pa.RecordBatch, model: FileFormatModel) -> pa.RecordBatch:
    """Rows of the table as a Parquet writer takes them: with field ids, and with names that Avro allows."""
    return _to_requested_schema(sanitize_column_names(table.schema()), table.schema(), batch, include_field_ids=True, format_model=model)
