"""Group offsets as advice for lag tools: written after a commit, never read back.

Invariant: nothing waits for them and nothing depends on them. A failure is counted, and that is all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from kshell.kafka.columns import TP

CLOSE_TIMEOUT_S = 5.0


class GroupOffsets:
    """One consumer for each group that offsets are left in. It is assigned nothing and joins nothing."""

    def __init__(self, settings: Callable[[str], Mapping[str, Any]]) -> None:
        self._settings = settings             # group -> settings of a consumer
        self._consumers: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._failures = 0

    @property
    def failures(self) -> int:
        self._serve()
        return self._failures

    def commit(self, group: str, positions: Mapping[TP, tuple[int, int | None]]) -> None:
        """(topic, partition) -> (next offset, leader epoch or None). Returns at once."""
        self._serve()
        try:
            self._consumer(group).commit(offsets=[_offset(tp, *position) for tp, position in positions.items()], asynchronous=True)
        except KafkaException:
            self._failures += 1

    def close(self) -> None:
        """Gives commits that are on their way up to 5 s."""
        with self._lock:
            consumers, self._consumers = list(self._consumers.values()), {}
        threads = [threading.Thread(target=consumer.close, name="kshell-offsets-close", daemon=True) for consumer in consumers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(CLOSE_TIMEOUT_S)

    def _consumer(self, group: str) -> Any:
        with self._lock:
            if group not in self._consumers:
                self._consumers[group] = Consumer({**self._settings(group), "on_commit": self._answered, "error_cb": _ignored})
            return self._consumers[group]

    def _serve(self) -> None:
        """Answers arrive only while a consumer is polled."""
        with self._lock:
            consumers = list(self._consumers.values())
        for consumer in consumers:
            event = consumer.poll(0)
            if event is not None:             # it is assigned nothing, so this is no record but a complaint about the group
                self._failures += 1

    def _answered(self, error: Any, partitions: list[TopicPartition]) -> None:
        if error is not None or any(partition.error for partition in partitions):
            self._failures += 1


def _offset(tp: TP, offset: int, leader_epoch: int | None) -> TopicPartition:
    return TopicPartition(*tp, offset) if leader_epoch is None else TopicPartition(*tp, offset, leader_epoch=leader_epoch)


def _ignored(_: Any) -> None:
    """A connection that fails shows as commits that fail."""
