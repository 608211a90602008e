"""The steps of rows from a decoder to a table of Iceberg, and what must be equal at both ends."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from kshell.columns import Column, column_list, metadata_columns, quote
from kshell.iceberg.commit import commit
from kshell.iceberg.values import Batch, Range
from tests.iceberg.conftest import HASTE, TOPIC, Pipe

META = metadata_columns()


def segment(cursor: duckdb.DuckDBPyConnection, name: str, columns: Sequence[Column], table: pa.Table) -> None:
    listed = ", ".join(f"{quote(c.name)} {c.type}" for c in (*columns, *META))
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({listed})")
    cursor.register("judged", table)
    cursor.execute(f"INSERT INTO {name} SELECT * FROM judged")


def flush(cursor: duckdb.DuckDBPyConnection, pipe: Pipe, name: str, at: int, columns: Sequence[Column]) -> None:
    rows = cursor.execute(f"SELECT {column_list((*columns, *META))} FROM {name}").to_arrow_table()
    made = Batch({(TOPIC, 0): Range(at, at + rows.num_rows, rows.num_rows)}, lambda: rows, pipe.head.schema_id, pipe.head.spec_id)
    pipe.head = commit(pipe.lake, pipe.created.sink, made, HASTE).head


def same(cursor: duckdb.DuckDBPyConnection, pipe: Pipe, columns: Sequence[Column], live: str) -> None:
    names = column_list((*columns, *META))
    lake = f"SELECT {names} FROM iceberg_scan('{pipe.head.metadata_location}')"
    described = [cursor.execute(f"DESCRIBE SELECT {names} FROM ({side})").fetchall() for side in (live, lake)]
    assert [(r[0], r[1]) for r in described[0]] == [(r[0], r[1]) for r in described[1]]
    rows = [cursor.execute(f"SELECT {names} FROM ({side}) ORDER BY _kafka_offset").fetchall() for side in (live, lake)]
    assert repr(rows[0]) == repr(rows[1])
