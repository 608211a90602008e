"""Cells run beside each other while the tests wait for theirs: a cell waits for a broker and for threads more than it computes."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.cells import Cell, Storm
from tests.crash.job import Job
from tests.crash.processes import DuckDB, Server, Zygote
from tests.crash.scenarios import Scenario
from tests.crash.waves import Aborters
from tests.parts.kafka import Broker

WORKERS = 2 if "PYTEST_XDIST_WORKER" in os.environ else min(3, (os.cpu_count() or 1) + 1)     # other tests run beside them there
MakeJob = Callable[[Scenario], Job]


class Matrix:
    """Runs cells, each with servers that no other cell uses at the time."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._bootstrap, self._folder, self._aborters = bootstrap, folder, Aborters(bootstrap)
        self._idle: queue.SimpleQueue[tuple[Zygote, DuckDB]] = queue.SimpleQueue()
        self._servers: list[Server] = []
        self._pool = ThreadPoolExecutor(WORKERS, "cell", initializer=self._add_servers)
        self._futures: dict[Cell | Storm, Future[list[str]]] = {}

    def _add_servers(self) -> None:
        pair = Zygote(), DuckDB()
        self._servers.extend(pair)
        self._idle.put(pair)

    def expect(self, cells: list[Cell | Storm]) -> None:
        for cell in cells:
            self._futures[cell] = self._pool.submit(self._run, cell)

    def problems(self, cell: Cell | Storm) -> list[str]:
        return self._futures[cell].result()

    def _run(self, cell: Cell | Storm) -> list[str]:
        zygote, duckdb = self._idle.get()
        try:
            job = Job(self._bootstrap, self._folder / str(cell), cell.scenario, duckdb, self._aborters)
            return cell.run(job, zygote)
        finally:
            self._idle.put((zygote, duckdb))

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        for server in self._servers:
            server.close()


@pytest.fixture(scope="session")
def matrix(kafka: Broker, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Matrix]:
    """Begins with every cell that this run of pytest has chosen, in the order of the tests."""
    made = Matrix(kafka.bootstrap, tmp_path_factory.mktemp("crash"))
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    made.expect([call.params["cell"] for call in calls if call is not None and isinstance(call.params.get("cell"), Cell | Storm)])
    yield made
    made.close()


@pytest.fixture
def crashed(matrix: Matrix) -> Callable[[Cell | Storm], list[str]]:
    return matrix.problems


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="module")
def duckdb_reader() -> Iterator[DuckDB]:
    reader = DuckDB()
    yield reader
    reader.close()


@pytest.fixture
def make_job(kafka: Broker, duckdb_reader: DuckDB, tmp_path: Path) -> MakeJob:
    """`make_job(scenario)`: a job in the test's folder."""
    return lambda scenario: Job(kafka.bootstrap, tmp_path, scenario, duckdb_reader, Aborters(kafka.bootstrap))
