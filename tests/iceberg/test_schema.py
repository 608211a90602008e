"""Types in both directions, a source on an existing table, layouts, and rows on their way into files."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from kshell.columns import Column, metadata_columns
from kshell.engine import Engine
from kshell.errors import BadValueError, RefusedError
from kshell.iceberg import layout, schema
from kshell.iceberg.catalogs import Lake
from kshell.iceberg.commit import commit
from kshell.iceberg.schema import new_schema, reconcile, table_columns
from kshell.iceberg.values import Batch, Range, Stop, StopState
from tests.iceberg.conftest import HASTE, TOPIC, Pipe, rows

TYPES = ("BOOLEAN", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(10,2)", "DECIMAL(38,0)", "DATE", "TIME", "TIMESTAMP",
         "TIMESTAMP WITH TIME ZONE", "VARCHAR", "UUID", "BLOB", "VARCHAR[]", 'STRUCT(a INTEGER, "b c" DOUBLE[])', "MAP(VARCHAR, BIGINT[])",
         'STRUCT("key" VARCHAR, "value" BLOB)[]')
VALUES = ("true", "7", "9007199254740993", "1.5", "2.5", "12.34", "99999999999999999999999999999999999999", "DATE '2024-02-29'",
          "TIME '23:59:59.999999'", "TIMESTAMP '0001-01-01 00:00:00'", "TIMESTAMPTZ '9999-12-31 23:59:59+00'", "'ä' || chr(0) || 'b'",
          "'0000fb0e-9ad6-4b0b-8a9f-000000000001'::UUID", "'\\x00\\xFF'::BLOB", "['x', NULL]", "{'a': 1, 'b c': [1.0]}",
          "MAP {'k': [1, NULL]}", "[{'key': 'h', 'value': '\\x01'::BLOB}]")
WHERE = {"table": "web.clicks", "sink": "s"}


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(threads=1)
    engine.need_iceberg()
    yield engine
    engine.close()


@pytest.mark.parametrize("type_", TYPES)
def test_a_type_goes_to_iceberg_and_back(type_: str) -> None:
    assert schema.duckdb_type(schema.iceberg_type(type_)) == type_


@pytest.mark.fault("F36")
def test_every_type_is_written_and_read_back_equal(sql_lake: Lake, make_pipe: Callable[..., Pipe], engine: Engine) -> None:
    columns = tuple(Column(f"c{i}", t) for i, t in enumerate(TYPES))
    pipe = make_pipe(sql_lake, columns=(*columns, *metadata_columns()))
    cursor: duckdb.DuckDBPyConnection = engine.export_cursor()
    selected = ", ".join(f"({v})::{t} AS c{i}" for i, (v, t) in enumerate(zip(VALUES, TYPES, strict=True)))
    cursor.execute(f"CREATE TABLE segment AS SELECT {selected}, 0::INTEGER AS _kafka_partition, 0::BIGINT AS _kafka_offset")
    arrow = cursor.execute("FROM segment").to_arrow_table()
    batch = Batch({(TOPIC, 0): Range(0, 1, 1)}, lambda: arrow, pipe.head.schema_id, pipe.head.spec_id)
    head = commit(pipe.lake, pipe.created.sink, batch, HASTE).head
    cursor.execute(f"CREATE VIEW lake_rows AS FROM iceberg_scan('{head.metadata_location}')")
    described = {r[0]: r[1] for r in cursor.execute("DESCRIBE lake_rows").fetchall()}
    assert described == {c.name: c.type for c in head.columns}
    names = ", ".join(f"c{i}" for i in range(len(TYPES)))
    assert cursor.execute(f"SELECT {names} FROM lake_rows").fetchall() == cursor.execute(f"SELECT {names} FROM segment").fetchall()


def test_a_type_that_iceberg_lacks_is_refused() -> None:
    with pytest.raises(RefusedError, match="INTERVAL"):
        new_schema([Column("i", "INTERVAL")])


# ---- a source on an existing table -------------------------------------------------------------------------------

def _table(*fields: NestedField) -> Schema:
    ours = enumerate(new_schema(metadata_columns()).fields)
    return Schema(*fields, *(NestedField(100 + i, f.name, f.field_type, required=False) for i, f in ours))


ID = NestedField(1, "id", LongType(), required=False)


def test_metadata_columns_that_lack_are_to_be_added() -> None:
    fit = reconcile([Column("id", "BIGINT"), *metadata_columns()], Schema(ID), inferred=False, **WHERE)
    assert [c.name for c in fit.missing] == [c.name for c in metadata_columns()]


def test_a_declared_column_of_another_type_is_refused_and_an_inferred_one_yields() -> None:
    columns = [Column("id", "VARCHAR"), *metadata_columns()]
    with pytest.raises(Stop) as stop:
        reconcile(columns, _table(ID), inferred=False, **WHERE)
    assert stop.value.state is StopState.TYPE_MISMATCH
    assert reconcile(columns, _table(ID), inferred=True, **WHERE).columns[0].type == "BIGINT"


def test_a_promotion_by_another_engine_is_taken() -> None:
    assert reconcile([Column("id", "INTEGER")], _table(ID), inferred=False, **WHERE).columns[0].type == "BIGINT"


def test_a_column_that_was_dropped_since_our_last_commit_is_named() -> None:
    columns = [Column("url", "VARCHAR"), *metadata_columns()]
    with pytest.raises(Stop, match="dropped or renamed") as stop:
        reconcile(columns, _table(ID), inferred=True, before=_table(NestedField(2, "url", StringType(), required=False)), **WHERE)
    assert stop.value.state is StopState.COLUMN_MISSING


@pytest.mark.parametrize("columns", [[], [Column("id", "BIGINT")]], ids=["lacking", "nullable"])
def test_a_required_column_that_the_source_cannot_fill_is_refused(columns: list[Column]) -> None:
    required = _table(NestedField(1, "id", LongType(), required=True))
    with pytest.raises(Stop) as stop:
        reconcile(columns, required, inferred=False, **WHERE)
    assert stop.value.state is StopState.SCHEMA_REFUSED
    assert reconcile([Column("id", "BIGINT", not_null=True)], required, inferred=False, **WHERE)


def test_every_column_of_the_table_is_described_in_its_order() -> None:
    assert [c.name for c in table_columns(_table(ID))] == ["id", *(c.name for c in metadata_columns())]


# ---- layouts -----------------------------------------------------------------------------------------------------

LAYOUT = new_schema([Column("ts", "TIMESTAMP WITH TIME ZONE"), Column("id", "BIGINT"), Column("name", "VARCHAR"),
                     Column("partition", "VARCHAR"), Column("s", "STRUCT(a DATE)"), Column("id_bucket", "VARCHAR")])


@pytest.mark.parametrize(("term", "name", "transform"), [
    ("day(ts)", "ts_day", "day"), ("hour( ts )", "ts_hour", "hour"), ("month(ts)", "ts_month", "month"), ("year(ts)", "ts_year", "year"),
    ("bucket(16, id)", "id_bucket_1", "bucket[16]"), ("truncate(4, name)", "name_truncate", "truncate[4]"),
    ("name", "name_identity", "identity"), ("partition", "partition_identity", "identity"),
    ('"name"', "name_identity", "identity"), ("day(s.a)", "s_a_day", "day")])
def test_a_partition_field_is_named_after_column_and_transform(term: str, name: str, transform: str) -> None:
    field = layout.partition_spec([term], LAYOUT).fields[0]
    assert (field.name, str(field.transform)) == (name, transform)


@pytest.mark.parametrize(("term", "words"), [
    ("dya(ts)", "no transform dya"), ("day(tz)", "no column tz"), ("day(name)", "cannot be taken"), ("bucket(id)", "needs a size"),
    ("s", "is nested")])
def test_a_wrong_partition_term_says_what_is_wrong(term: str, words: str) -> None:
    with pytest.raises(BadValueError, match=words):
        layout.partition_spec([term], LAYOUT)


def test_sort_terms_become_the_tables_order() -> None:
    order = layout.sort_order(["ts DESC NULLS LAST", "id"], LAYOUT)
    assert [(str(f.direction), str(f.null_order)) for f in order.fields] == [("DESC", "NULLS LAST"), ("ASC", "NULLS FIRST")]


def test_partition_values_are_computed_in_utc(sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(sql_lake, partition_by=("day(_kafka_timestamp)", "bucket(16, id)", "truncate(2, v)"))
    late = datetime.datetime(2024, 5, 1, 23, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=-4)))    # 2 May in UTC
    one = rows(0, 34, 35, _kafka_timestamp=pa.array([late], pa.timestamp("us", "UTC")), v=pa.array(["iceberg"]))
    pipe.commit(0, 0, 35, rows=lambda: one)
    values: list[Any] = [r["partition"] for r in pipe.table.inspect.partitions().to_pylist()]
    # bucket(16) of 34 as the specification hashes it: murmur3(34L) = 2017239379, modulo 16 = 3
    assert values == [{"_kafka_timestamp_day": datetime.date(2024, 5, 2), "id_bucket": 2017239379 % 16, "v_truncate": "ic"}]


def test_uuid_bytes_survive(sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(sql_lake, columns=(Column("u", "UUID"), *metadata_columns()))
    value = uuid.uuid4()
    arrow = pa.table({"u": pa.array([value.bytes], pa.uuid()), "_kafka_partition": pa.array([0], pa.int32()),
                      "_kafka_offset": pa.array([0], pa.int64())})
    pipe.commit(0, 0, 1, rows=lambda: arrow)
    assert pipe.table.scan().to_arrow()["u"].to_pylist() == [value]


@pytest.mark.parametrize(("ours", "theirs", "evolves", "fits"), [
    ("STRUCT(a INTEGER)", "STRUCT(a BIGINT, b VARCHAR)", False, True),
    ("STRUCT(a INTEGER)[]", "STRUCT(b VARCHAR, a INTEGER)[]", False, True),
    ("MAP(VARCHAR, STRUCT(a INTEGER))", "MAP(VARCHAR, STRUCT(a INTEGER, b DATE))", False, True),
    ("STRUCT(a INTEGER, b VARCHAR)", "STRUCT(a INTEGER)", False, False),
    ("STRUCT(a INTEGER, b VARCHAR)", "STRUCT(a INTEGER)", True, True),
    ("STRUCT(a INTEGER)", "STRUCT(b INTEGER)", True, False),
    ("STRUCT(a INTEGER)", "VARCHAR", True, False)])
def test_a_table_with_further_fields_fits_and_one_that_lacks_some_if_they_can_be_added(ours: str, theirs: str, evolves: bool,
                                                                                        fits: bool) -> None:
    table = new_schema([Column("s", theirs)])
    if fits:
        found = reconcile([Column("s", ours)], table, inferred=False, evolves=evolves, **WHERE)
        assert found.columns == table_columns(table)
    else:
        with pytest.raises(Stop, match="TYPE_MISMATCH"):
            reconcile([Column("s", ours)], table, inferred=False, evolves=evolves, **WHERE)
