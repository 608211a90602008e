"""A session over the embedded broker, served over HTTP on a free port of 127.0.0.1, for all tests of a file."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kshell.kafka.embedded import EmbeddedBroker
from kshell.options import Secret
from kshell.serve import Served, Servers
from kshell.serve.access import Access
from kshell.serve.host import Limits
from kshell.serve.offered import Offered
from kshell.session import Session
from tests.support.producing import Recorder

TOKEN = "a-token-of-the-tests"
ORIGIN = "https://board.example"


class Stage:
    def __init__(self, folder: Path) -> None:
        self.broker = EmbeddedBroker()
        self.session = Session(brokers=self.broker.bootstrap, data_dir=folder)
        self.servers = Servers(self.session)
        self.session.servers = _Offered(self.session, self.servers)
        self.producer = Recorder(self.broker.bootstrap)
        self._topics = 0

    def serve(self, servers: Servers, limits: Limits | None = None, **access: Any) -> Served:
        values: dict[str, Any] = {"host": "127.0.0.1", "port": free_port(), "allow_origin": (ORIGIN,)} | access
        return servers.start("http", Access("http", "kshell", Secret(TOKEN), None, **values), limits or Limits())

    def source(self, partitions: int = 2, columns: str = "(id BIGINT, amount DOUBLE)") -> str:
        """The name of a source and its topic, without a record."""
        self._topics += 1
        name = f"orders{self._topics}"
        self.broker.create_topic(name, partitions)
        self.session.sql(f"CREATE SOURCE {name} {columns} FROM KAFKA kafka (TOPIC '{name}')").close()
        return name

    def put(self, topic: str, *ids: int, partition: int = 0, **more: Any) -> None:
        self.producer.produce(topic, [json.dumps({"id": i, "amount": i / 2, **more}) for i in ids], partition=partition)

    def close(self) -> None:
        self.servers.close()
        self.session.close(flush=False, timeout_s=2.0)
        self.broker.close()


class _Offered(Offered):
    """Servers that were started without the lock, which would hold for everything that comes after in this process."""

    def __init__(self, session: Session, servers: Servers) -> None:
        super().__init__(session)
        self._servers = servers


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("stage"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(stage: Stage) -> Served:
    return stage.serve(stage.servers)


Serve = Callable[..., Served]


@pytest.fixture
def serve(stage: Stage) -> Iterator[Serve]:
    """`serve(Limits(...), socket=path)`: another server of the same session, for one test."""
    opened: list[Servers] = []

    def make(limits: Limits | None = None, **access: Any) -> Served:
        opened.append(Servers(stage.session))
        return stage.serve(opened[-1], limits, **access)

    yield make
    for servers in opened:
        servers.close()


def asking(served: Served, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    return httpx.Client(base_url=served.running.address, headers={"authorization": f"Bearer {TOKEN}"}, timeout=30, transport=transport)


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with asking(served) as made:
        yield made


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(client: httpx.Client) -> Ask:
    """`ask("SELECT 1", accept="text/csv", numbers="string")`: POST /query as text."""
    def asked(sql: str, accept: str = "*/*", **params: str) -> httpx.Response:
        return client.post("/query", content=sql, params=params, headers={"content-type": "text/plain", "accept": accept})

    return asked
