"""While records arrive and commits move them from the buffer into the table, a client of Quack sees each of them once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kshell.serve import Servers
from kshell.serve.access import access_of
from kshell.serve.host import Limits
from kshell.session import Session
from tests.chaos.flow import Flow
from tests.chaos.readers import Ask, Readers, Verdicts
from tests.parts.kafka import Broker
from tests.serve.duck import ATTACH, TOKEN, Duck
from tests.support.topics import admin, create_topic, unique
from tests.support.waiting import wait_until

PARTITIONS = 3
COMMITS = 8


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
def ducks(session: Session) -> Iterator[list[Duck]]:
    """Two that have attached the session as `k`."""
    servers = Servers(session)
    access = access_of("quack", {"host": "127.0.0.1", "port": 0, "insecure": False, "token": TOKEN}, frozenset())
    address = servers.start("quack", access, Limits()).address
    made = [Duck(), Duck()]
    for duck in made:
        duck.sql(ATTACH.format(address))
    yield made
    for duck in made:
        duck.kill()
    servers.close()


def asking(duck: Duck) -> Ask:
    return lambda text: [tuple(row) for row in duck.there(text)]


@pytest.mark.timeout(180)
@pytest.mark.fault("F85")
def test_no_answer_over_quack_is_wrong_while_commits_land(session: Session, flow: Flow, ducks: list[Duck]) -> None:
    verdicts = Verdicts(flow)

    def commits() -> int:
        return int(session.sql("SELECT count(*) FROM kshell.commits").fetchall()[0][0])

    with Readers(verdicts, "s", [asking(duck) for duck in ducks]):
        wait_until(lambda: commits() >= COMMITS and verdicts.reads >= 100, 120.0, every_s=0.1)
    sent = flow.stop()
    session.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'").close()
    print(f"{verdicts.reads} reads, {commits()} commits, {sent} records, slowest read {verdicts.slowest_s:.2f} s")
    assert verdicts.wrong == []
    duck = ducks[0]
    assert duck.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM k.s") == [[sent, sent]]
    assert duck.sql("SELECT count(*) FROM k.lake.s") == [[sent]]
    assert duck.sql("SELECT count(*) FROM k.live.s") == [[0]]
    assert duck.sql("SELECT name, state FROM k.kshell.sources") == [["s", "running"]]
    assert duck.there("SELECT count(*) FROM s(last := 10)") == [[10]], "a macro of a source, on the other side"
