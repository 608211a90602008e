"""Kafka against the table: may a sink go on from its recorded positions?

Invariant: a pure function of the recorded state and of what Kafka says; each contradiction names the statement that resolves it,
and nothing resets by itself."""

from __future__ import annotations

from kshell.iceberg.values import KafkaFacts, State, Stop, StopState, TopicFacts, TopicState


def compare(state: State, facts: KafkaFacts, sink: str, definition: str | None = None) -> list[Stop]:
    """Every contradiction between the recorded positions and Kafka, the most severe first. `facts` holds the covered partitions only."""
    if state.cluster and facts.cluster_id and state.cluster != facts.cluster_id:
        return [Stop(StopState.CLUSTER_CHANGED, f"sink {sink} read cluster {state.cluster}, this is cluster {facts.cluster_id}",
                     f"ALTER SINK {sink} ACCEPT NEW CLUSTER OFFSETS MAP {{0: 0}}")]
    stops = [stop for name, topic in state.topics.items() for stop in _topic(name, topic, facts.topics.get(name), sink)]
    if definition is not None and definition != state.definition:
        stops.append(definition_changed(sink))
    return stops


def definition_changed(sink: str) -> Stop:
    return Stop(StopState.DEFINITION_CHANGED, f"sink {sink} was created with another definition of its source",
                f"CREATE OR REPLACE SINK {sink} ...")


def _topic(name: str, topic: TopicState, facts: TopicFacts | None, sink: str) -> list[Stop]:
    if facts is None:
        return [Stop(StopState.TOPIC_MISSING, f"topic {name} does not exist",
                     f"RESUME SINK {sink} when the topic is back, or DROP SINK {sink} FORCE")]
    if topic.id is not None and facts.id is not None and topic.id != facts.id:
        return [_recreated(name, "it has another topic id", sink)]
    covered = [p for p, n in enumerate(topic.next) if n >= 0]
    gone = [p for p in covered if p not in facts.partitions]
    if gone and _moved(topic, gone):
        return [_recreated(name, f"partition {gone[0]} does not exist any more", sink)]
    return [stop for p in sorted({*covered, *facts.partitions}) for stop in _partition(name, p, topic, facts, sink)]


def _moved(topic: TopicState, partitions: list[int]) -> bool:
    """Partitions below the highest one were filled with 0 when a later one was committed; only a position above 0 was ever real."""
    return any(topic.next[p] > 0 for p in partitions)


def _recreated(name: str, why: str, sink: str) -> Stop:
    return Stop(StopState.TOPIC_RECREATED, f"topic {name} was deleted and created again: {why}", f"ALTER SINK {sink} ACCEPT NEW TOPIC")


def _partition(name: str, partition: int, topic: TopicState, facts: TopicFacts, sink: str) -> list[Stop]:
    position = topic.next[partition] if partition < len(topic.next) else 0
    start, end = facts.log_start.get(partition), facts.log_end.get(partition)
    if position < 0:
        return []
    if start is not None and position < start:
        return [Stop(StopState.OUT_OF_RETENTION,
                     f"{name}[{partition}]: offsets {position} to {start - 1} are gone from Kafka and were not committed",
                     f"ALTER SINK {sink} SKIP PARTITION {partition} TO {start}")]
    if end is not None and position > end:
        return [Stop(StopState.AHEAD_OF_LOG, f"{name}[{partition}]: the table is at offset {position}, the log ends at {end}",
                     f"ALTER SINK {sink} SKIP PARTITION {partition} TO {end}")]
    return []
