"""A buffer over a real DuckDB, filled with rows whose payload can be told from their position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from kshell.buffer.buffer import Buffer
from kshell.buffer.generation import Filled
from kshell.buffer.meter import Meter
from kshell.buffer.values import TP, BadRow, Lake, Outlet, Segment
from kshell.columns import Column, metadata_columns
from kshell.engine import Engine

PAYLOAD = (Column("id", "BIGINT"), Column("name", "VARCHAR"))
COLUMNS = PAYLOAD + metadata_columns()


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(threads=2)
    yield engine
    engine.close()


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Filler:
    """Appends rows to a buffer as ingestion would."""

    def __init__(self, engine: Engine, buffer: Buffer) -> None:
        self.engine, self.buffer = engine, buffer
        self.cursor = engine.cursor()

    def rows(self, tp: TP, count: int, *, payload: str = "_kafka_offset AS id, 'n' || _kafka_offset AS name",
             at_us: int = 1_700_000_000_000_000, bad: list[BadRow] | None = None, multi_topic: bool = False) -> None:
        lo = self.buffer.decoded()[tp]
        topic = f", '{tp[0]}' AS _kafka_topic" if multi_topic else ""
        text = f"""SELECT {payload}, {tp[1]}::INTEGER AS _kafka_partition, _kafka_offset,
                          make_timestamptz({at_us}) AS _kafka_timestamp, NULL::BLOB AS _kafka_key{topic}
                   FROM (SELECT range AS _kafka_offset FROM range({lo}, {lo + count}))"""

        def fill(segment: Segment, meter: Meter) -> Filled:
            self.cursor.execute(f"INSERT INTO {segment.relation} {text}")
            arrow_bytes = meter.arrow_bytes(self.cursor, segment.relation, count * 50, count)
            return Filled({tp: count}, arrow_bytes, at_us, at_us, bad or ())

        self.buffer.append(self.cursor, {tp: (lo, lo + count)}, count, fill)


class TableLake:
    """A lake made of a DuckDB table, so that a hand-over can be tested without Iceberg: `iceberg_scan` is a macro over it."""

    def __init__(self, engine: Engine, columns: tuple[Column, ...] = COLUMNS) -> None:
        self.engine, self.columns = engine, columns
        self.cursor = engine.cursor()
        self.snapshot = 0
        self.cursor.execute("CREATE SCHEMA IF NOT EXISTS fake")
        listed = ", ".join(f'"{c.name}" {c.type}' for c in columns)
        self.cursor.execute(f"CREATE TABLE fake.data ({listed}, snapshot INTEGER)")
        self.cursor.execute("""CREATE MACRO memory.main.iceberg_scan(file) AS TABLE
                               SELECT * EXCLUDE (snapshot) FROM fake.data WHERE snapshot <= file::INTEGER""")

    def commit(self, segments: list[Segment], cut: Mapping[TP, int]) -> Lake:
        self.snapshot += 1
        for segment in segments:
            self.cursor.execute(f"INSERT INTO fake.data BY NAME SELECT *, {self.snapshot} AS snapshot FROM {segment.relation}")
        return self.at(self.snapshot)

    def at(self, snapshot: int) -> Lake:
        return Lake(str(snapshot), self.columns, snapshot, "shop.orders")


def make(engine: Engine, name: str = "orders", **options: Any) -> Buffer:
    options.setdefault("retain_bytes", 512_000_000)
    return Buffer(engine, name, options.pop("columns", COLUMNS), **options)


def offsets(engine: Engine, relation: str, partition: int = 0) -> list[int]:
    rows = engine.cursor().execute(f"SELECT _kafka_offset FROM {relation} WHERE _kafka_partition = {partition} ORDER BY ALL").fetchall()
    return [row[0] for row in rows]


FROM = Outlet("orders_lake", "orders")
