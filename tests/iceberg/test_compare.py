"""Kafka against the table: every contradiction has a name and the statement that resolves it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kshell.iceberg.compare import compare
from kshell.iceberg.values import KafkaFacts, State, StopState, TopicState
from tests.iceberg.conftest import TOPIC, facts

STATE = State(3, "d1", "cluster-1", {TOPIC: TopicState("topic-1", 0, (10, 20), (-1, -1), (0, 0))})
FEWER = KafkaFacts("cluster-1", {TOPIC: replace(facts(partitions=1).topics[TOPIC])})

CASES: dict[str, tuple[KafkaFacts, StopState, str]] = {
    "another cluster": (facts(cluster="c2"), StopState.CLUSTER_CHANGED, "ACCEPT NEW CLUSTER OFFSETS MAP"),
    "no topic": (KafkaFacts("cluster-1", {}), StopState.TOPIC_MISSING, "RESUME SINK s"),
    "another topic id": (facts(id="topic-2"), StopState.TOPIC_RECREATED, "ALTER SINK s ACCEPT NEW TOPIC"),
    "fewer partitions": (FEWER, StopState.TOPIC_RECREATED, "ALTER SINK s ACCEPT NEW TOPIC"),
    "retention": (facts(start=15), StopState.OUT_OF_RETENTION, "ALTER SINK s SKIP PARTITION 0 TO 15"),
    "a shorter log": (facts(end=15), StopState.AHEAD_OF_LOG, "ALTER SINK s SKIP PARTITION 1 TO 15"),
}


@pytest.mark.fault("F02")
@pytest.mark.fault("F03")
@pytest.mark.fault("F04")
@pytest.mark.fault("F05")
@pytest.mark.parametrize("name", CASES)
def test_a_contradiction_stops_with_its_cure(name: str) -> None:
    kafka, state, cure = CASES[name]
    stops = compare(STATE, kafka, "s")
    assert stops[0].state is state
    assert cure in stops[0].cure
    assert str(stops[0]).startswith(state)


def test_positions_within_the_log_are_no_contradiction() -> None:
    assert compare(STATE, facts(start=10, end=20), "s", "d1") == []


def test_a_broker_without_topic_ids_is_believed() -> None:
    assert compare(STATE, facts(id=None), "s") == []


@pytest.mark.fault("F08")
def test_a_new_partition_begins_at_zero_and_must_still_have_it() -> None:
    assert compare(STATE, facts(partitions=3), "s") == []
    gone = compare(STATE, KafkaFacts("cluster-1", {TOPIC: replace(facts(partitions=3).topics[TOPIC], log_start={2: 5})}), "s")
    assert [s.state for s in gone] == [StopState.OUT_OF_RETENTION]


def test_an_uncovered_partition_is_not_looked_at() -> None:
    state = replace(STATE, topics={TOPIC: replace(STATE.topics[TOPIC], next=(10, -1))})
    assert compare(state, facts(start=10, end=10, partitions=1), "s") == []


def test_another_definition_is_a_contradiction() -> None:
    assert [s.state for s in compare(STATE, facts(), "s", "d2")] == [StopState.DEFINITION_CHANGED]
