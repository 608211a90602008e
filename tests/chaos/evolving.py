"""A producer whose schema changes while it writes: Confluent's serializer of one format, in generations.

Invariant: what a record holds follows from its number alone, and the log says where each acknowledged one is."""

from __future__ import annotations

import threading
from typing import Any

from confluent_kafka import Producer

from tests.support.serializers import Serialize, Serializers

PARTITIONS = 2
_BURST, _PAUSE_S = 4, 0.02
Row = tuple[int, str | None, float | None]
Place = tuple[int, int]

_AVRO: tuple[dict[str, Any], ...] = ({"seq": "int"}, {"seq": "long", "who": ["null", "string"]},
                                     {"seq": "long", "who": ["null", "string"], "amount": ["null", "double"]})
_PROTOBUF = ({"seq": "int64"}, {"seq": "int64", "who": "string"}, {"seq": "int64", "who": "string", "amount": "double"})
_TYPES = {"seq": "integer", "who": "string", "amount": "number"}
_JSON = tuple({name: {"type": _TYPES[name]} for name in names} for names in (("seq",), ("seq", "who"), ("seq", "who", "amount")))


class Evolving(threading.Thread):
    """`generation` 0, 1, 2: set by the test. `log`: where each acknowledged record is, and what it holds."""

    def __init__(self, bootstrap: str, topic: str, format: str, serializers: Serializers) -> None:
        super().__init__(name=f"evolving-{format}", daemon=True)
        self.topic, self.format, self.generation = topic, format, 0
        self.log: dict[Place, Row] = {}
        self.errors: list[str] = []
        make, generations = {"avro": (serializers.avro, _AVRO), "protobuf": (serializers.protobuf, _PROTOBUF),
                             "json": (serializers.json, _JSON)}[format]
        self._write: list[Serialize] = [make(topic, fields) for fields in generations]      # type: ignore[arg-type]
        self._client = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 2, "log_level": 0})
        self._ending = threading.Event()
        self._seq = 0

    def run(self) -> None:
        while not self._ending.wait(_PAUSE_S):
            for _ in range(_BURST):
                self._one()
            self._client.poll(0)

    def end(self) -> None:
        self._ending.set()
        self.join(20)
        left = self._client.flush(30)
        assert not left, f"{left} records without an answer"
        assert not self.errors, self.errors[:3]

    def _one(self) -> None:
        seq, generation = self._seq, self.generation
        self._seq += 1
        row: Row = (seq, f"w{seq % 7}" if generation else None, seq + 0.5 if generation == 2 else None)
        value = {name: held for name, held in zip(("seq", "who", "amount"), row, strict=True) if held is not None}
        self._client.produce(self.topic, self._write[generation](value), partition=seq % PARTITIONS,
                             on_delivery=lambda error, message: self._answered(error, message, row))

    def _answered(self, error: object, message: Any, row: Row) -> None:
        if error is not None:
            self.errors.append(str(error))
        else:
            self.log[message.partition(), message.offset()] = row
