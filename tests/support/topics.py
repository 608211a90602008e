"""Topics for tests: created, and known to every part of the broker when the call returns."""

from __future__ import annotations

import uuid
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.waiting import wait_until

TIMEOUT_S = 10


def admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def unique(prefix: str = "topic") -> str:
    return f"{prefix}_{uuid.uuid4().hex[:10]}"


def create_topic(client: AdminClient, name: str, partitions: int = 1, **config: Any) -> str:
    """`cleanup_policy="compact"` is cleanup.policy=compact."""
    settings = {key.replace("_", "."): str(value) for key, value in config.items()}
    client.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(TIMEOUT_S)
    wait_until(lambda: topic_id(client, name), TIMEOUT_S)     # create_topics answers before the broker's own metadata has the topic
    return name


def topic_id(client: AdminClient, name: str) -> str | None:
    try:
        return str(client.describe_topics(TopicCollection([name]))[name].result(TIMEOUT_S).topic_id)
    except KafkaException:
        return None


def delete_topic(client: AdminClient, name: str) -> None:
    client.delete_topics([name])[name].result(TIMEOUT_S)
    wait_until(lambda: name not in client.list_topics(timeout=TIMEOUT_S).topics, TIMEOUT_S)
