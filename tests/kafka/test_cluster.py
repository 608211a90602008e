"""The administrative side: what a cluster says about itself, and what asking must not change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    NewPartitions,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from kshell.errors import NotFoundError, RefusedError, UnreachableError
from kshell.kafka import settings
from kshell.kafka.cluster import Cluster
from tests.parts.kafka import CLUSTER_ID, Broker
from tests.support import Recorder, create_topic, unique, wait_until
from tests.support.reading import read_to, read_until
from tests.support.topics import admin

TopicFactory = Callable[..., str]


@pytest.fixture
def cluster(kafka: Broker) -> Iterator[Cluster]:
    cluster = Cluster("k", kafka.bootstrap)
    yield cluster
    cluster.close()


def test_a_cluster_says_its_id(cluster: Cluster) -> None:
    cluster.connect()
    assert cluster.cluster_id == CLUSTER_ID


def test_topics_are_listed_with_their_partitions(kafka_topic: TopicFactory, cluster: Cluster) -> None:
    name = kafka_topic(partitions=3)
    assert {topic.name: topic.partitions for topic in cluster.topics()}[name] == (0, 1, 2)
    cluster.commit_offsets("makes_the_internal_topic", {(name, 0): (0, None)})
    wait_until(lambda: any(topic.name == "__consumer_offsets" for topic in cluster.topics(internal=True)))
    assert not any(topic.internal for topic in cluster.topics())


def test_a_missing_topic_names_its_neighbours(kafka_topic: TopicFactory, cluster: Cluster) -> None:
    near = {kafka_topic(prefix="payments_eu"), kafka_topic(prefix="payments_us")}
    asked = min(near)[:-2]
    with pytest.raises(NotFoundError) as caught:
        cluster.describe([asked])
    assert caught.value.message == f"cluster 'k' has no topic {asked!r}"
    assert caught.value.hint is not None
    assert min(near) in caught.value.hint


def test_asking_for_a_topic_never_makes_it(make_kafka: Callable[..., Broker]) -> None:
    broker = make_kafka(auto_create=True)
    cluster = Cluster("k", broker.bootstrap)
    with pytest.raises(NotFoundError):
        cluster.describe(["absent"])
    with pytest.raises(NotFoundError):
        cluster.log_ends([("absent", 0)])
    reader = cluster.reader()
    reader.assign({("absent", 0): 0})
    reader.poll(1, 1.0)
    reader.close()
    assert [topic.name for topic in cluster.topics()] == []
    assert Recorder(broker.bootstrap).produce("made_by_a_producer", ["x"]), "this broker does make topics"


def test_a_missing_partition_is_told_at_once(kafka_topic: TopicFactory, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    topic, client = kafka_topic(partitions=2), cluster._calls.client()
    look, looks = client.list_offsets, list[object]()

    def counted(*asked: Any, **how: Any) -> Any:
        looks.append(asked)
        return look(*asked, **how)

    monkeypatch.setattr(client, "list_offsets", counted)
    with pytest.raises(NotFoundError, match="has no partition 7; it has 2"):
        cluster.log_ends([(topic, 7)])
    assert len(looks) == 1, "what the topic does not have is not asked for again"


@pytest.mark.fault("F08")
def test_an_added_partition_is_described(kafka: Broker, kafka_topic: TopicFactory, cluster: Cluster) -> None:
    topic = kafka_topic()
    id_ = cluster.describe([topic])[topic].id
    client = admin(kafka.bootstrap)           # the client must live as long as its futures
    client.create_partitions([NewPartitions(topic, 3)])[topic].result(10)
    wait_until(lambda: cluster.describe([topic])[topic].partitions == (0, 1, 2))
    assert cluster.describe([topic])[topic].id == id_
    assert cluster.log_ends((topic, partition) for partition in range(3)) == {(topic, partition): 0 for partition in range(3)}


def test_offsets_at_a_time(kafka_topic: TopicFactory, producer: Recorder, cluster: Cluster) -> None:
    topic = kafka_topic(partitions=2)
    for second in range(10):
        producer.send(topic, "x", timestamp_ms=1_700_000_000_000 + second * 1000)
    producer.flush()
    tps = [(topic, 0), (topic, 1)]
    assert cluster.offsets_at(tps, 1_700_000_004_500) == {(topic, 0): 5, (topic, 1): 0}
    assert cluster.offsets_at(tps, 1_800_000_000_000) == {(topic, 0): 10, (topic, 1): 0}, "after the last record: the end"
    assert cluster.offsets_at(tps, 0) == {(topic, 0): 0, (topic, 1): 0}


def test_bounds_of_a_log(kafka: Broker, kafka_topic: TopicFactory, producer: Recorder, cluster: Cluster) -> None:
    producer.produce(topic := kafka_topic(), map(str, range(10)))
    client = admin(kafka.bootstrap)
    client.delete_records([TopicPartition(topic, 0, 3)])[TopicPartition(topic, 0)].result(10)
    assert (cluster.log_starts([(topic, 0)]), cluster.log_ends([(topic, 0)])) == ({(topic, 0): 3}, {(topic, 0): 10})
    assert cluster.log_starts([]) == {}


def test_group_offsets_are_left_for_lag_tools(kafka: Broker, kafka_topic: TopicFactory, cluster: Cluster) -> None:
    topic, group = kafka_topic(partitions=2), unique("group")
    cluster.commit_offsets(group, {(topic, 0): (41, 0), (topic, 1): (7, None)})
    tool = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "log_level": 0})

    def committed() -> list[int]:
        return [p.offset for p in tool.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], timeout=5)]

    wait_until(lambda: committed() == [41, 7])
    cluster.commit_offsets(group, {(topic, 0): (42, 0)})
    wait_until(lambda: committed() == [42, 7])
    tool.close()
    assert cluster.commit_failures == 0
    assert group in [g.name for g in cluster.groups()]


@pytest.mark.fault("F23")
def test_missing_rights_are_named_and_granting_them_is_enough(make_kafka: Callable[..., Broker]) -> None:
    broker = make_kafka(secure=True)
    operator = admin(broker.bootstrap)
    topic = create_topic(operator, unique("private"))
    Recorder(broker.bootstrap).produce(topic, ["secret"])
    cluster = _as_user(broker, "ann", "correct")
    wait_until(lambda: cluster.cluster_id)
    assert cluster.topics() == []
    with pytest.raises(RefusedError) as caught:
        cluster.describe([topic])
    assert caught.value.message == f"topic {topic!r} cannot be read: TOPIC_AUTHORIZATION_FAILED"
    grant = AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:ann", "*", AclOperation.READ, AclPermissionType.ALLOW)
    operator.create_acls([grant])[grant].result(10)
    wait_until(lambda: [t.name for t in cluster.topics()] == [topic])
    reader = cluster.reader()
    reader.assign({(topic, 0): 0})
    poll = read_to(reader, {(topic, 0): 1})
    assert [m.value() for m in poll.messages] == [b"secret"]
    assert poll.errors + read_until(reader, lambda p: bool(p.ends)).errors == [], "no right on any group is needed"
    reader.close()
    cluster.commit_offsets("not_mine", {(topic, 0): (1, None)})
    wait_until(lambda: cluster.commit_failures > 0)
    cluster.close()


def test_a_wrong_password_is_told_without_it(make_kafka: Callable[..., Broker]) -> None:
    cluster = _as_user(make_kafka(secure=True), "ann", "hunter2-wrong")
    with pytest.raises(UnreachableError) as caught:
        cluster.connect()
    assert "Authentication failed" in caught.value.message
    assert "hunter2" not in caught.value.message
    assert caught.value.hint == "check the user, the password and SASL_MECHANISM"


def test_an_encrypted_connection_to_a_plain_port_is_explained(kafka: Broker) -> None:
    cluster = Cluster("k", kafka.bootstrap, security=settings.security(protocol="SSL"))
    with pytest.raises(UnreachableError) as caught:
        cluster.connect()
    assert caught.value.hint == "the broker expects no encryption here: check SECURITY_PROTOCOL and the port"


def _as_user(broker: Broker, user: str, password: str) -> Cluster:
    credential = UserScramCredentialUpsertion(user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), b"correct")
    operator = admin(broker.bootstrap)
    operator.alter_user_scram_credentials([credential])[user].result(10)
    return Cluster("k", broker.secure_bootstrap, security=settings.security(
        protocol="SASL_PLAINTEXT", mechanism="SCRAM-SHA-256", username=user, password=password, allow_plaintext_credentials=True))
