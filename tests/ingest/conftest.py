"""Ingestion over a fake topic and a real DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kshell import decode
from kshell.buffer.buffer import Buffer
from kshell.buffer.values import TP
from kshell.columns import Column
from kshell.engine import Engine
from kshell.ingest import IngestSpec, Trouble
from kshell.ingest.ingest import Ingest
from kshell.ingest.settle import Evolve
from tests.ingest.fakes import FakeCluster

T0, T1 = ("orders", 0), ("orders", 1)
JSON = (Column("id", "BIGINT"), Column("name", "VARCHAR"))


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(threads=2)
    yield engine
    engine.close()


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.create("orders", 2)
    return cluster


class Running:
    """A source under test: its buffer, its ingestion, and what it said."""

    def __init__(self, engine: Engine, cluster: FakeCluster, *, start: dict[TP, int], topics: tuple[str, ...] = ("orders",),
                 format: str = "json", columns: tuple[Column, ...] = JSON, retain: dict[str, Any] | None = None,
                 decoder: decode.Decoder | None = None, evolve: Evolve | None = None, **spec: Any) -> None:
        self.engine, self.cluster = engine, cluster
        multi = spec.get("multi_topic", False)
        self.decoder = decoder or decode.make(format, "raw", columns if format == "json" else (), ("topic",) if multi else ())
        self.buffer = Buffer(engine, "orders", (*self.decoder.columns, *self.decoder.metadata), multi_topic=multi,
                             **{"retain_bytes": 512_000_000, **(retain or {})})
        self.notices: list[str] = []
        self.troubles: list[Trouble] = []
        spec.setdefault("topic_ids", {name: topic.id for name, topic in cluster.log.items()})
        spec.setdefault("metadata_interval_s", 0.02)
        spec.setdefault("ends_interval_s", 0.02)
        self.ingest = Ingest(engine, cluster, self.buffer, self.decoder, IngestSpec("orders", topics, start, **spec),  # type: ignore[arg-type]
                             notice=self.notices.append, trouble=self.troubles.append, evolve=evolve)

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        return self.engine.cursor().execute(text).fetchall()

    def offsets(self, partition: int = 0, relation: str = "orders") -> list[int]:
        return [r[0] for r in self.sql(f"SELECT _kafka_offset FROM {relation} WHERE _kafka_partition = {partition} ORDER BY ALL")]

    def reach(self, **positions: int) -> None:
        """`p0=3`: everything below offset 3 of partition 0 is visible."""
        assert self.ingest.wait_until({("orders", int(p[1:])): at for p, at in positions.items()}, 30), self.ingest.status()


@pytest.fixture
def run(engine: Engine, cluster: FakeCluster) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def make(**options: Any) -> Running:
        options.setdefault("start", {T0: 0, T1: 0})
        attach = options.pop("attach", None)
        running = Running(engine, cluster, **options)
        if attach is not None:
            running.buffer.attach(attach)
        started.append(running)
        running.ingest.start()
        return running

    yield make
    for running in started:
        running.ingest.stop()
