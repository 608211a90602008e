"""Batches, decoders and both verdicts of them, for the tests of decoding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from kshell.columns import Column, quote
from kshell.decode import DOUBTS, Decoder, declare, make
from kshell.lang.statements import ColumnDefinition, Span

Record = bytes | str | None


def raw(value: Record) -> bytes | None:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def batch(values: Sequence[Record], keys: Sequence[Record] | None = None, headers: Any = None, first: int = 0) -> pa.RecordBatch:
    """As the fetching thread hands it over."""
    n = len(values)
    columns = {
        "_kafka_partition": pa.array([0] * n, pa.int32()), "_kafka_offset": pa.array(range(first, first + n), pa.int64()),
        "_kafka_timestamp": pa.array([1_764_064_800_000_000 + i for i in range(n)], pa.timestamp("us", "UTC")),
        "_kafka_key": pa.array([raw(k) for k in keys] if keys else [None] * n, pa.binary()),
        "value": pa.array([raw(v) for v in values], pa.binary())}
    if headers is not None:
        columns["_kafka_topic"] = pa.array(["t"] * n)
        kind = pa.list_(pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())]))
        columns["_kafka_headers"] = pa.array(headers, kind)
    return pa.record_batch(columns)


def columns(*definitions: tuple[Any, ...]) -> tuple[Column, ...]:
    """(name, type[, path[, not null]])"""
    return declare([ColumnDefinition(d[0], d[1], Span(0, 0), *d[2:]) for d in definitions])


def json(*definitions: tuple[Any, ...], include: Iterable[str] = (), key_format: str = "raw") -> Decoder:
    return make("json", key_format, columns(*definitions), include)


class Both:
    """One batch through both forms, as segments hold it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, decoder: Decoder, values: pa.RecordBatch) -> None:
        self.decoder = decoder
        self._listed = [f"{quote(c.name)} {c.type}" for c in (*decoder.columns, *decoder.metadata)]
        cursor.register("batch", values)
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE fast ({', '.join([*self._listed, '_suspect BOOLEAN'])})")
        cursor.execute(f"INSERT INTO fast {decoder.select('batch')}")
        fast = cursor.execute("FROM fast ORDER BY _kafka_offset").fetchall()
        self.rows = self._rows(cursor, decoder.rows("batch"))
        table, self.bad = decoder.judge(values)
        cursor.register("exact", table)
        exact = self._rows(cursor, "SELECT * FROM exact")
        assert exact is not None
        offset = [c.name for c in (*decoder.columns, *decoder.metadata)].index("_kafka_offset")
        first = values["_kafka_offset"][0].as_py() if values.num_rows else 0
        self.fast = {row[offset] - first: row[:-1] for row in fast if not row[-1]}
        self.suspect = [row[offset] - first for row in fast if row[-1]]
        self.exact = {row[offset] - first: row for row in exact}
        self.codes = {b.index: b.code for b in self.bad}

    def _rows(self, cursor: duckdb.DuckDBPyConnection, select: str) -> list[Any] | None:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE segment ({', '.join(self._listed)})")
        try:
            cursor.execute(f"INSERT INTO segment {select}")
        except DOUBTS:
            return None
        return cursor.execute("FROM segment ORDER BY _kafka_offset").fetchall()


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same kind: 0.0 is not -0.0."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(a, b) for a, b in zip(left.values(), right.values(), strict=True))
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return type(left) is type(right) and bool(left == right)
