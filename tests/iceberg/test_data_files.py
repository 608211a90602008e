"""Reading a data file takes no more memory than what is being looked at."""

from __future__ import annotations

import subprocess
import sys

# Arrow counts its most since the process began, so this has one of its own
MERGES = """
import random, uuid, pyarrow as pa
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType
from kshell.iceberg import adapter, merged
from kshell.iceberg.commit import PATIENT

catalog = InMemoryCatalog("memory")
catalog.create_namespace("n")
table = catalog.create_table("n.t", Schema(NestedField(1, "id", LongType()), NestedField(2, "pad", StringType())),
                             properties={"write.parquet.row-group-limit": "4000"})
schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
letters = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=400_000))
portion = pa.table({"id": range(4000), "pad": [letters[n * 97:][:1000] for n in range(4000)]}, schema=schema)

def file(groups):
    written = adapter.write_parquet(table, pa.concat_tables([portion] * groups), str(uuid.uuid4()), 0)
    for one in written:
        one.spec_id = 0
    return written

group = file(16) + file(1)
del portion
pool = pa.default_memory_pool()
before = pool.max_memory()
steps = merged.merge(table, group, "merged.parquet", PATIENT, None)
while True:
    try:
        next(steps)
    except StopIteration as done:
        rows = done.value.record_count
        break
print(len(group), rows, pool.max_memory() - pool.bytes_allocated(), before)
"""


def test_a_compaction_holds_a_few_row_groups_and_never_a_whole_file() -> None:
    ran = subprocess.run([sys.executable, "-c", MERGES], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    files, rows, most, before = map(int, ran.stdout.split())
    assert (files, rows) == (2, 68_000)
    assert before < 30_000_000, "making the files took more than merging them may"
    assert most < 55_000_000, "one of the files has 64 MB of rows"
