"""What the demo plays on: an embedded broker, topics with a past, and a thread that goes on adding events.

Invariant: leaving the stage ends the thread and the broker, in this order, also after an error."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from threading import Event as Flag
from threading import Thread

from kshell.demo.events import CLICKS, ORDERS, Event, events
from kshell.kafka.embedded import EmbeddedBroker
from kshell.kafka.feed import Feed

PARTITIONS = 2
PAST_EVENTS = {CLICKS: 4000, ORDERS: 400}
PAST_S = 1800
EVENTS_PER_S = {CLICKS: 40, ORDERS: 4}
_TICK_S = 0.25


class Feeder:
    """Adds events until it is stopped. `start` returns when the past is in the topics."""

    def __init__(self, bootstrap: str) -> None:
        self._feed = Feed(bootstrap)
        self._end = Flag()
        self._sent = dict.fromkeys(PAST_EVENTS, 0)
        self._thread = Thread(target=self._run, name="kshell-demo-feeder", daemon=True)

    def start(self) -> None:
        start_ms = int(time.time() * 1000)
        for topic, count in PAST_EVENTS.items():
            every_ms = PAST_S * 1000 // count
            self._send(topic, list(islice(events(topic, first_ms=start_ms - count * every_ms, every_ms=every_ms), count)))
        self._feed.flush()
        self._streams = {topic: events(topic, first_ms=start_ms, every_ms=1000 // rate, seed=1) for topic, rate in EVENTS_PER_S.items()}
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        """A tick's worth of events for each tick; their times advance evenly, whatever the scheduler does."""
        while not self._end.wait(_TICK_S):
            for topic, stream in self._streams.items():
                self._send(topic, list(islice(stream, int(EVENTS_PER_S[topic] * _TICK_S))))

    def _send(self, topic: str, batch: Sequence[Event]) -> None:
        for event in batch:
            self._feed.send(topic, self._sent[topic] % PARTITIONS, event.key.encode(), event.value, event.at_ms)
            self._sent[topic] += 1


@contextmanager
def stage() -> Iterator[str]:
    """The address of a broker that has the demo's topics, while the context lasts."""
    with EmbeddedBroker() as broker:
        for topic in PAST_EVENTS:
            broker.create_topic(topic, PARTITIONS)
        feeder = Feeder(broker.bootstrap)
        feeder.start()
        try:
            yield broker.bootstrap
        finally:
            feeder.stop()
