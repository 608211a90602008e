"""Fixtures over real servers. A test that asks for one is marked `kafka`, `rest` or `registry`, and skipped with the reason where it cannot
run; with KSHELL_REQUIRE_KAFKA=1 it fails instead.

`kafka` is one broker for the whole run, or for each of its processes with `-n`: keep apart by topic and group names and do not stop it.
Tests that break the broker take `own_kafka`."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import hypothesis
import pytest

from kshell.options import secret
from tests.parts import jars
from tests.parts import registry as registry_part
from tests.parts.kafka import Broker
from tests.parts.registry import Registry
from tests.parts.rest import RestCatalog
from tests.support import extensions
from tests.support.producing import Acknowledged, Recorder
from tests.support.topics import admin, create_topic, unique

KAFKA_FIXTURES = frozenset({"kafka", "make_kafka"})
REST_FIXTURES = frozenset({"_rest_server", "own_rest_catalog"})
REGISTRY_FIXTURES = frozenset({"registry", "own_registry"})


def pytest_configure() -> None:
    extensions.load_unchecked()
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"      # never that of the developer
    # how long an example takes says what else the machine does
    hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    hypothesis.settings.load_profile("tests")


def pytest_report_header() -> list[str]:
    reason = jars.missing()
    server = "no" if reason else "yes"
    without = registry_part.missing()
    parts = {"unit": "yes", "embedded broker": "yes", "Apache Kafka": server, "Iceberg REST catalog": server,
             "schema registry": "no" if without else "yes"}
    shown = ", ".join(f"{part} {there}" for part, there in parts.items())
    return [f"tiers: {shown}", *(f"  {why}" for why in dict.fromkeys((reason, without)) if why)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if used & KAFKA_FIXTURES:
            item.add_marker("kafka")
        if used & REST_FIXTURES:
            item.add_marker("rest")
        if used & REGISTRY_FIXTURES:
            item.add_marker("registry")
    if "PYTEST_XDIST_WORKER" in os.environ:
        from tests.support import spreading  # a run in one process needs no pytest-xdist

        spreading.sort(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.support import spreading

    return spreading.ByFile(config, log)


def _require_servers(missing: Callable[[], str | None] = jars.missing) -> None:
    reason = missing()
    if reason and os.environ.get("KSHELL_REQUIRE_KAFKA"):
        pytest.fail(f"KSHELL_REQUIRE_KAFKA is set, but {reason}", pytrace=False)
    if reason:
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    """What one test calls a secret may be an ordinary word of another."""
    yield
    secret._known.clear()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket on 127.0.0.1 that takes connections and never answers."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen(20)
        made.settimeout(30)
        yield made


@pytest.fixture
def silent(listening: socket.socket) -> int:
    """The port of a server that accepts and never answers."""
    return int(listening.getsockname()[1])


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that all tests of the run share."""
    _require_servers()
    broker = Broker(tmp_path_factory.mktemp("kafka"), session_timeout_ms=20_000)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def make_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Broker]]:
    """`make_kafka(secure=True)`, `make_kafka(auto_create=True)`: a broker of one test with options of `Broker`."""
    _require_servers()
    with ExitStack() as brokers:
        def make(**options: Any) -> Broker:
            broker = Broker(tmp_path_factory.mktemp("own-kafka"), **options)
            brokers.callback(broker.crash)
            broker.start()
            return broker

        yield make


@pytest.fixture
def own_kafka(make_kafka: Callable[..., Broker]) -> Broker:
    """A broker of one test, which may stop, crash and freeze it."""
    return make_kafka()


@pytest.fixture
def kafka_topic(kafka: Broker) -> Callable[..., str]:
    """`kafka_topic(partitions=1, prefix="topic", cleanup_policy="compact", ...)` -> the name of a topic of its own on the shared broker."""
    client = admin(kafka.bootstrap)

    def create(partitions: int = 1, prefix: str = "topic", **config: Any) -> str:
        return create_topic(client, unique(prefix), partitions, **config)

    return create


@pytest.fixture
def producer(kafka: Broker) -> Recorder:
    """Produces to the shared broker and logs what was acknowledged. For another broker: `Recorder(broker.bootstrap)`."""
    return Recorder(kafka.bootstrap)


@pytest.fixture
def produce(producer: Recorder) -> Callable[..., list[Acknowledged]]:
    """`produce(topic, values, partition=0, key=..., headers=..., timestamp_ms=...)` -> the acknowledged records."""
    return producer.produce


@pytest.fixture(scope="session")
def _rest_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestCatalog]:
    _require_servers()
    server = RestCatalog(tmp_path_factory.mktemp("rest"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def rest_catalog(_rest_server: RestCatalog) -> Iterator[RestCatalog]:
    """A REST catalog that all tests of the run share: keep apart by namespaces. Faults end with the test."""
    yield _rest_server
    _rest_server.clear_faults()


@pytest.fixture
def own_rest_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestCatalog]:
    """A REST catalog of one test, which may stop it."""
    _require_servers()
    server = RestCatalog(tmp_path_factory.mktemp("own-rest"))
    server.start()
    yield server
    server.crash()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A schema registry that all tests of the run share: keep apart by subjects, and leave it running."""
    _require_servers(registry_part.missing)
    server = Registry(tmp_path_factory.mktemp("registry"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A schema registry of one test, which may freeze and stop it."""
    _require_servers(registry_part.missing)
    server = Registry(tmp_path_factory.mktemp("own-registry"))
    server.start()
    yield server
    server.crash()
