"""A NULL list or map is NULL in the table, whatever it holds: PyIceberg 0.12 makes those of structs empty."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import ArrowAccessor, ArrowProjectionVisitor
from pyiceberg.schema import Schema, visit_with_partner
from pyiceberg.table import Table

from kshell.iceberg import adapter, data_files
from kshell.iceberg.nulls import _KeepsNulls

POINT = pa.struct([("x", pa.int32()), ("y", pa.string())])
KIND = pa.schema([
    ("points", pa.list_(POINT)), ("by_name", pa.map_(pa.string(), POINT)), ("plain", pa.list_(pa.string())),
    ("deep", pa.list_(pa.list_(POINT))), ("inside", pa.struct([("points", pa.list_(POINT)), ("by_name", pa.map_(pa.string(), POINT))])),
    ("maps", pa.list_(pa.map_(pa.string(), POINT)))])
A, B = {"x": 1, "y": "a"}, {"x": None, "y": None}
ROWS: list[dict[str, Any]] = [
    {"points": [A, B], "by_name": [("a", A)], "plain": ["p"], "deep": [[A], None, []],
     "inside": {"points": [A], "by_name": None}, "maps": [None]},
    {"points": None, "by_name": None, "plain": None, "deep": None, "inside": {"points": None, "by_name": []}, "maps": None},
    {"points": [], "by_name": [], "plain": [], "deep": [None], "inside": None, "maps": [[("a", None)], None]},
    {"points": [None, A], "by_name": [("n", None)], "plain": [None], "deep": [],
     "inside": {"points": [], "by_name": [("z", B)]}, "maps": []},
]


@pytest.fixture
def table(tmp_path: Path) -> Any:
    catalog = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/warehouse")
    catalog.create_namespace("n")
    yield catalog.create_table("n.t", KIND)
    catalog.close()


def written(table: Table, rows: pa.Table) -> list[dict[str, Any]]:
    files = adapter.write_parquet(table, rows, str(uuid.uuid4()), 0)
    for file in files:
        file.spec_id = 0
    found = pa.concat_tables([pq.read_table(file.file_path.removeprefix("file://")) for file in files])
    assert [b for file in files for batch in data_files.read_file(table, file) for b in batch.to_pylist()] == found.to_pylist()
    return list(found.to_pylist())


def test_null_and_empty_stay_apart_at_every_level(table: Table) -> None:
    assert written(table, pa.Table.from_pylist(ROWS, KIND)) == ROWS


def test_a_slice_of_rows_is_written_as_it_is(table: Table) -> None:
    rows = pa.Table.from_pylist(ROWS * 3, KIND)
    assert written(table, rows.slice(1, 6)) == (ROWS * 3)[1:7]
    assert written(table, pa.concat_tables([rows.slice(2, 3), rows.slice(7)])) == [*(ROWS * 3)[2:5], *(ROWS * 3)[7:]]


def test_fields_that_a_file_spells_otherwise_keep_their_values_at_every_level(tmp_path: Path) -> None:
    odd = pa.struct([("a b", pa.int32()), ("c.d", pa.string())])
    kind = pa.schema([("s", odd), ("l", pa.list_(odd)), ("ll", pa.list_(pa.list_(odd))), ("m", pa.map_(pa.string(), odd)),
                      ("ml", pa.map_(pa.string(), pa.list_(odd))), ("mm", pa.map_(pa.string(), pa.map_(pa.string(), odd))),
                      ("lm", pa.list_(pa.map_(pa.string(), odd))), ("sl", pa.struct([("x y", pa.list_(pa.list_(odd)))]))])
    v = {"a b": 1, "c.d": "x"}
    rows = [{"s": v, "l": [v], "ll": [[v], None], "m": [("k", v)], "ml": [("k", [v, None])], "mm": [("k", [("i", v)])],
             "lm": [[("k", v)], None], "sl": {"x y": [[v]]}}, dict.fromkeys(kind.names),
            {"ll": [], "ml": [("k", None)], "mm": [("k", [])], "lm": [[]]}]
    catalog = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/odd.db", warehouse=f"file://{tmp_path}/odd")
    catalog.create_namespace("n")
    try:
        table = catalog.create_table("n.t", kind)
        given = pa.Table.from_pylist(rows, kind)
        files = adapter.write_parquet(table, given, str(uuid.uuid4()), 0)
        for file in files:
            file.spec_id = 0
        assert [row for file in files for batch in data_files.read_file(table, file) for row in batch.to_pylist()] == given.to_pylist()
    finally:
        catalog.close()


def projected(visitor: type[ArrowProjectionVisitor], schema: Schema) -> Any:
    rows = pa.Table.from_pylist(ROWS, KIND).combine_chunks().to_batches()[0]
    return visit_with_partner(schema, rows, visitor(schema), ArrowAccessor(schema)).field("points").to_pylist()


def test_the_library_by_itself_still_loses_them(table: Table) -> None:
    assert projected(_KeepsNulls, table.schema())[1] is None
    library: Any = _KeepsNulls.__base__
    assert projected(library, table.schema())[1] == [], "fixed upstream: nulls.py is not needed any more"
