"""Avro, Protobuf and JSON Schema, each with schemas that change while kshell reads, commits, is killed and begins again: every record of
every schema is in its table once, whole, and the chain of commits holds."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.child import Child
from tests.chaos.evolving import PARTITIONS, Evolving
from tests.crash import reader
from tests.crash.judge import judge_chain
from tests.parts.kafka import Broker
from tests.parts.registry import Registry
from tests.protocol.verify import SINK
from tests.support import create_topic, unique, wait_until
from tests.support.serializers import Serializers
from tests.support.topics import admin

FORMATS = ("avro", "protobuf", "json")
# Each round: where the program dies, and which generation of the schemas is written meanwhile.
ROUNDS = (("schema.after_commit=kill@1", 1), ("commit.after_catalog=kill@2", 1), ("schema.before_commit=kill@2", 2))
ROUND_S = 40.0
COLUMNS = ("_kafka_partition", "_kafka_offset", "seq", "who", "amount")


def script(bootstrap: str, registry: str, flows: list[Evolving]) -> str:
    text = f"ATTACH 'kafka://{bootstrap}' AS k (TYPE kafka, SCHEMA_REGISTRY '{registry}');"
    for flow in flows:
        more = ", MESSAGE 'shop.Event'" if flow.format == "protobuf" else ""
        text += (f"CREATE SOURCE {flow.format}_in FROM KAFKA k (TOPIC '{flow.topic}'{more});"
                 f"CREATE SINK {flow.format}_out FROM {flow.format}_in INTO ICEBERG local.shop.{flow.format} (ID '{SINK}');")
    return text


def run_until_killed(child: Child, text: str, flows: list[Evolving], generation: int) -> None:
    """The script, then flush after flush while the schemas change. A child that has died answers nothing."""
    with contextlib.suppress(AssertionError, BrokenPipeError):
        child.sql(text)
        for flow in flows:
            flow.generation = generation
        wait_until(lambda: child.sql("FLUSH ALL TIMEOUT '30s'") is None, ROUND_S, every_s=0.2)
    wait_until(lambda: child._process.poll() is not None)


@pytest.mark.fault("F34")
@pytest.mark.timeout(240)
def test_every_record_of_every_schema_lands_once(kafka: Broker, registry: Registry, children: Callable[..., Child], tmp_path: Path) -> None:
    with Serializers(registry.url) as serializers:
        flows = [Evolving(kafka.bootstrap, create_topic(admin(kafka.bootstrap), unique(name), PARTITIONS), name, serializers)
                 for name in FORMATS]
        for flow in flows:
            flow.start()
        wait_until(lambda: all(flow.log for flow in flows))
        text = script(kafka.bootstrap, registry.url, flows)
        for death, generation in ROUNDS:
            child = children("kshell", kafka, failpoints=death)
            run_until_killed(child, text, flows, generation)
        child = children("kshell", kafka)
        child.sql(text)
        child.kill()                          # whatever it was doing
        for flow in flows:
            flow.end()
    child = children("kshell", kafka)
    child.sql(text)
    child.sql("WAIT ALL TIMEOUT '60s'; FLUSH ALL TIMEOUT '60s'")
    for flow in flows:
        check(tmp_path / "kshell" / "data" / "iceberg", flow)
        assert child.one(f"SELECT count(*) FROM {flow.format}_in") == len(flow.log)
        assert all("ok" in row for row in child.sql(f"CHECK SINK {flow.format}_out AGAINST KAFKA"))


def check(lake: Path, flow: Evolving) -> None:
    stored, errors = reader.load(lake, flow.format), reader.load(lake, f"{flow.format}__errors")
    assert stored is not None
    assert errors is not None
    found = Counter(stored.rows(COLUMNS))
    sent = Counter((*place, *row) for place, row in flow.log.items())
    assert found == sent, f"{flow.format}: missing {list(sent - found)[:3]}, foreign {list(found - sent)[:3]}"
    assert errors.rows(COLUMNS[:2]) == []
    assert judge_chain(flow.format, stored) == []
