"""The broker inside the process: what it can do, and that it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from kshell.errors import InternalError, NotFoundError, RefusedError
from kshell.kafka.cluster import Cluster, TopicInfo
from kshell.kafka.embedded import EmbeddedBroker
from tests.support import Recorder, wait_until
from tests.support.reading import contents, merge, offsets, read_to, read_until


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        broker.create_topic("orders", 2)
        yield broker


def test_what_is_produced_is_read(broker: EmbeddedBroker) -> None:
    recorder = Recorder(broker.bootstrap)
    recorder.produce("orders", map(str, range(500)))
    recorder.produce("orders", map(str, range(500)), partition=1)
    cluster = Cluster("k", broker.bootstrap)
    ends = cluster.log_ends([("orders", 0), ("orders", 1)])
    assert ends == {("orders", 0): 500, ("orders", 1): 500}
    reader = cluster.reader()
    reader.assign(dict.fromkeys(ends, 0))
    assert contents(read_to(reader, ends)) == sorted((r.topic, r.partition, r.offset, r.value) for r in recorder.acknowledged)
    reader.close()


def test_topics_have_no_ids_and_missing_ones_are_not_made(broker: EmbeddedBroker) -> None:
    cluster = Cluster("k", broker.bootstrap)
    assert cluster.topics() == [TopicInfo("orders", (0, 1))]
    assert cluster.describe(["orders"]) == {"orders": TopicInfo("orders", (0, 1), id=None)}
    with pytest.raises(NotFoundError, match="has no topic 'order'") as caught:
        cluster.describe(["order"])
    assert caught.value.hint == "did you mean orders?"
    assert [topic.name for topic in cluster.topics()] == ["orders"]


def test_what_it_cannot_do_is_refused(broker: EmbeddedBroker) -> None:
    with pytest.raises(RefusedError, match="cannot look up offsets by time"):
        Cluster("k", broker.bootstrap).offsets_at([("orders", 0)], 0)


@pytest.mark.fault("F01")
def test_records_outlive_an_outage(broker: EmbeddedBroker) -> None:
    Recorder(broker.bootstrap).produce("orders", ["before"])
    reader = Cluster("k", broker.bootstrap).reader()
    reader.assign({("orders", 0): 0})
    seen = read_to(reader, {("orders", 0): 1})
    broker.set_down()
    assert read_until(reader, lambda poll: bool(poll.errors)).errors[0].code == "reconnecting"
    broker.set_up()
    Recorder(broker.bootstrap).produce("orders", ["after"])
    merge(seen, read_to(reader, {("orders", 0): 2}))
    reader.close()
    assert contents(seen) == [("orders", 0, 0, b"before"), ("orders", 0, 1, b"after")]


@pytest.mark.fault("F10")
def test_errors_that_pass_are_invisible(broker: EmbeddedBroker) -> None:
    recorder = Recorder(broker.bootstrap)
    recorder.produce("orders", map(str, range(50)))
    not_leader, storage, fenced_epoch = 6, 56, 74
    broker.push_errors([not_leader, storage, fenced_epoch, not_leader])
    reader = Cluster("k", broker.bootstrap).reader()
    reader.assign({("orders", 0): 0})
    poll = read_to(reader, {("orders", 0): 50})
    reader.close()
    assert (offsets(poll), [fault for fault in poll.errors if fault.fatal]) == (list(range(50)), [])


@pytest.mark.fault("F02")
def test_deleted_records_are_out_of_range(broker: EmbeddedBroker) -> None:
    Recorder(broker.bootstrap).produce("orders", map(str, range(10)))
    broker.delete_records("orders", 0, 6)
    reader = Cluster("k", broker.bootstrap).reader()
    reader.assign({("orders", 0): 2})
    assert read_until(reader, lambda poll: bool(poll.out_of_range or poll.messages)).out_of_range == [("orders", 0)]
    reader.seek(("orders", 0), 6)
    assert offsets(read_to(reader, {("orders", 0): 10})) == [6, 7, 8, 9]
    reader.close()


@pytest.mark.fault("F07")
def test_two_brokers_are_two_clusters(broker: EmbeddedBroker) -> None:
    with EmbeddedBroker() as other:
        assert Cluster("a", broker.bootstrap).cluster_id != Cluster("b", other.bootstrap).cluster_id


def test_other_processes_can_join(broker: EmbeddedBroker) -> None:
    script = f"from tests.support import Recorder; Recorder({broker.bootstrap!r}).produce('orders', ['from another process'])"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    assert Cluster("k", broker.bootstrap).log_ends([("orders", 0)]) == {("orders", 0): 1}


def test_it_ends_with_close() -> None:
    broker = EmbeddedBroker()
    bootstrap = broker.bootstrap
    broker.close()
    broker.close()
    with pytest.raises(InternalError, match="closed"):
        broker.create_topic("t")
    with pytest.raises(Exception, match="Connection refused"):
        Cluster("k", bootstrap).connect()


def test_a_slow_broker_is_waited_for(broker: EmbeddedBroker) -> None:
    broker.set_delay(300)
    assert Cluster("k", broker.bootstrap).topics() == [TopicInfo("orders", (0, 1))]


def test_no_thread_of_ours_is_left(broker: EmbeddedBroker) -> None:
    before = set(threading.enumerate())
    cluster = Cluster("k", broker.bootstrap)
    cluster.connect()
    reader = cluster.reader()
    reader.assign({("orders", 0): 0})
    reader.close()
    cluster.close()
    wait_until(lambda: set(threading.enumerate()) <= before, 5)
