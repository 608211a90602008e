"""A broker or a catalog that goes away and comes back: SELECT works meanwhile, it is said once, and everything lands by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from kshell.errors import DeadlineError
from kshell.session import Session
from tests.chaos.conftest import Notes
from tests.chaos.flow import Flow
from tests.chaos.readers import Readers, Verdicts
from tests.chaos.test_union_under_fire import cursors
from tests.parts.kafka import Broker
from tests.parts.rest import RestCatalog
from tests.support import wait_until

OUTAGE_S = 20.0
FROZEN_S = 6.0
SLOWEST_READ_S = 5.0                          # on a machine that runs everything else at the same time


def source(session: Session, topic: str) -> None:
    session.sql(f"CREATE SOURCE s (seq BIGINT, who VARCHAR, pad VARCHAR) FROM KAFKA kafka (TOPIC '{topic}');")


def one(session: Session, text: str) -> object:
    return session.sql(text).fetchall()[0][0]


def landed_once(session: Session, flow: Flow, sent: int) -> None:
    """Everything sent is in the table, each record once."""
    wait_until(lambda: one(session, "SELECT sum(position) FROM kshell.partitions") == sent, 60.0, every_s=0.1)
    session.sql("FLUSH SINK s_lake TIMEOUT '60s'")
    assert session.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM lake.s").fetchall() == [(sent, sent)]
    assert {row[-1] for row in session.sql("CHECK SINK s_lake").fetchall()} == {"ok"}


def select_for(session: Session, verdicts: Verdicts, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        verdicts.ask(lambda text: session.sql(text).fetchall(), "s")


@pytest.mark.timeout(180)
@pytest.mark.fault("F01")
def test_a_broker_away_for_twenty_seconds(own_kafka: Broker, open_session: Callable[..., Session], flows: Callable[..., Flow],
                                          notes: Notes) -> None:
    session, flow = open_session(own_kafka), flows(own_kafka, rate=1000).start()
    source(session, flow.topic)
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')")
    wait_until(lambda: one(session, "SELECT count(*) FROM s") > 2000, 30.0)  # type: ignore[operator]
    verdicts = Verdicts(flow)
    own_kafka.crash()
    began = time.monotonic()
    wait_until(lambda: one(session, "SELECT state FROM kshell.sources") == "reconnecting", 15.0)
    with pytest.raises(DeadlineError) as late:
        session.sql("FLUSH SINK s_lake TIMEOUT '3s'")
    assert late.value.exit == 4
    assert "s_lake" in late.value.message
    select_for(session, verdicts, OUTAGE_S - (time.monotonic() - began))
    own_kafka.start()
    wait_until(lambda: one(session, "SELECT state FROM kshell.sources") == "running", 30.0)
    at = one(session, "SELECT sum(position) FROM kshell.partitions")
    wait_until(lambda: one(session, "SELECT sum(position) FROM kshell.partitions") > at, 30.0)  # type: ignore[operator]
    landed_once(session, flow, flow.stop())
    print(f"{verdicts.reads} reads, slowest {verdicts.slowest_s:.2f} s; {notes.warnings()}")
    assert verdicts.wrong == []
    assert verdicts.slowest_s < SLOWEST_READ_S
    assert len([text for text in notes.warnings() if text.startswith("s:")]) == 1
    assert len([text for text in notes.warnings() if "s_lake" in text]) <= 1


@pytest.mark.timeout(120)
def test_a_frozen_broker_holds_up_no_select_and_loses_nothing(own_kafka: Broker, open_session: Callable[..., Session],
                                                              flows: Callable[..., Flow], notes: Notes) -> None:
    session, flow = open_session(own_kafka), flows(own_kafka, rate=1000).start()
    source(session, flow.topic)
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '10s', COMMIT_ROWS 1000)")
    wait_until(lambda: one(session, "SELECT count(*) FROM lake.s") > 0, 30.0)  # type: ignore[operator]
    verdicts = Verdicts(flow)
    own_kafka.freeze()
    with Readers(verdicts, "s", cursors(session, 2)):
        select_for(session, verdicts, FROZEN_S)
    own_kafka.thaw()
    landed_once(session, flow, flow.stop())
    print(f"{verdicts.reads} reads, slowest {verdicts.slowest_s:.2f} s; {notes.warnings()}")
    assert verdicts.wrong == []
    assert verdicts.slowest_s < SLOWEST_READ_S
    assert len(notes.warnings()) <= 2


@pytest.mark.timeout(120)
@pytest.mark.fault("F56")
def test_a_catalog_that_stops_and_starts_during_commits(kafka: Broker, own_rest_catalog: RestCatalog, open_session: Callable[..., Session],
                                                        flows: Callable[..., Flow], notes: Notes) -> None:
    session, flow = open_session(kafka), flows(kafka, rate=1000).start()
    session.sql(f"ATTACH '{own_rest_catalog.uri}' AS c (TYPE iceberg, CATALOG rest)")
    source(session, flow.topic)
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG c.web.s (COMMIT_INTERVAL '10s', COMMIT_ROWS 500)")
    verdicts = Verdicts(flow)
    with Readers(verdicts, "s", cursors(session, 1)):
        for _ in range(2):
            wait_until(lambda: one(session, "SELECT state FROM kshell.sinks") == "flushing", 30.0)
            own_rest_catalog.crash()
            wait_until(lambda: one(session, "SELECT state FROM kshell.sinks") in ("retrying", "resolving"), 30.0)
            select_for(session, verdicts, 2.0)
            assert one(session, "SELECT last_error FROM kshell.sinks")
            own_rest_catalog.start()
            commits = one(session, "SELECT count(*) FROM kshell.commits")
            wait_until(lambda before=commits: one(session, "SELECT count(*) FROM kshell.commits") > before, 40.0)  # type: ignore[misc]
    landed_once(session, flow, flow.stop())
    print(f"{verdicts.reads} reads, slowest {verdicts.slowest_s:.2f} s; {notes.warnings()}")
    assert verdicts.wrong == []
    assert len(notes.warnings()) <= 4
