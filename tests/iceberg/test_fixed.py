"""`fixed[n]`, which another engine's table may have: what DuckDB and PyIceberg make of it decides that tables of ours have `binary`."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyiceberg.exceptions import ValidationError
from pyiceberg.schema import Schema
from pyiceberg.types import BinaryType, FixedType, IcebergType, ListType, NestedField, StructType

from kshell.decode import infer_schema
from kshell.engine import Engine
from kshell.iceberg.catalogs import Lake
from kshell.iceberg.schema import iceberg_type
from tests.decode.avro import Source, decoder, record, values
from tests.decode.support import batch

FIXED = {"type": "fixed", "name": "F", "size": 4}
COLUMNS = Schema(NestedField(1, "f", FixedType(4)), NestedField(2, "s", StructType(NestedField(3, "g", FixedType(2)))),
                 NestedField(4, "l", ListType(5, FixedType(2), element_required=False)))
ROWS = pa.table({"f": pa.array([b"abcd", None], pa.binary(4)), "s": pa.array([{"g": b"xy"}, None], pa.struct([("g", pa.binary(2))])),
                 "l": pa.array([[b"ab", None], []], pa.list_(pa.binary(2)))})


def test_duckdb_reads_it_as_it_reads_binary_at_every_level(sql_lake: Lake, engine: Engine) -> None:
    sql_lake.catalog.create_namespace("n")
    table = sql_lake.catalog.create_table("n.t", COLUMNS)
    table.append(ROWS)
    cursor, lake = engine.export_cursor(), f"SELECT * FROM iceberg_scan('{table.metadata_location}')"
    live = "SELECT 'wxyz'::BLOB AS f, {'g': 'z'::BLOB} AS s, ['q'::BLOB] AS l"
    for query in (lake, f"{lake} UNION ALL BY NAME {live}"):
        assert [row[1] for row in cursor.execute(f"DESCRIBE {query}").fetchall()] == ["BLOB", "STRUCT(g BLOB)", "BLOB[]"]
    assert cursor.execute(f"{lake} WHERE f = 'abcd'::BLOB").fetchall() == [(b"abcd", {"g": b"xy"}, [b"ab", None])]


@pytest.mark.parametrize("wider", [FixedType(8), BinaryType()])
def test_it_is_promoted_to_nothing(sql_lake: Lake, wider: IcebergType) -> None:
    sql_lake.catalog.create_namespace("n")
    table = sql_lake.catalog.create_table("n.t", COLUMNS)
    with pytest.raises(ValidationError), table.update_schema() as update:
        update.update_column("f", field_type=wider)


def test_writers_with_fixed_values_of_another_size_share_a_column_of_binary() -> None:
    trees = (record(("f", FIXED)), record(("f", {**FIXED, "size": 8})))
    source = Source(*trees)
    made = decoder(source, infer_schema("avro", source.by_id(1)).columns)
    assert [iceberg_type(c.type) for c in made.columns] == [BinaryType()]
    given = batch([*values(trees[0], [{"f": b"abcd"}], 1), *values(trees[1], [{"f": b"abcdefgh"}], 2)])
    assert made.prepare(given).proposal == ()
    table, bad = made.judge(given)
    assert (table["f"].to_pylist(), bad) == ([b"abcd", b"abcdefgh"], [])
