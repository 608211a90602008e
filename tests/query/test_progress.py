"""How much of a running statement is done is known from another thread, and never invented."""

from __future__ import annotations

import threading

from kshell.kafka.cluster import Cluster
from kshell.kafka.embedded import EmbeddedBroker
from kshell.query.bounded_read import BoundedRead
from tests.query.conftest import Desk
from tests.support import Recorder, unique, wait_until


def nothing_to_check() -> None:
    """A read that nobody cancels."""


def test_a_query_tells_how_far_it_is(desk: Desk) -> None:
    desk.run("CREATE TABLE t AS SELECT range AS a FROM range(4000000)")
    assert desk.runner.progress() is None
    seen: list[float] = []
    work = threading.Thread(target=lambda: desk.rows("SELECT count(*) FROM t WHERE md5(a::VARCHAR) < '1'"), daemon=True)
    work.start()

    def over() -> bool:
        told = desk.runner.progress()
        seen.extend([told] if told is not None else [])
        return not work.is_alive()

    wait_until(over, 60)
    assert len(set(seen)) > 2
    assert seen == sorted(seen)
    assert 0 < seen[0] <= seen[-1] <= 1
    assert desk.runner.progress() is None


def test_a_read_of_a_topic_tells_its_offsets(embedded: EmbeddedBroker) -> None:
    topic, cluster = unique("progress"), Cluster("k", embedded.bootstrap)
    embedded.create_topic(topic, 1)
    Recorder(embedded.bootstrap).produce(topic, ["{}"] * 10)
    read = BoundedRead(cluster, {(topic, 0): (2, 10)}, timeout_s=20, most=None, check=nothing_to_check)
    assert read.fraction == 0
    taken = 0
    for messages in read.messages():
        taken += len(messages)
        assert read.fraction == taken / 8
    assert read.fraction == 1
    cluster.close()


def test_a_read_of_nothing_has_no_progress(embedded: EmbeddedBroker) -> None:
    cluster = Cluster("k", embedded.bootstrap)
    assert BoundedRead(cluster, {("t", 0): (5, 5)}, timeout_s=1, most=None, check=nothing_to_check).fraction is None
    cluster.close()


def test_a_read_that_stops_early_counts_to_where_it_stops(embedded: EmbeddedBroker) -> None:
    cluster = Cluster("k", embedded.bootstrap)
    assert BoundedRead(cluster, {("t", 0): (0, 100)}, timeout_s=1, most=0, check=nothing_to_check).fraction is None
    assert BoundedRead(cluster, {("t", 0): (0, 100)}, timeout_s=1, most=10, check=nothing_to_check).fraction == 0
    cluster.close()
