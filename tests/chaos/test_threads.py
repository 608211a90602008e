"""The thread that commits: what fails in it is made good by itself, and one that was left behind troubles nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from kshell.buffer.buffer import Buffer
from kshell.errors import UnreachableError
from kshell.session import Session
from tests.chaos.conftest import Notes
from tests.chaos.flow import Flow
from tests.parts.kafka import Broker
from tests.parts.rest import RestCatalog
from tests.support import unique, wait_until

COUNTS = "SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM "
DROP_S = 15.0


def pipeline(session: Session, flow: Flow, table: str) -> None:
    session.sql(f"CREATE SOURCE s (seq BIGINT, who VARCHAR, pad VARCHAR) FROM KAFKA kafka (TOPIC '{flow.topic}'); WAIT SOURCE s;"
                f"CREATE SINK s_lake FROM s INTO ICEBERG {table} (COMMIT_INTERVAL '1h')")


def test_a_hand_over_that_fails_is_made_again_without_another_commit(kafka: Broker, open_session: Callable[..., Session],
                                                                     flows: Callable[..., Flow], notes: Notes,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    flow, session = flows(kafka), open_session(kafka)
    flow.send(60)
    pipeline(session, flow, "local.web.s")
    publish, failed = Buffer.publish, threading.Event()

    def unreadable_once(self: Buffer, **given: Any) -> bool:
        if not failed.is_set():
            failed.set()
            raise UnreachableError("the table's files could not be read")
        return publish(self, **given)

    monkeypatch.setattr(Buffer, "publish", unreadable_once)
    session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    assert failed.is_set()
    assert session.sql(f"{COUNTS} lake.s").fetchall() == [(60, 60)]
    assert session.sql(f"{COUNTS} s").fetchall() == [(60, 60)]
    assert session.sql("SELECT rows FROM kshell.commits").fetchall() == [(60,)]
    assert session.sql("SELECT state, last_error, pending_rows FROM kshell.sinks").fetchall() == [("running", None, 0)]
    assert len(notes.warnings()) == 1


@pytest.mark.timeout(120)
def test_a_thread_that_hangs_in_a_catalog_is_left_behind(kafka: Broker, own_rest_catalog: RestCatalog,
                                                         open_session: Callable[..., Session], flows: Callable[..., Flow],
                                                         notes: Notes) -> None:
    """DROP SINK ... FORCE ends though the catalog answers nothing; the commit that was under way lands or not; the same sink goes on."""
    flow, session = flows(kafka), open_session(kafka)
    flow.send(60)
    session.sql(f"ATTACH '{own_rest_catalog.uri}' AS c (TYPE iceberg, CATALOG rest)")
    table = f"c.{unique('web')}.s"
    pipeline(session, flow, table)
    own_rest_catalog.freeze()
    flushing = session._sinks.get("s_lake").running()
    flushing.request()
    wait_until(lambda: flushing.status().state == "flushing")
    began = time.monotonic()
    session.sql("DROP SINK s_lake FORCE")
    assert time.monotonic() - began < DROP_S
    assert session.sql(f"{COUNTS} s").fetchall() == [(60, 60)]
    own_rest_catalog.thaw()
    session.sql(f"CREATE SINK s_lake FROM s INTO ICEBERG {table} (COMMIT_INTERVAL '1h')")
    wait_until(lambda: not flushing._thread.is_alive(), 30.0)
    flow.send(60)
    session.sql("WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
    assert session.sql(f"{COUNTS} lake.s").fetchall() == [(120, 120)]
    assert session.sql(f"{COUNTS} s").fetchall() == [(120, 120)]
    assert notes.warnings() == []
