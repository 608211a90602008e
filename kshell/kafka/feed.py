"""Writes records to the embedded broker, for the demo. kshell itself never writes to a topic.

Invariant: the address is the loopback's; a record that was not acknowledged is an error when the feed is flushed."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Producer

from kshell.errors import InternalError, UnreachableError

_FLUSH_TIMEOUT_S = 10.0


class Feed:
    """A producer for one embedded broker; owned by one thread at a time."""

    def __init__(self, bootstrap: str) -> None:
        if not bootstrap.startswith("127.0.0.1:"):
            raise InternalError(f"a feed writes to the embedded broker, not to {bootstrap}")
        self._client = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "log_level": 0})
        self._refused = 0

    def send(self, topic: str, partition: int, key: bytes, value: bytes, timestamp_ms: int) -> None:
        self._client.produce(topic, value, key=key, partition=partition, timestamp=timestamp_ms, on_delivery=self._answered)
        self._client.poll(0)

    def flush(self) -> None:
        left = self._client.flush(_FLUSH_TIMEOUT_S)
        if left or self._refused:
            raise UnreachableError(f"the embedded broker took {left + self._refused} records too few")

    def _answered(self, error: Any, message: Any) -> None:
        self._refused += error is not None
