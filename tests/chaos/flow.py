"""A producer that goes on while everything else fails, and the log it leaves.

Invariant: the record at offset o of partition p is `{"seq": o, ...}`: one producer, one partition for each record, in order. So a
reader knows what any prefix of a partition must hold without asking the producer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from confluent_kafka import Producer

_BURSTS_A_SECOND = 50
_WAIT_S = 60.0


class Flow:
    """`rate` events a second over `partitions`, until `stop`. `padding(seq)` makes records larger."""

    def __init__(self, bootstrap: str, topic: str, *, partitions: int = 3, rate: int = 3000,
                 padding: Callable[[int], str] = lambda seq: "") -> None:
        self.topic, self.partitions, self.rate, self._padding = topic, partitions, rate, padding
        self.sent: Counter[int] = Counter()
        self.acknowledged: Counter[int] = Counter()
        self.errors: list[str] = []
        self._turn = 0
        self._client = Producer({
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "log_level": 0, "message.timeout.ms": 120_000,
            "queue.buffering.max.messages": 1_000_000, "queue.buffering.max.kbytes": 1_000_000, "reconnect.backoff.max.ms": 500})
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flow", daemon=True)

    def start(self) -> Flow:
        self._thread.start()
        return self

    def stop(self) -> int:
        """The number of records, each acknowledged."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_WAIT_S)
        return self.settle()

    def send(self, count: int) -> int:
        """That many more, in the caller's thread; acknowledged when this returns."""
        for _ in range(count):
            self._one()
        return self.settle()

    def settle(self) -> int:
        left = self._client.flush(_WAIT_S)
        assert not left, f"{left} records without an answer"
        assert not self.errors, self.errors[:3]
        return self.total

    @property
    def total(self) -> int:
        return self.sent.total()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ending.is_set():
            for _ in range(max(1, self.rate // _BURSTS_A_SECOND)):
                self._one()
            due += 1 / _BURSTS_A_SECOND
            self._ending.wait(max(0.0, due - time.monotonic()))

    def _one(self) -> None:
        partition = self._turn % self.partitions
        self._turn += 1
        seq = self.sent[partition]
        value = f'{{"seq": {seq}, "who": "user-{seq % 97}", "pad": "{self._padding(seq)}"}}'
        while True:
            try:
                self._client.produce(self.topic, value, partition=partition, on_delivery=self._answered)
                break
            except BufferError:               # the queue is full: wait for answers
                self._client.poll(0.1)
        self.sent[partition] += 1
        if seq % 64 == 0:
            self._client.poll(0)

    def _answered(self, error: object, message: object) -> None:
        if error is not None:
            self.errors.append(str(error))
        else:
            self.acknowledged[message.partition()] += 1  # type: ignore[attr-defined]
