"""Writing rows takes no multiple of them: a page stays near the size that the table wants, however long the records are."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest

from kshell.iceberg.pages import page_rows

KB = 1024
LIMIT, SIZE = "write.parquet.page-row-limit", "write.parquet.page-size-bytes"


@pytest.mark.parametrize(("properties", "bytes_each", "expected"), [
    ({}, 20, 20_000), ({}, 4 * KB, 256), ({}, 3_000 * KB, 20), ({LIMIT: "100"}, 4 * KB, 100), ({SIZE: str(100 * KB)}, 4 * KB, 25)],
    ids=["short", "long", "longer than a page", "the table's own limit", "the table's own size"])
def test_as_many_rows_are_encoded_at_once_as_make_a_page(properties: dict[str, str], bytes_each: int, expected: int) -> None:
    table = pa.table({"x": pa.FixedSizeBinaryArray.from_buffers(pa.binary(bytes_each), 50, [None, pa.py_buffer(bytes(50 * bytes_each))])})
    assert page_rows(properties, table) == {LIMIT: str(expected)}


# Arrow counts its most since the process began, so this has one of its own; the rows are DuckDB's memory
WRITES = """
import uuid, pyarrow as pa
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType
from kshell.engine import Engine
from kshell.iceberg import adapter

engine = Engine(threads=1)
rows = engine.export_cursor().sql(
    "SELECT range AS id, string_agg(chr(97 + (random() * 25)::INT), '') AS pad FROM range(3000), range(4000) t(n) GROUP BY 1"
).to_arrow_table()
catalog = InMemoryCatalog("memory")
catalog.create_namespace("n")
table = catalog.create_table("n.t", Schema(NestedField(1, "id", LongType()), NestedField(2, "pad", StringType())))
files = adapter.write_parquet(table, rows.cast(schema_to_pyarrow(table.schema(), include_field_ids=False)), str(uuid.uuid4()), 0)
print(sum(f.record_count for f in files), rows.nbytes, pa.default_memory_pool().max_memory())
engine.close()
"""


def test_writing_long_records_takes_about_as_much_as_they_do_and_no_multiple() -> None:
    ran = subprocess.run([sys.executable, "-c", WRITES], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    written, size, most = map(int, ran.stdout.split())
    assert written == 3000
    assert most < 1.5 * size, "a page of 20,000 rows makes it 3.5"
