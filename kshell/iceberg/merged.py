"""Rows of several data files into one, a batch at a time.

Invariant: the file has every row of the group, in their order or in the table's sort order; what was read is counted against what the
files are said to hold before anybody gets to see it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence

import pyarrow as pa
from pyiceberg.io.fileformat import FileFormatFactory
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import sanitize_column_names
from pyiceberg.table import Table

from kshell.errors import Error, InternalError, RefusedError
from kshell.iceberg import data_files
from kshell.iceberg.mapping import brief
from kshell.iceberg.pages import writing
from kshell.iceberg.values import Control, Left

Sort = Callable[[pa.RecordBatchReader], pa.RecordBatchReader]
PARQUET = FileFormatFactory.get(FileFormat.PARQUET)
ROW_GROUP_BYTES = 8_000_000                   # held twice while it is written: a sink with a small budget compacts too


def merge(table: Table, group: Sequence[DataFile], name: str, control: Control, sort: Sort | None) -> Generator[None, None, DataFile]:
    """Yields after every batch that was read or written: a good moment to do something else. A sort is one long step."""
    rows = _batches(table, group, control)
    if sort is not None and sorts(table):
        first = next(rows)
        rows = iter(sort(pa.RecordBatchReader.from_batches(first.schema, _again(first, rows))))
    location = table.location_provider().new_data_location(_folder(table, group[0]) + name)
    output = table.io.new_output(location)
    pieces = _pieces(table, rows)
    while (first_piece := next(pieces)) is None:
        yield
    with PARQUET.create_writer(output, sanitize_column_names(table.schema()), writing(table.properties, first_piece)) as writer:
        for piece in itertools.chain((first_piece,), pieces):
            if piece is not None:
                writer.write(piece)
            yield
    found, owed = writer.result().record_count, sum(f.record_count for f in group)
    if found != owed:
        raise InternalError(f"a compaction read {found} of {owed} rows of {len(group)} files; nothing was exchanged")
    return DataFile.from_args(
        content=DataFileContent.DATA, file_path=location, file_format=FileFormat.PARQUET, partition=group[0].partition,
        file_size_in_bytes=len(output), sort_order_id=None, spec_id=table.metadata.default_spec_id, equality_ids=None, key_metadata=None,
        **writer.result().to_serialized_dict())


def sorts(table: Table) -> bool:
    return len(table.sort_order().fields) > 0


def _folder(table: Table, file: DataFile) -> str:
    return f"{table.spec().partition_to_path(file.partition, table.schema())}/" if len(file.partition) else ""


def _again(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    for batch in rest:
        yield batch if batch.schema == first.schema else batch.cast(first.schema)


def _batches(table: Table, group: Sequence[DataFile], control: Control) -> Iterator[pa.RecordBatch]:
    for file in group:
        try:
            for batch in data_files.read_file(table, file):
                if control.leave():
                    raise Left("a compaction was left before anything was sent", unresolved=False)
                yield batch
        except Error:
            raise
        except Exception as error:            # a file that is gone or broken stops the compaction, and no commit
            raise RefusedError(f"data file {file.file_path} cannot be read: {brief(error)}",
                               hint="the rows before and after it go on landing; the table is not compacted") from error


def _pieces(table: Table, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.Table | None]:
    """Row groups of a size that readers like, from batches of any size; None for a batch that does not fill one."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in rows:
        held.append(data_files.as_written(table, batch, PARQUET))
        size += batch.nbytes
        full = size >= ROW_GROUP_BYTES
        yield pa.Table.from_batches(held) if full else None
        if full:
            held, size = [], 0
    if held:
        yield pa.Table.from_batches(held)
