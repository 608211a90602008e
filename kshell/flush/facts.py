"""What Kafka says about a sink's topics, as values that are compared with the recorded state.

Invariant: a topic that does not exist is absent; a broker that does not answer is an error, never an absence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kshell.errors import NotFoundError
from kshell.iceberg import KafkaFacts, TopicFacts

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster, TopicInfo


def topic_ids(cluster: Cluster, topics: Iterable[str]) -> KafkaFacts:
    """Ids and partitions only: what is asked before every commit."""
    found = _describe(cluster, sorted(set(topics)))
    return KafkaFacts(cluster.cluster_id, {n: TopicFacts(t.id, tuple(t.partitions)) for n, t in found.items()})


def topic_logs(cluster: Cluster, topics: Iterable[str], partitions: Iterable[int] | None = None) -> KafkaFacts:
    """Also where each log begins and ends (high watermarks): what is asked before the first poll."""
    found = _describe(cluster, sorted(set(topics)))
    covered = {n: tuple(p for p in t.partitions if partitions is None or p in partitions) for n, t in found.items()}
    tps = [(n, p) for n, ps in covered.items() for p in ps]
    starts, ends = (cluster.log_starts(tps), cluster.log_ends(tps, committed=False)) if tps else ({}, {})
    return KafkaFacts(cluster.cluster_id, {
        n: TopicFacts(found[n].id, tuple(found[n].partitions), {p: starts[n, p] for p in ps if (n, p) in starts},
                      {p: ends[n, p] for p in ps if (n, p) in ends})
        for n, ps in covered.items()})


def _describe(cluster: Cluster, topics: list[str]) -> dict[str, TopicInfo]:
    try:
        return cluster.describe(topics)
    except NotFoundError:
        known = {t.name for t in cluster.topics(internal=True)}
        return cluster.describe([t for t in topics if t in known])
