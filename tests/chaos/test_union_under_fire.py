"""While records arrive and commits move them from the buffer into the table, every SELECT sees each of them once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import duckdb
import pytest

from kshell.session import Session
from tests.chaos.child import Child
from tests.chaos.flow import Flow
from tests.chaos.readers import Ask, Readers, Verdicts
from tests.parts.kafka import Broker
from tests.parts.rest import RestCatalog
from tests.support import unique, wait_until

READERS = 4
SECONDS = 60.0
READS = 1000


def statements(topic: str, rows_a_commit: int, table: str) -> str:
    return (f"CREATE SOURCE s (seq BIGINT, who VARCHAR, pad VARCHAR) FROM KAFKA kafka (TOPIC '{topic}');"
            f"CREATE SINK s_lake FROM s INTO ICEBERG {table} (COMMIT_INTERVAL '10s', COMMIT_ROWS {rows_a_commit})")


def pipeline(session: Session, topic: str, rows_a_commit: int, table: str = "local.web.s") -> None:
    session.sql(statements(topic, rows_a_commit, table))


def cursors(session: Session, count: int) -> list[Ask]:
    """Each reader's own cursor of the session's engine, as a server would give it."""
    return [asking(session._engine.cursor()) for _ in range(count)]


def asking(cursor: duckdb.DuckDBPyConnection) -> Ask:
    return lambda text: cursor.execute(text).fetchall()


def commits(session: Session) -> int:
    return int(session.sql("SELECT count(*) FROM kshell.commits").fetchall()[0][0])


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.fault("F85")
def test_no_answer_is_wrong_while_records_arrive_and_commits_land(kafka: Broker, open_session: Callable[..., Session],
                                                                  flows: Callable[..., Flow]) -> None:
    session, flow = open_session(kafka), flows(kafka, rate=3000).start()
    pipeline(session, flow.topic, rows_a_commit=4000)
    verdicts = Verdicts(flow)
    began = time.monotonic()
    with Readers(verdicts, "s", cursors(session, READERS - 1)):
        while time.monotonic() - began < SECONDS or verdicts.reads < READS:
            verdicts.ask(lambda text: session.sql(text).fetchall(), "s")
    sent = flow.stop()
    session.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'")
    print(f"{verdicts.reads} reads, {commits(session)} commits, {sent} records, slowest read {verdicts.slowest_s:.2f} s")
    assert verdicts.wrong == []
    assert commits(session) >= SECONDS / 3
    assert session.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM lake.s").fetchall() == [(sent, sent)]


@pytest.mark.timeout(180)
@pytest.mark.fault("F82")
def test_no_answer_is_wrong_while_another_process_commits_to_the_table_too(kafka: Broker, rest_catalog: RestCatalog,
                                                                           open_session: Callable[..., Session],
                                                                           children: Callable[..., Child],
                                                                           flows: Callable[..., Flow]) -> None:
    """Both commit whatever is there; the other one is killed and begins again meanwhile."""
    session, flow = open_session(kafka), flows(kafka, rate=1500).start()
    table = f"c.{unique('web')}.s"
    attach = f"ATTACH '{rest_catalog.uri}' AS c (TYPE iceberg, CATALOG rest); SET kshell_refresh = '300ms';"
    session.sql(attach)
    pipeline(session, flow.topic, rows_a_commit=1500, table=table)
    verdicts = Verdicts(flow)
    with Readers(verdicts, "s", cursors(session, READERS - 1)):
        for life in ("first", "second"):
            other = children(life, kafka)
            other.sql(attach)
            other.sql(statements(flow.topic, 1500, table))
            wait_until(lambda child=other: child.one("SELECT count(*) FROM kshell.commits") >= 3, 60.0, every_s=0.1)  # type: ignore[misc]
            before = commits(session)
            wait_until(lambda seen=before: commits(session) > seen, 60.0)  # type: ignore[misc]
            other.kill()
    sent = flow.stop()
    session.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'")
    print(f"{verdicts.reads} reads, {commits(session)} commits of this process, {sent} records, slowest {verdicts.slowest_s:.2f} s")
    assert verdicts.wrong == []
    assert session.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM lake.s").fetchall() == [(sent, sent)]


class Naive:
    """What one would write without a cut: the newest snapshot and the live rows, each view moved when somebody gets to it."""

    def __init__(self, session: Session) -> None:
        self._lake = session._connections.catalog("local").lake
        self._cursor = session._engine.cursor()
        self._location = ""
        self.follow()
        self._cursor.execute("CREATE OR REPLACE VIEW naive AS SELECT seq, _kafka_partition, _kafka_offset FROM live.s "
                             "UNION ALL SELECT seq, _kafka_partition, _kafka_offset FROM naive_lake")

    def follow(self) -> None:
        location = self._lake.load(("web", "s")).metadata_location
        if location != self._location:
            self._location = location
            self._cursor.execute(f"CREATE OR REPLACE VIEW naive_lake AS FROM iceberg_scan('{location}')")


@pytest.fixture
def following() -> Iterator[Callable[[Callable[[], None]], None]]:
    """`following(step)`: `step` again and again on a thread until the test ends."""
    ending, threads = threading.Event(), []

    def loop(step: Callable[[], None]) -> None:
        while not ending.wait(0.01):
            step()

    def start(step: Callable[[], None]) -> None:
        threads.append(threading.Thread(target=loop, args=(step,), daemon=True))
        threads[-1].start()

    yield start
    ending.set()
    for thread in threads:
        thread.join(10.0)


def test_the_same_readers_find_the_naive_union_wrong(kafka: Broker, open_session: Callable[..., Session], flows: Callable[..., Flow],
                                                     following: Callable[[Callable[[], None]], None]) -> None:
    """The harness can fail: the newest snapshot united with the live rows, without one cut for both, is caught by it."""
    session, flow = open_session(kafka), flows(kafka, rate=2000).start()
    pipeline(session, flow.topic, rows_a_commit=2000)
    wait_until(lambda: commits(session) > 0, 30.0)
    following(Naive(session).follow)
    verdicts = Verdicts(flow)
    with Readers(verdicts, "naive", cursors(session, READERS)):
        wait_until(lambda: len(verdicts.wrong) > 2, 40.0)
    flow.stop()
