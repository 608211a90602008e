"""A pgwire server over a session with a table, and connections to it that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

import kshell
from kshell.options import Secret
from kshell.serve import Served, Servers
from kshell.serve.access import Access
from kshell.serve.host import Limits
from kshell.session import Session
from tests.serve.conftest import PASSWORD
from tests.support.postgres import Connection

ROWS = 20_000
Connect = Callable[..., Connection]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with kshell.connect() as opened:
        opened.sql(f"CREATE TABLE n AS SELECT range AS i, 'row ' || range AS name FROM range({ROWS})").close()
        yield opened


@pytest.fixture(scope="module")
def server(session: Session) -> Iterator[Served]:
    servers = Servers(session)
    yield servers.start("pgwire", _access(), Limits())
    servers.close()


@pytest.fixture
def start(session: Session) -> Iterator[Callable[..., Served]]:
    """Another server over the same session, with limits or an access of its own."""
    opened = []

    def make(limits: Limits | None = None, **changes: object) -> Served:
        opened.append(Servers(session))
        return opened[-1].start("pgwire", replace(_access(), **changes), limits or Limits())  # type: ignore[arg-type]

    yield make
    for servers in opened:
        servers.close()


@pytest.fixture
def connect(server: Served) -> Iterator[Connect]:
    opened: list[Connection] = []

    def make(to: Served | None = None, **asked: str) -> Connection:
        opened.append(Connection((to or server).address, PASSWORD, **asked))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def client(connect: Connect) -> Connection:
    return connect()


def _access() -> Access:
    return Access(kind="pgwire", user="kshell", password=Secret(PASSWORD), token_file=None, host="127.0.0.1", port=0)
