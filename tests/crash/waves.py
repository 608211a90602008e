"""A topic that grows in waves, and the producer's log of it: the truth that tables are compared with.

Each wave has good records, one poison record, a tombstone and a transaction that is aborted; the wave's last record of each partition
is good, so whoever has decoded all good records has judged the poison too."""

from __future__ import annotations

import json
import queue
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Producer

from tests.protocol.world import Log
from tests.support.producing import Recorder
from tests.support.topics import unique

PARTITIONS = 3
ROWS = 17                                     # good records of a wave, the tombstone included
TYPED = (b"{broken", b'{"id": "no number", "city": "x", "amount": 1}', b"\xff\xfe{}")
UNTYPED = (b"{broken", b"\xff\xfe{}")          # bad whatever the columns are
CURABLE = tuple(b'{"id": "no number %d", "city": "x", "amount": %d}' % (n, n) for n in (1, 2, 3))     # rows where nobody asks for the id


class Aborters:
    """Transactional producers, each used by one thread at a time."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._idle: queue.SimpleQueue[Producer] = queue.SimpleQueue()

    def abort(self, topic: str, partition: int, values: Sequence[bytes]) -> None:
        try:
            producer = self._idle.get_nowait()
        except queue.Empty:
            producer = Producer({"bootstrap.servers": self._bootstrap, "transactional.id": unique("aborter"), "log_level": 0})
            producer.init_transactions(30)
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=partition)
        producer.flush(30)
        producer.abort_transaction(30)
        self._idle.put(producer)


@dataclass
class Waves:
    topic: str
    recorder: Recorder
    aborters: Aborters
    poison: Sequence[bytes] = TYPED
    at_once: int = 1                          # poison records of a wave
    grows: bool = False                       # the records of each wave but the first have one field more
    produced: int = 0
    good: dict[tuple[int, int], bytes | None] = field(default_factory=dict)      # (partition, offset) -> value
    bad: dict[tuple[int, int], bytes] = field(default_factory=dict)

    @property
    def cured(self) -> dict[tuple[int, int], bytes]:
        """Of the bad ones those that a better definition decodes."""
        return {place: value for place, value in self.bad.items() if value in CURABLE}

    def produce_up_to(self, wave: int) -> None:
        while self.produced < wave:
            self._wave(self.produced)
            self.produced += 1

    def _wave(self, number: int) -> None:
        first = number * ROWS
        poison = [self.poison[n % len(self.poison)] for n in range(number * self.at_once, (number + 1) * self.at_once)]
        fields = number if self.grows else 0
        self._send(0, [*poison, *(record(first + i, fields) for i in range(6))])
        self._send(1, [*(record(first + i, fields) for i in range(6, 10)), None, record(first + 11, fields)])
        self.aborters.abort(self.topic, 2, [record(-1)] * 3)
        self._send(2, [record(first + i, fields) for i in range(12, 17)])

    def _send(self, partition: int, values: Sequence[bytes | None]) -> None:
        for sent in self.recorder.produce(self.topic, values, partition=partition):
            if sent.value in self.poison:
                assert sent.value is not None
                self.bad[partition, sent.offset] = sent.value
            else:
                self.good[partition, sent.offset] = sent.value

    def logs(self, good: Collection[tuple[int, int]], bad: Collection[tuple[int, int]]) -> dict[tuple[str, int], Log]:
        return {(self.topic, p): Log(frozenset(o for q, o in good if q == p), frozenset(o for q, o in bad if q == p), self.end(p))
                for p in range(PARTITIONS)}

    def end(self, partition: int) -> int:
        return max((o + 1 for p, o in (*self.good, *self.bad) if p == partition), default=0)


def record(number: int, fields: int = 0) -> bytes:
    more = {"more": {f"f{i}": number for i in range(fields)}} if fields else {}
    return json.dumps({"id": number, "city": f"city {number % 5}", "amount": number / 4 + 0.125, **more}).encode()


def payload(value: bytes | None) -> tuple[Any, ...]:
    """What a row of this record holds."""
    if value is None:
        return None, None, None, None
    found = json.loads(value)
    return None if value in CURABLE else found["id"], found["city"], found["amount"], found.get("more")
