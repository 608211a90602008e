"""Brokers that stop, hang and come back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from kshell.errors import CancelledError, Error, UnreachableError
from kshell.kafka.cluster import Cluster
from tests.parts.kafka import Broker
from tests.parts.server import free_ports
from tests.support import Recorder, create_topic, unique
from tests.support.reading import contents, merge, read_to, read_until
from tests.support.topics import admin


@pytest.mark.fault("F01")
def test_a_reader_goes_on_by_itself_after_a_restart(own_kafka: Broker) -> None:
    topic = create_topic(admin(own_kafka.bootstrap), unique())
    Recorder(own_kafka.bootstrap).produce(topic, map(str, range(100)))
    reader = Cluster("k", own_kafka.bootstrap).reader()
    reader.assign({(topic, 0): 0})
    seen = read_to(reader, {(topic, 0): 100})
    own_kafka.stop()
    merge(seen, read_until(reader, lambda _: reader.reconnecting))
    own_kafka.start()
    merge(seen, read_until(reader, lambda _: not reader.reconnecting, 20))       # an idle topic: no record arrives to show it
    Recorder(own_kafka.bootstrap).produce(topic, map(str, range(100, 200)))
    merge(seen, read_to(reader, {(topic, 0): 200}))
    reader.close()
    assert contents(seen) == [(topic, 0, i, str(i).encode()) for i in range(200)]
    assert {(fault.tp, fault.code, fault.fatal) for fault in seen.errors} == {(None, "reconnecting", False)}
    assert len(seen.errors) <= 2, "told once, twice at most when the broker still answers while it stops"


def test_a_hung_broker_holds_no_call_beyond_its_time_out(own_kafka: Broker) -> None:
    cluster = Cluster("k", own_kafka.bootstrap, timeout_s=1.0)
    cluster.connect()
    own_kafka.freeze()
    _ends_within(3.0, UnreachableError, cluster.topics)
    _ends_within(3.0, UnreachableError, lambda: cluster.describe(["anything"]))
    _ends_within(3.0, UnreachableError, lambda: cluster.log_ends([("anything", 0)]))
    _ends_within(3.0, UnreachableError, cluster.groups)
    _ends_within(3.0, UnreachableError, Cluster("fresh", own_kafka.bootstrap, timeout_s=1.0).connect)


def test_another_thread_ends_a_call_within_a_second(own_kafka: Broker) -> None:
    cluster = Cluster("k", own_kafka.bootstrap)
    cluster.connect()
    own_kafka.freeze()
    threading.Timer(0.2, cluster.cancel).start()
    _ends_within(1.2, CancelledError, cluster.topics)
    own_kafka.thaw()
    assert cluster.topics() == [], "a later call is not affected"


@pytest.mark.fault("F29")
def test_closing_does_not_wait_for_a_hung_broker(own_kafka: Broker) -> None:
    topic = create_topic(admin(own_kafka.bootstrap), unique())
    cluster = Cluster("k", own_kafka.bootstrap)
    reader = cluster.reader()
    reader.assign({(topic, 0): 0})
    read_until(reader, lambda poll: (topic, 0) in poll.ends)
    cluster.commit_offsets("advice", {(topic, 0): (0, None)})
    own_kafka.freeze()
    cluster.commit_offsets("advice", {(topic, 0): (0, None)})
    began = time.monotonic()
    reader.close()
    cluster.close()
    assert time.monotonic() - began < 11.0, "5 s for each"


def test_refused_connections_are_told_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_ports(1)}"
    error = _ends_within(3.0, UnreachableError, Cluster("k", address).connect)
    assert error.message == f"cannot reach Kafka at {address}: Connection refused"
    assert error.hint == "does the broker run, and does it listen at this address?"
    assert capfd.readouterr() == ("", ""), "the client library says nothing on its own"


def test_an_unknown_host_is_told_at_once() -> None:
    error = _ends_within(8.0, UnreachableError, Cluster("k", "no-such-host.invalid:9092").connect)
    assert error.message.startswith("cannot reach Kafka at no-such-host.invalid:9092: Failed to resolve")
    assert error.hint == "check the host name"


def test_a_server_that_is_no_kafka_is_told() -> None:
    with _Silent() as address:
        error = _ends_within(4.0, UnreachableError, Cluster("k", address, timeout_s=2.0).connect)
    assert error.message == f"cannot reach Kafka at {address}: no answer"


def _ends_within(seconds: float, expected: type[Error], call: Callable[[], object]) -> Error:
    began = time.monotonic()
    with pytest.raises(expected) as caught:
        call()
    assert time.monotonic() - began < seconds
    return caught.value


class _Silent:
    """Accepts connections and says nothing."""

    def __enter__(self) -> str:
        self._socket = socket.create_server(("127.0.0.1", 0))
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._socket.close()
