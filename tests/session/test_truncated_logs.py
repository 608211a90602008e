"""Brokers lose the end of a log, and it grows again beyond what was read: the same offsets have other records, and no position tells."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kshell.iceberg import Stop
from kshell.session import Session
from tests.parts.kafka import Broker
from tests.session.conftest import OpenSession, one, rows
from tests.support import create_topic, wait_until
from tests.support.producing import Recorder
from tests.support.topics import admin

TOPIC, KEPT, READ, WRITTEN = "cut", 40, 100, 150
CREATE = (f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{TOPIC}'); "
          "CREATE SINK k FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')")


def produce(broker: Broker, first: int, count: int) -> None:
    Recorder(broker.bootstrap).produce(TOPIC, [f'{{"id":{first + n}}}' for n in range(count)])


def log_of(broker: Broker) -> Path:
    (log,) = broker.folder.rglob(f"{TOPIC}-0")
    return log


def cut(broker: Broker, kept: Path) -> None:
    """The partition's log is what it was when `kept` was taken, and its leader is another one since."""
    broker.stop()
    shutil.rmtree(log_of(broker))
    shutil.copytree(kept, next(broker.folder.rglob("recovery-point-offset-checkpoint")).parent / f"{TOPIC}-0")
    broker.start()


@pytest.mark.fault("F09")
@pytest.mark.timeout(180)
def test_a_log_that_grew_again_beyond_the_position_stops_the_sink_until_it_goes_back(
        own_kafka: Broker, open_session: OpenSession, tmp_path: Path) -> None:
    create_topic(admin(own_kafka.bootstrap), TOPIC, 1)
    produce(own_kafka, 0, KEPT)
    session = open_session(brokers=own_kafka.bootstrap)
    session.sql(f"{CREATE}; WAIT SOURCE s TIMEOUT '30s'")
    own_kafka.stop()
    kept = shutil.copytree(log_of(own_kafka), tmp_path / "kept")
    own_kafka.start()
    produce(own_kafka, KEPT, READ - KEPT)     # another leader, and nothing is lost: that is no cut
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == READ, 30)
    session.sql("FLUSH SINK k TIMEOUT '30s'")

    cut(own_kafka, kept)
    produce(own_kafka, 1_000, WRITTEN - KEPT)
    wait_until(lambda: one(session, "SELECT state FROM kshell.sinks") == "LOG_TRUNCATED", 30)
    with pytest.raises(Stop, match=rf"stands at {READ}, and its log was cut at {KEPT}") as caught:
        session.sql("FLUSH SINK k TIMEOUT '10s'")
    assert caught.value.hint == f"ALTER SINK k SKIP PARTITION 0 TO {KEPT}"
    assert one(session, "SELECT count(*) FROM s") == READ
    session.close(flush=False)

    again = open_session(brokers=own_kafka.bootstrap)          # a start sees it too: nothing of it was in memory only
    with pytest.raises(Stop, match="LOG_TRUNCATED"):
        again.sql(CREATE)
    again.sql(f"ALTER SINK k SKIP PARTITION 0 TO {KEPT}")
    landed(again)
    again.close()

    landed(last := open_session(brokers=own_kafka.bootstrap), CREATE)
    assert rows(last, "CHECK SINK k")[0][-1] == "ok"


def landed(session: Session, create: str = "RESUME SINK k") -> None:
    """What was read before the cut, and what stands in the log since, under another epoch."""
    if create == CREATE or one(session, "SELECT state FROM kshell.sinks") != "running":
        session.sql(create)
    session.sql("WAIT SOURCE s TIMEOUT '30s'; FLUSH SINK k TIMEOUT '30s'")
    found = rows(session, "SELECT coalesce(_kafka_epoch, 0), count(*), min(_kafka_offset), max(id) FROM lake.s GROUP BY 1 ORDER BY 1")
    assert found == [(0, READ, 0, READ - 1), (1, WRITTEN - KEPT, KEPT, 999 + WRITTEN - KEPT)]
