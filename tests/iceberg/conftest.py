"""Lakes of every kind, and the small sink that the tests of this folder commit to."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kshell.columns import Column, metadata_columns
from kshell.engine import Engine
from kshell.iceberg.catalogs import Lake, open_catalog
from kshell.iceberg.commit import commit
from kshell.iceberg.create import create_sink
from kshell.iceberg.values import Batch, Control, Created, Head, KafkaFacts, Outcome, Range, SinkSpec, TopicFacts

TOPIC = "orders"
COLUMNS = (Column("id", "BIGINT"), Column("v", "VARCHAR"), *metadata_columns())
HASTE = Control(wait=lambda _: None)


def facts(*, id: str | None = "topic-1", partitions: int = 2, start: int = 0, end: int = 1000, cluster: str = "cluster-1") -> KafkaFacts:
    numbers = tuple(range(partitions))
    return KafkaFacts(cluster, {TOPIC: TopicFacts(id, numbers, dict.fromkeys(numbers, start), dict.fromkeys(numbers, end))})


def rows(partition: int, lo: int, hi: int, **columns: Any) -> pa.Table:
    n = hi - lo
    table = {"id": pa.array(range(lo, hi), pa.int64()), "v": pa.array([f"v{i}" for i in range(lo, hi)]),
             "_kafka_partition": pa.array([partition] * n, pa.int32()), "_kafka_offset": pa.array(range(lo, hi), pa.int64()), **columns}
    return pa.table(table)


@dataclass
class Pipe:
    """A created sink and the head that the next batch is made for."""

    lake: Lake
    spec: SinkSpec
    created: Created
    head: Head

    def batch(self, partition: int, lo: int, hi: int, **changes: Any) -> Batch:
        return replace(Batch({(TOPIC, partition): Range(lo, hi, hi - lo)}, lambda: rows(partition, lo, hi), self.head.schema_id,
                             self.head.spec_id), **changes)

    def commit(self, partition: int, lo: int, hi: int, control: Control = HASTE, **changes: Any) -> Outcome:
        done = commit(self.lake, self.created.sink, self.batch(partition, lo, hi, **changes), control)
        self.head = done.head
        return done

    def again(self, kafka: KafkaFacts | None = None, **changes: Any) -> Created:
        """The same CREATE SINK, as another process runs it."""
        def no_start() -> dict[tuple[str, int], int]:
            raise AssertionError("START is resolved a second time")
        return create_sink(self.lake, replace(self.spec, **changes), kafka or facts(), no_start, HASTE)

    def rows(self) -> list[tuple[int, int]]:
        table = self.lake.load(self.spec.table).scan().to_arrow()
        return sorted(zip(table["_kafka_partition"].to_pylist(), table["_kafka_offset"].to_pylist(), strict=True))

    @property
    def table(self) -> Any:
        return self.lake.load(self.spec.table)


def sink_spec(namespace: str = "shop", **changes: Any) -> SinkSpec:
    return replace(SinkSpec(name="orders_lake", id="orders_lake", table=(namespace, "orders"), columns=COLUMNS, inferred=False,
                            definition="d1", errors_table=(namespace, "orders__errors"), durable=False), **changes)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A DuckDB that reads Iceberg."""
    engine = Engine(threads=1)
    engine.need_iceberg()
    yield engine
    engine.close()


@pytest.fixture
def sql_lake(tmp_path: Path) -> Iterator[Lake]:
    lake = open_catalog("sql", "ice", f"sqlite:///{tmp_path}/cat.db", f"file://{tmp_path}/wh")
    yield lake
    lake.close()


@pytest.fixture(params=["local", "sql", "rest"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    """One behaviour suite over every kind of catalog."""
    if request.param == "local":
        lake = open_catalog("local", "local", data_dir=tmp_path)
    elif request.param == "sql":
        lake = open_catalog("sql", "ice", f"sqlite:///{tmp_path}/cat.db", f"file://{tmp_path}/wh")
    else:
        lake = open_catalog("rest", "rest", request.getfixturevalue("rest_catalog").uri)
    yield lake
    lake.close()


@pytest.fixture
def make_pipe() -> Callable[..., Pipe]:
    def make(lake: Lake, starts: dict[tuple[str, int], int] | None = None, **changes: Any) -> Pipe:
        spec = sink_spec(f"n{uuid.uuid4().hex[:8]}", **changes)
        created = create_sink(lake, spec, facts(), lambda: starts or {(TOPIC, 0): 0, (TOPIC, 1): 0}, HASTE)
        return Pipe(lake, spec, created, created.head)

    return make


@pytest.fixture
def pipe(sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> Pipe:
    return make_pipe(sql_lake)
