"""How data files are written: distinct values cost no dictionary of them all, and the table's own properties decide."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow.parquet as pq
import pytest
from pyiceberg.table import TableProperties

from kshell.iceberg.catalogs import Lake
from kshell.iceberg.compact import optimize
from tests.iceberg.conftest import HASTE, Pipe

ROWS = 200_000                                # offsets: 1.6 MB as they are; in a dictionary as much, and 18 bits a row on top
PLAIN, INDEXES = 1_600_000, 450_000


@pytest.fixture
def pipe(sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> Pipe:
    return make_pipe(sql_lake)


def _bytes_of_offsets(pipe: Pipe) -> int:
    """In the table's only file, before compression."""
    (task,) = pipe.table.scan().plan_files()
    with pipe.table.io.new_input(task.file.file_path).open() as file:
        group = pq.ParquetFile(file).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    return int(columns["_kafka_offset"].total_uncompressed_size)


def _with_dictionary_of(pipe: Pipe, bytes_: int) -> None:
    with pipe.table.transaction() as change:
        change.set_properties({TableProperties.PARQUET_DICT_SIZE_BYTES: str(bytes_)})


def test_a_dictionary_of_distinct_values_ends_early(pipe: Pipe) -> None:
    pipe.commit(0, 0, ROWS)
    assert _bytes_of_offsets(pipe) < PLAIN + INDEXES // 2


def test_a_merged_file_is_written_alike(pipe: Pipe) -> None:
    pipe.commit(0, 0, ROWS // 2)
    pipe.commit(0, ROWS // 2, ROWS)
    optimize(pipe.lake, pipe.created.sink, HASTE)
    assert _bytes_of_offsets(pipe) < PLAIN + INDEXES // 2


def test_the_tables_own_property_wins(pipe: Pipe) -> None:
    _with_dictionary_of(pipe, 2_000_000)
    pipe.commit(0, 0, ROWS)
    assert _bytes_of_offsets(pipe) > PLAIN + INDEXES // 2
