"""The `kshell.*` tables: real tables, so that every cursor and every remote client sees them.

Invariant: a reader sees one whole generation of a table; its types never change. They are written after each control statement, once a
second, and before a statement that names one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from kshell.columns import quote
from kshell.engine import Engine

Row = Mapping[str, Any]
_TIME = pa.timestamp("us", tz="UTC")
_HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))

SCHEMAS: dict[str, pa.Schema] = {
    "connections": pa.schema([
        ("name", pa.string()), ("type", pa.string()), ("address", pa.string()), ("state", pa.string()), ("detail", pa.string())]),
    "secrets": pa.schema([
        ("name", pa.string()), ("type", pa.string()), ("scope", pa.string()), ("storage", pa.string()), ("options", pa.string()),
        ("definition", pa.string())]),
    "sources": pa.schema([
        ("name", pa.string()), ("topic", pa.string()), ("connection", pa.string()), ("format", pa.string()), ("state", pa.string()),
        ("rows_total", pa.int64()), ("rows_per_second", pa.float64()), ("lag_messages", pa.int64()), ("lag_seconds", pa.float64()),
        ("buffer_rows", pa.int64()), ("buffer_bytes", pa.int64()), ("buffer_oldest_at", _TIME), ("evicted_rows", pa.int64()),
        ("error_rows", pa.int64()), ("last_error", pa.string())]),
    "sinks": pa.schema([
        ("name", pa.string()), ("id", pa.string()), ("source", pa.string()), ("table_name", pa.string()), ("group_name", pa.string()),
        ("state", pa.string()), ("partitions", pa.int64()), ("pending_rows", pa.int64()), ("pending_bytes", pa.int64()),
        ("committed_rows", pa.int64()), ("last_commit_at", _TIME), ("last_snapshot_id", pa.int64()), ("last_error", pa.string()),
        ("resolve_with", pa.string())]),
    "partitions": pa.schema([
        ("source", pa.string()), ("sink", pa.string()), ("topic", pa.string()), ("partition", pa.int32()), ("log_start", pa.int64()),
        ("log_end", pa.int64()), ("position", pa.int64()), ("buffer_start", pa.int64()), ("committed", pa.int64()), ("owned", pa.bool_()),
        ("gaps", pa.string())]),
    "commits": pa.schema([
        ("sink", pa.string()), ("snapshot_id", pa.int64()), ("committed_at", _TIME), ("rows", pa.int64()), ("files", pa.int64()),
        ("bytes", pa.int64()), ("seconds", pa.float64()), ("ranges", pa.string()), ("kind", pa.string())]),
    "errors": pa.schema([
        ("source", pa.string()), ("_kafka_topic", pa.string()), ("_kafka_partition", pa.int32()), ("_kafka_offset", pa.int64()),
        ("_kafka_timestamp", _TIME), ("_kafka_key", pa.binary()), ("_kafka_headers", _HEADERS), ("_kafka_value", pa.binary()),
        ("schema_id", pa.int32()), ("code", pa.string()), ("message", pa.string()), ("seen_at", _TIME)]),
    "servers": pa.schema([
        ("kind", pa.string()), ("address", pa.string()), ("user", pa.string()), ("token_file", pa.string()), ("tls", pa.bool_()),
        ("insecure", pa.bool_()), ("state", pa.string()), ("sessions", pa.int64()), ("running", pa.int64()), ("queries", pa.int64()),
        ("failed", pa.int64()), ("refused", pa.int64())]),
    "metrics": pa.schema([("name", pa.string()), ("labels", pa.string()), ("value", pa.float64()), ("updated_at", _TIME)]),
}

Collector = Callable[[], Mapping[str, Sequence[Row]]]


class SystemTables:
    """Writes what `collect` returns (table -> rows) into schema `kshell`."""

    def __init__(self, engine: Engine, collect: Collector) -> None:
        self._cursor = engine.cursor()
        self._collect = collect
        self._lock = threading.Lock()
        self._written: dict[str, Sequence[Row]] = {}
        self._stop = threading.Event()
        for name, schema in SCHEMAS.items():
            self._write(name, schema.empty_table())
        self._thread = threading.Thread(target=self._run, name="kshell-system-tables", daemon=True)
        self._thread.start()

    def refresh(self) -> None:
        with self._lock:
            for name, rows in self._collect().items():
                if self._written.get(name) != rows:
                    self._write(name, pa.Table.from_pylist(list(rows), schema=SCHEMAS[name]))
                    self._written[name] = rows

    def _write(self, name: str, table: pa.Table) -> None:
        self._cursor.register("kshell_rows", table)
        try:
            self._cursor.execute(f"CREATE OR REPLACE TABLE memory.kshell.{quote(name)} AS FROM kshell_rows")
        finally:
            self._cursor.unregister("kshell_rows")

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            try:
                self.refresh()
            except duckdb.Error:               # a reader's open transaction holds the old generation: the next second tries again
                continue

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2.0)
