"""What all measurements of a run share: one broker, one topic of events, the number of rounds.

Invariant: the events are a function of their number, produced once; every side of every ratio reads the same log."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Producer

from tests.bench import machine
from tests.parts.kafka import Broker
from tests.support.topics import admin, create_topic

EVENTS = 5_000_000
ROUNDS = 5
PARTITIONS = 4
BYTES = 140
EVENTS_A_MINUTE = 100_000                     # by the timestamps of the records: a million events are ten minutes
COLUMNS = "order_id, customer_id, amount, status, url"
_STATUS = ("paid", "open", "sent", "lost")
_FIRST_MS = 1_760_000_000_000


def event(number: int) -> bytes:
    """140 bytes of JSON with five fields."""
    text = (f'{{"order_id":{number},"customer_id":{number * 7919 % 100_000},"amount":{number % 9973 / 100:.2f},'
            f'"status":"{_STATUS[number % 4]}","url":"https://shop.example.com/p/{number % 1000:03}')
    return (text + "-" * (BYTES - len(text) - 2) + '"}').encode()


@dataclass
class Scene:
    bootstrap: str
    broker_pid: int
    folder: Path
    topic: str
    events: int
    rounds: int
    half_rate: float = 250_000.0              # events a second; what the ingest item measured, halved
    loads: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)         # cores that neither a round nor the broker used

    def say(self, text: str) -> None:
        print(f"  {time.strftime('%H:%M:%S')}  load {machine.load():.1f}  {text}", flush=True)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Notes the load before a round and the processor time of others during it."""
        self.loads.append(machine.load())
        began, before = time.monotonic(), self._foreign()
        yield
        self.others.append((self._foreign() - before) / (time.monotonic() - began))

    def _foreign(self) -> float:
        return machine.busy_seconds() - machine.children_seconds() - machine.process_seconds(self.broker_pid)


@contextmanager
def opened(events: int, rounds: int, folder: Path | None) -> Iterator[Scene]:
    """`folder`: the broker's records are kept there, and a later run with as many events does not produce them again."""
    with tempfile.TemporaryDirectory(prefix="kshell-bench-") as scratch:
        broker = Broker(folder or Path(scratch) / "broker", heap="512m", full_jit=True, session_timeout_ms=20_000)
        broker.start()
        try:
            scene = Scene(broker.bootstrap, broker.pid, Path(scratch), f"events_{events}", events, rounds)
            client = admin(broker.bootstrap)
            if scene.topic not in client.list_topics(timeout=30).topics:
                create_topic(client, scene.topic, PARTITIONS, retention_ms=-1)
                scene.say(f"producing {events:,} events")
                produce(scene.bootstrap, scene.topic, 0, events)
            yield scene
        finally:
            broker.stop()


def produce(bootstrap: str, topic: str, first: int, count: int) -> None:
    send(bootstrap, topic, ((event(n), _FIRST_MS + n * 60_000 // EVENTS_A_MINUTE) for n in range(first, first + count)), first)


def send(bootstrap: str, topic: str, records: Iterable[tuple[bytes, int]], first: int = 0) -> None:
    """(value, timestamp in ms; 0: the present one) in turn to the partitions; `first` is the number of the first one."""
    client = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000, "log_level": 0})
    for number, (value, timestamp) in enumerate(records, first):
        while True:
            try:
                client.produce(topic, value, partition=number % PARTITIONS, timestamp=timestamp)
                break
            except BufferError:
                client.poll(0.1)
        if number % 1000 == 0:
            client.poll(0)
    if client.flush(120):
        raise RuntimeError("the broker did not take all events")
