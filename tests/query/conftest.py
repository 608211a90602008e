"""A runner over an engine and clusters, without a session: what `query/` needs of the world above it, as small as it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from kshell.engine import Engine
from kshell.errors import NotFoundError
from kshell.kafka.cluster import Cluster
from kshell.kafka.embedded import EmbeddedBroker
from kshell.options import Lookup
from kshell.query.kafka_scan import KafkaTables
from kshell.query.result import Result
from kshell.query.runner import Runner


class Desk:
    """`run(text)` is one statement; `warnings` are the lines a user would see."""

    def __init__(self, clusters: dict[str, Cluster]) -> None:
        self.clusters, self.warnings = clusters, list[str]()
        self.engine = Engine()
        self.tables = KafkaTables(self, self.warnings.append)
        self.runner = Runner(self.engine, rewriter=self.tables, topics=self.topics)

    def run(self, text: str) -> Result:
        return self.runner.run(text)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        return self.run(text).fetchall()

    def topics(self) -> list[tuple[str, str]]:
        return [(name, topic.name) for name, cluster in self.clusters.items() for topic in cluster.topics()]

    def temporary_tables(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT table_name FROM duckdb_tables() WHERE temporary")

    # ---- what a session offers

    def connections(self) -> Sequence[str]:
        return list(self.clusters)

    def cluster(self, name: str | None) -> Cluster:
        if name is None and len(self.clusters) == 1:
            return next(iter(self.clusters.values()))
        if name not in self.clusters:
            raise NotFoundError(f"no cluster {name}")
        return self.clusters[name]

    def registry(self, named: str | None, cluster: str) -> None:
        """No schema registry is known."""

    def listing(self, function: str, argument: str | None) -> Result:
        return Result.of_rows([("function", "VARCHAR"), ("argument", "VARCHAR")], [(function, argument)])

    def resolve(self, lookup: Lookup) -> Any:
        found = self.runner.cursor.execute("SELECT getvariable(?)", [lookup.name]).fetchone()
        return found[0] if found else None

    def close(self) -> None:
        self.runner.close()
        self.engine.close()
        for cluster in self.clusters.values():
            cluster.close()


@pytest.fixture
def make_desk() -> Iterator[Callable[[dict[str, Cluster]], Desk]]:
    made: list[Desk] = []

    def make(clusters: dict[str, Cluster]) -> Desk:
        made.append(Desk(clusters))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(make_desk: Callable[[dict[str, Cluster]], Desk]) -> Desk:
    """Without any cluster."""
    return make_desk({})


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture
def k(embedded: EmbeddedBroker, make_desk: Callable[[dict[str, Cluster]], Desk]) -> Desk:
    """With the embedded broker as cluster k."""
    return make_desk({"k": Cluster("k", embedded.bootstrap)})
