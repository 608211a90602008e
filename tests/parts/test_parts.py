"""The servers that other tests stand on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyiceberg.catalog.rest import RestCatalog as Client
from pyiceberg.exceptions import ServiceUnavailableError
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

from tests.parts import jars
from tests.parts.kafka import Broker
from tests.parts.registry import Registry
from tests.parts.rest import RestCatalog
from tests.support import Acknowledged, Recorder, create_topic, unique, wait_until
from tests.support.serializers import Serializers
from tests.support.topics import admin

SCHEMA = Schema(NestedField(1, "n", LongType(), required=False))


def test_acknowledged_records_are_logged_with_their_offsets(kafka_topic: Callable[..., str],
                                                           produce: Callable[..., list[Acknowledged]]) -> None:
    topic = kafka_topic(partitions=2)
    produce(topic, ["a", "b"])
    assert [(r.partition, r.offset, r.value) for r in produce(topic, ["c", None], partition=1)] == [(1, 0, b"c"), (1, 1, None)]


def test_a_crashed_broker_serves_the_same_records_again(own_kafka: Broker) -> None:
    topic = create_topic(admin(own_kafka.bootstrap), unique())
    Recorder(own_kafka.bootstrap).produce(topic, ["kept"])
    own_kafka.crash()
    assert not own_kafka.alive()
    own_kafka.start()
    assert Recorder(own_kafka.bootstrap).produce(topic, ["next"])[0].offset == 1


STARTER = """
import sys, pathlib
from tests.parts.rest import RestCatalog
server = RestCatalog(pathlib.Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.skipif(jars.missing() is not None, reason=str(jars.missing()))
def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert _running(pid)
        os.kill(starter.pid, signal.SIGKILL)
        wait_until(lambda: not _running(pid))


def _client(server: RestCatalog) -> Client:
    return Client("rest", uri=server.uri)


def test_a_commit_whose_answer_is_lost_has_landed(rest_catalog: RestCatalog) -> None:
    client = _client(rest_catalog)
    client.create_namespace(space := unique("ns"))
    table = client.create_table((space, "t"), SCHEMA)
    rest_catalog.fault("tables/t", when="after", status=503)
    with pytest.raises(ServiceUnavailableError):
        table.transaction().set_properties(landed="yes").commit_transaction()
    assert client.load_table((space, "t")).properties["landed"] == "yes"


def test_a_refused_commit_has_not_landed(rest_catalog: RestCatalog) -> None:
    client = _client(rest_catalog)
    client.create_namespace(space := unique("ns"))
    table = client.create_table((space, "t"), SCHEMA)
    rest_catalog.fault("tables/t", when="before", status=503)
    with pytest.raises(ServiceUnavailableError):
        table.transaction().set_properties(landed="yes").commit_transaction()
    assert "landed" not in client.load_table((space, "t")).properties


def test_tables_outlive_a_restart_of_the_catalog(own_rest_catalog: RestCatalog) -> None:
    client = _client(own_rest_catalog)
    client.create_namespace("kept")
    own_rest_catalog.stop()
    own_rest_catalog.start()
    assert client.list_namespaces() == [("kept",)]


def test_a_registry_knows_what_was_registered_until_it_ends(own_registry: Registry) -> None:
    with Serializers(own_registry.url) as serializers:
        assert serializers.avro("t", {"id": "long"})({"id": 1})[0] == 0
        assert serializers.client.get_subjects() == ["t-value"]
    own_registry.stop()
    own_registry.start()
    with Serializers(own_registry.url) as serializers:
        assert serializers.client.get_subjects() == []
