"""Clients read while the process ingests and commits: every answer is right, nothing waits for them, and an outage is none of theirs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from kshell.serve import Served, Servers
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
JOINS = 8
JOIN = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3"
JOINED_S = 4.0
BEHIND_S = 5.0


class Process:
    """A session that ingests `flow` as `s`, commits it, and serves."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.session = Session(brokers=broker.bootstrap, data_dir=folder)
        self.servers = Servers(self.session)
        topic = create_topic(admin(broker.bootstrap), unique("flow"), PARTITIONS)
        self.flow = Flow(broker.bootstrap, topic, partitions=PARTITIONS, rate=2000)
        self.session.sql(f"CREATE SOURCE s (seq BIGINT, who VARCHAR, pad VARCHAR) FROM KAFKA kafka (TOPIC '{topic}');"
                         "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '10s', COMMIT_ROWS 2000)").close()
        self._ducks: list[Duck] = []

    def serve(self, kind: str, limits: Limits = Limits()) -> Served:  # noqa: B008  it is a value
        values = {"host": "127.0.0.1", "port": 0, "insecure": False, "password" if kind == "pgwire" else "token": TOKEN}
        return self.servers.start(kind, access_of(kind, values, frozenset()), limits)

    def duck(self) -> Duck:
        """Another DuckDB that has attached this one as `k`."""
        served = next((s for s in self.servers.served() if s.kind == "quack"), None) or self.serve("quack")
        self._ducks.append(Duck())
        self._ducks[-1].sql(ATTACH.format(served.address))
        return self._ducks[-1]

    def ask(self, text: str) -> list[tuple[Any, ...]]:
        return self.session.sql(text).fetchall()

    def one(self, text: str) -> Any:
        return self.ask(text)[0][0]

    def close(self) -> None:
        self.flow._ending.set()
        for duck in self._ducks:
            duck.kill()
        self.servers.close()
        self.session.close(flush=False, timeout_s=2.0)


@pytest.fixture
def process(kafka: Broker, tmp_path: Path) -> Iterator[Process]:
    made = Process(kafka, tmp_path)
    yield made
    made.close()


@pytest.fixture
def alone(own_kafka: Broker, tmp_path: Path) -> Iterator[Process]:
    """With a broker that the test may stop."""
    made = Process(own_kafka, tmp_path)
    yield made
    made.close()


def asking(duck: Duck) -> Ask:
    return lambda text: [tuple(row) for row in duck.there(text)]


@pytest.mark.timeout(180)
@pytest.mark.fault("F85")
def test_no_answer_over_quack_is_wrong_while_commits_land(process: Process) -> None:
    flow = process.flow.start()
    verdicts = Verdicts(flow)
    first, second = process.duck(), process.duck()
    with Readers(verdicts, "s", [asking(first), asking(second)]):
        wait_until(lambda: process.one("SELECT count(*) FROM kshell.commits") >= COMMITS and verdicts.reads >= 100, 120.0, every_s=0.1)
    sent = flow.stop()
    process.ask("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'")
    print(f"{verdicts.reads} reads, {sent} records, slowest read {verdicts.slowest_s:.2f} s")
    assert verdicts.wrong == []
    assert first.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM k.s") == [[sent, sent]]
    assert first.sql("SELECT count(*) FROM k.lake.s") == [[sent]]
    assert first.sql("SELECT count(*) FROM k.live.s") == [[0]]
    assert first.sql("SELECT name, state FROM k.kshell.sources") == [["s", "running"]]
    assert first.there("SELECT count(*) FROM s(last := 10)") == [[10]], "a macro of a source, on the other side"


@pytest.mark.timeout(180)
def test_neither_ingestion_nor_a_commit_waits_for_clients_that_compute(process: Process) -> None:
    served = process.serve("http")
    process.flow.start()
    process.ask("WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")

    def join(_: int) -> None:
        with contextlib.suppress(httpx.HTTPError):    # the server ends first
            httpx.post(f"{served.address}/query", content=JOIN, headers={"authorization": f"Bearer {TOKEN}"}, timeout=120)

    with ThreadPoolExecutor(JOINS) as clients, contextlib.closing(process.servers):
        joins = [clients.submit(join, number) for number in range(JOINS)]
        wait_until(lambda: served.host.counts.running == JOINS)
        commits, rows, behind = process.one("SELECT count(*) FROM kshell.commits"), process.one("SELECT count(*) FROM s"), []
        ends = time.monotonic() + JOINED_S
        while time.monotonic() < ends:
            behind.append(process.one("SELECT lag_seconds FROM kshell.sources") or 0.0)
        wait_until(lambda: process.one("SELECT count(*) FROM s") > rows and process.one("SELECT count(*) FROM kshell.commits") > commits)
        assert served.host.counts.running == JOINS
        assert not any(one.done() for one in joins)
    print(f"{len(behind)} looks, at most {max(behind):.2f} s behind")
    assert max(behind) < BEHIND_S


def over_http(process: Process, text: str) -> int:
    served = process.serve("http")
    return int(httpx.post(f"{served.address}/query", content=text, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60).json()["n"])


def over_pgwire(process: Process, text: str) -> int:
    access = process.serve("pgwire").access
    with psycopg.connect(host=access.host, port=access.port, user=access.user, password=TOKEN, dbname="memory") as connection:
        found = connection.execute(text).fetchone()
    return int(found[0]) if found else -1


def over_quack(process: Process, text: str) -> int:
    return int(process.duck().there(text)[0][0])


@pytest.mark.timeout(180)
def test_an_outage_of_the_brokers_fails_no_client(alone: Process, own_kafka: Broker) -> None:
    ways: tuple[Callable[[Process, str], int], ...] = (over_http, over_pgwire, over_quack)
    sent = alone.flow.send(3000)
    alone.ask("WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
    sent = alone.flow.send(500)
    wait_until(lambda: alone.one("SELECT count(*) FROM s") == sent)
    own_kafka.crash()
    wait_until(lambda: alone.one("SELECT state FROM kshell.sources") == "reconnecting")
    assert [way(alone, "SELECT count(*) AS n FROM s") for way in ways] == [sent] * len(ways)
    alone.servers.close()
    assert [way(alone, "SELECT count(*) AS n FROM kshell.sources WHERE state = 'reconnecting'") for way in ways] == [1] * len(ways)
