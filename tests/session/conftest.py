"""Sessions over the shared broker, each with a data folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kshell.session import Session
from tests.parts.kafka import Broker
from tests.support.stub_http import StubHttp

OpenSession = Callable[..., Session]


class Notes:
    """What the session says beside its rows."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, kind: str, text: str) -> None:
        self.lines.append(f"{kind}: {text}")

    def __contains__(self, text: str) -> bool:
        return any(text in line for line in self.lines)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def topic(kafka_topic: Callable[..., str]) -> str:
    """One whose records stay, however old."""
    return kafka_topic(partitions=1, retention_ms=-1)


@pytest.fixture
def stub() -> Iterator[StubHttp]:
    """A registry that answers as the test says."""
    with StubHttp() as made:
        yield made


@pytest.fixture
def open_session(kafka: Broker, tmp_path: Path, notes: Notes) -> Iterator[OpenSession]:
    """`open_session()`: cluster `kafka` attached, catalog `local` in the test's folder; `data="other"` is another machine."""
    opened: list[Session] = []

    def make(data: str = "data", brokers: str | None = kafka.bootstrap) -> Session:
        session = Session(brokers=brokers, notes=notes, data_dir=tmp_path / data)
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.close(flush=False, timeout_s=2.0)


@pytest.fixture
def session(open_session: OpenSession) -> Session:
    return open_session()


def rows(session: Session, text: str) -> list[tuple[Any, ...]]:
    return session.sql(text).fetchall()


def one(session: Session, text: str) -> Any:
    return rows(session, text)[0][0]


def events(count: int, first: int = 0) -> list[str]:
    return [json.dumps({"id": i, "url": f"/p/{i % 7}", "amount": i / 4}) for i in range(first, first + count)]
