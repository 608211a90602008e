"""A flush thread that did not end in time shows nothing any more: the name may belong to another sink by then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from kshell.flush import flusher as flushing
from kshell.iceberg import Head, Left, Sink, head
from kshell.iceberg.catalogs import Lake
from kshell.session import Session
from tests.session.conftest import events, one
from tests.support import wait_until
from tests.support.producing import Recorder

LAST = "SINK s_lake FROM s INTO ICEBERG local.web"


class Hanging:
    """`load_head` as the catalog answers a flush thread: not before it is let go, and then with a head that others have made."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        self.ask = head.load_head
        self.thread: threading.Thread | None = None

    def __call__(self, lake: Lake, sink: Sink) -> Head:
        found = self.ask(lake, sink)
        thread = threading.current_thread()
        if self.thread is not None or not thread.name.startswith("kshell-flush"):
            return found
        self.thread = thread
        self.asked.set()
        assert self.go.wait(30)
        return replace(found, snapshot_id=(found.snapshot_id or 0) + 1)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    close = flushing.Flusher.close
    monkeypatch.setattr(flushing.Flusher, "close", lambda self, *, timeout_s: close(self, timeout_s=min(timeout_s, 0.2)))
    hanging = Hanging()
    monkeypatch.setattr(head, "load_head", hanging)
    return hanging


def test_a_thread_that_hangs_over_drop_and_create_does_not_show_its_table(
        session: Session, kafka_topic: Callable[..., str], producer: Recorder, hanging: Hanging) -> None:
    topic = kafka_topic()
    producer.produce(topic, events(5))
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s")
    session.sql(f"CREATE {LAST}.before; FLUSH SINK s_lake TIMEOUT '30s'; REFRESH SINK s_lake")
    assert hanging.asked.wait(10)
    before = session._sinks.get("s_lake").flusher
    assert before is not None
    session.sql(f"DROP SINK s_lake FORCE; CREATE {LAST}.after (START 'earliest')")
    assert one(session, "SELECT count(*) FROM lake.s") == 0
    hanging.go.set()
    thread = hanging.thread
    assert thread is not None
    wait_until(lambda: not thread.is_alive())
    assert (one(session, "SELECT count(*) FROM lake.s"), one(session, "SELECT count(*) FROM s")) == (0, 5)
    for show in (before.target.require_ours, lambda: before.target.hand_over(before.target.head)):
        with pytest.raises(Left):
            show()
    session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    assert (one(session, "SELECT count(*) FROM lake.s"), one(session, "SELECT count(*) FROM s")) == (5, 5)
