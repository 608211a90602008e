"""Producing with a log of what the broker acknowledged: the truth that readers are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaException, Producer

FLUSH_TIMEOUT_S = 30
Header = tuple[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    topic: str
    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = None


@dataclass
class Recorder:
    """A producer for one broker. `acknowledged` grows in the order of the answers; an error is kept and raised by `flush`."""

    bootstrap: str
    config: Mapping[str, Any] = field(default_factory=dict)
    acknowledged: list[Acknowledged] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._errors: list[Any] = []
        self.client = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 2, "log_level": 0, **self.config})

    def send(self, topic: str, value: bytes | str | None, *, partition: int = 0, key: bytes | str | None = None,
             timestamp_ms: int | None = None, headers: Sequence[Header] | None = None) -> None:
        """One record, on its way when this returns. `flush` waits for the answers."""
        optional = {} if timestamp_ms is None else {"timestamp": timestamp_ms}
        payload = value.encode() if isinstance(value, str) else value
        self.client.produce(topic, payload, key=key, partition=partition, headers=list(headers) if headers is not None else None,
                            on_delivery=self._answered, **optional)
        self.client.poll(0)

    def produce(self, topic: str, values: Iterable[bytes | str | None], *, partition: int = 0, **record: Any) -> list[Acknowledged]:
        """These records to one partition, acknowledged when this returns; in the order of their offsets."""
        before = len(self.acknowledged)
        for value in values:
            self.send(topic, value, partition=partition, **record)
        self.flush()
        return sorted(self.acknowledged[before:], key=lambda record: record.offset)

    def flush(self) -> None:
        left = self.client.flush(FLUSH_TIMEOUT_S)
        if left or self._errors:
            raise AssertionError(f"{left} records without an answer, errors {self._errors[:3]}")

    def of(self, topic: str) -> list[Acknowledged]:
        return [record for record in self.acknowledged if record.topic == topic]

    def _answered(self, error: Any, message: Any) -> None:
        if error is not None:
            self._errors.append(KafkaException(error))
        else:
            self.acknowledged.append(Acknowledged(message.topic(), message.partition(), message.offset(), message.value(), message.key()))
