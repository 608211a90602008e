"""Sessions, flows and processes of one test, ended with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kshell.session import Session
from tests.chaos.child import Child
from tests.chaos.flow import Flow
from tests.parts.kafka import Broker
from tests.support.topics import admin, create_topic, unique

PARTITIONS = 3


class Notes:
    """What a session says beside its rows, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, kind: str, text: str) -> None:
        self.lines.append((kind, text))

    def warnings(self) -> list[str]:
        return [text for kind, text in self.lines if kind == "warning"]


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def open_session(tmp_path: Path, notes: Notes) -> Iterator[Callable[..., Session]]:
    """`open_session(broker)`: catalog `local` in the test's folder."""
    opened: list[Session] = []

    def make(broker: Broker) -> Session:
        session = Session(brokers=broker.bootstrap, notes=notes, data_dir=tmp_path / "data")
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.close(flush=False, timeout_s=2.0)


@pytest.fixture
def flows() -> Iterator[Callable[..., Flow]]:
    """`flows(broker, rate=3000)`: a flow into a topic of its own, not yet started."""
    made: list[Flow] = []

    def make(broker: Broker, **options: object) -> Flow:
        topic = create_topic(admin(broker.bootstrap), unique("flow"), PARTITIONS)
        made.append(Flow(broker.bootstrap, topic, partitions=PARTITIONS, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for flow in made:
        flow._ending.set()


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """`children("name", broker, failpoints=...)`: a session in a process of its own, cluster `kafka` attached."""
    made: list[Child] = []

    def make(name: str, broker: Broker, **options: object) -> Child:
        made.append(Child(tmp_path / name, broker.bootstrap, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for child in made:
        child.kill()
