"""While records arrive and commits move them from the buffer into the table, a client of pgwire sees each of them once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kshell.serve import Served, Servers
from kshell.serve.host import Limits
from kshell.session import Session
from tests.chaos.flow import Flow
from tests.chaos.readers import Ask, Readers, Verdicts, question
from tests.parts.kafka import Broker
from tests.serve.conftest import PASSWORD
from tests.serve.pgwire.conftest import _access
from tests.support.postgres import Connection, query
from tests.support.topics import admin, create_topic, unique
from tests.support.waiting import wait_until

PARTITIONS = 3
COMMITS = 6


@pytest.fixture
def flow(kafka: Broker) -> Iterator[Flow]:
    made = Flow(kafka.bootstrap, create_topic(admin(kafka.bootstrap), unique("flow"), PARTITIONS), partitions=PARTITIONS, rate=2000)
    yield made.start()
    made.stop()


@pytest.fixture
def session(kafka: Broker, flow: Flow, tmp_path: Path) -> Iterator[Session]:
    with Session(brokers=kafka.bootstrap, data_dir=tmp_path / "data") as opened:
        opened.sql(f"CREATE SOURCE s (seq BIGINT, who VARCHAR, pad VARCHAR) FROM KAFKA kafka (TOPIC '{flow.topic}');"
                   "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '10s', COMMIT_ROWS 2000)").close()
        yield opened


@pytest.fixture
def server(session: Session) -> Iterator[Served]:
    servers = Servers(session)
    session.lock_files()
    yield servers.start("pgwire", _access(), Limits())
    servers.close()


@pytest.fixture
def opened(server: Served) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    made: list[psycopg.Connection[Any]] = []
    host, _, port = server.address.rpartition(":")

    def connect() -> psycopg.Connection[Any]:
        made.append(psycopg.connect(host=host, port=port, user="kshell", password=PASSWORD, dbname="memory", autocommit=True))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def asking(connection: psycopg.Connection[Any]) -> Ask:
    return lambda text: connection.execute(text.encode()).fetchall()


@pytest.mark.timeout(180)
@pytest.mark.fault("F85")
def test_no_answer_over_pgwire_is_wrong_while_commits_land(session: Session, flow: Flow, server: Served,
                                                           opened: Callable[[], psycopg.Connection[Any]]) -> None:
    verdicts, moments, follower = Verdicts(flow), opened(), Connection(server.address, PASSWORD)
    ask = asking(moments)
    follower.send(query("COPY (TAIL s) TO STDOUT"))

    def commits() -> int:
        return int(session.sql("SELECT count(*) FROM kshell.commits").fetchall()[0][0])

    def one_moment() -> None:
        """Two statements of a transaction have the same answer, whatever arrives or is committed between them."""
        with moments.transaction():
            first, second = (ask(question("s") + " ORDER BY 1") for _ in range(2))
        assert first == second

    with Readers(verdicts, "s", [asking(opened()), asking(opened())]):
        wait_until(lambda: one_moment() or (commits() >= COMMITS and verdicts.reads >= 60), 120.0, every_s=0.1)
    sent = flow.stop()
    session.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'").close()
    print(f"{verdicts.reads} reads, {commits()} commits, {sent} records, slowest read {verdicts.slowest_s:.2f} s")
    assert verdicts.wrong == []
    assert ask("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM s") == [(sent, sent)]
    assert ask("SELECT count(*) FROM lake.s") == [(sent,)]
    assert ask("SELECT count(*) FROM live.s") == [(0,)]
    assert followed(follower) > 0
    with pytest.raises(psycopg.errors.InvalidSchemaName) as refused:
        ask(f"FROM kafka.{flow.topic}")
    hint = refused.value.diag.message_hint or ""
    assert hint.startswith(f"clients do not read topics: CREATE SOURCE {flow.topic} FROM KAFKA kafka, by whoever runs the server")


def followed(follower: Connection) -> int:
    """A TAIL that never ends is ended by its client: the rows that came until then."""
    follower.cancel()
    talk = follower.ready()
    assert talk.error["C"] == "57014"
    follower.close()
    assert talk.kinds.startswith("Hd")
    return talk.kinds.count("d")
