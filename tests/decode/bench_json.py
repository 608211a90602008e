"""Nanoseconds of CPU an event: decode and INSERT of 130-byte JSON events on one DuckDB thread.

Not a test: `python -m tests.decode.bench_json`."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

import duckdb
import pyarrow as pa

from kshell.columns import quote
from kshell.decode import DOUBTS, Decoder, declare, make, split, with_text
from kshell.lang.statements import ColumnDefinition, Span

EVENTS = 100_000
PLAIN = {"id": "BIGINT", "user_id": "BIGINT", "url": "VARCHAR", "ts": "VARCHAR", "amount": "DOUBLE", "country": "VARCHAR"}


def event(i: int, fields: int = 6) -> bytes:
    parts = [f'"id":{i}', f'"user_id":{random.randrange(100_000)}', f'"url":"https://shop.example.com/p/{random.randrange(10**6)}"',
             f'"ts":"2026-11-25T10:{i // 60 % 60:02}:{i % 60:02}.{i % 1000:03}Z"', f'"amount":{random.choice((12.5, 7, 99.95, 3.25))}',
             f'"country":"{random.choice(("AT", "DE", "US"))}"']
    return ("{" + ",".join(parts[:fields]) + "}").encode()


def batch(values: list[bytes]) -> pa.RecordBatch:
    n = len(values)
    return pa.record_batch({
        "_kafka_partition": pa.array([0] * n, pa.int32()), "_kafka_offset": pa.array(range(n), pa.int64()),
        "_kafka_timestamp": pa.array([1_764_064_800_000_000 + i for i in range(n)], pa.timestamp("us", "UTC")),
        "_kafka_key": pa.array([None] * n, pa.binary()), "value": pa.array(values, pa.binary())})


def decoder(types: dict[str, str], include: tuple[str, ...] = ()) -> Decoder:
    return make("json", "raw", declare([ColumnDefinition(n, t, Span(0, 0)) for n, t in types.items()]), include)


def insert(cursor: duckdb.DuckDBPyConnection, made: Decoder, values: pa.RecordBatch) -> None:
    """As ingest does it."""
    cursor.register("b", values)
    try:
        cursor.execute(f"INSERT INTO s {made.rows('b')}")
    except DOUBTS:
        certain, doubtful = split(cursor, made, values)
        cursor.register("b", certain)
        cursor.execute(f"INSERT INTO s {made.rows('b')}")
        table, _ = made.judge(doubtful)
        cursor.register("b", table)
        cursor.execute("INSERT INTO s FROM b")


def evolve(cursor: duckdb.DuckDBPyConnection, made: Decoder, values: pa.RecordBatch) -> None:
    """As ingest does it where members beside the columns would become columns."""
    cursor.register("t", with_text(values))
    try:
        cursor.execute(f"INSERT INTO s {made.regular('t')}")
    except DOUBTS:
        assert not cursor.execute(made.look("t", careful=False) or "").fetchall()
        insert(cursor, made, values)


def measure(cursor: duckdb.DuckDBPyConnection, made: Decoder, values: pa.RecordBatch, run: Callable[..., None] = insert) -> float:
    listed = ", ".join(f"{quote(c.name)} {c.type}" for c in (*made.columns, *made.metadata))
    cursor.execute(f"CREATE OR REPLACE TABLE s ({listed})")
    began = time.process_time()
    run(cursor, made, values)
    return (time.process_time() - began) / values.num_rows * 1e9


def main() -> None:
    random.seed(1)
    full = batch([event(i) for i in range(EVENTS)])
    sparse = batch([event(i, 6 if i % 2 else 3) for i in range(EVENTS)])
    one_bad = batch([event(i) if i % 1000 else b"{broken" for i in range(EVENTS)])
    large = batch([event(i + 2**60) for i in range(EVENTS)])
    cases = {
        "plain": (decoder(PLAIN), full),
        "TIMESTAMPTZ": (decoder(PLAIN | {"ts": "TIMESTAMPTZ"}), full),
        "DECIMAL(10,2)": (decoder(PLAIN | {"amount": "DECIMAL(10,2)"}), full),
        "half of the amounts absent": (decoder(PLAIN), sparse),
        "one in 1,000 broken": (decoder(PLAIN), one_bad),
        "ids above 2^53": (decoder(PLAIN), large),
        "rest, none": (decoder(PLAIN, ("rest",)), full),
        "rest, one field": (decoder({k: v for k, v in PLAIN.items() if k != "country"}, ("rest",)), full),
        "all text": (decoder(dict.fromkeys(PLAIN, "VARCHAR")), full),
    }
    cursor = duckdb.connect(config={"threads": "1"})
    cursor.execute("SET preserve_insertion_order = false")
    for name, (made, values) in cases.items():
        times = [measure(cursor, made, values) for _ in range(4)][1:]
        print(f"{statistics.median(times):8.0f} ns  {name}")
    growing = make("json", "raw", decoder(PLAIN).columns, evolves=True)
    for name, values in (("plain, evolving", full), ("half of the amounts absent, evolving", sparse)):
        times = [measure(cursor, growing, values, evolve) for _ in range(4)][1:]
        print(f"{statistics.median(times):8.0f} ns  {name}")


if __name__ == "__main__":
    main()
