"""The data behind the documents: one function for each name that a document asks for with `setup: NAME`.

Invariant: values, keys, partitions and offsets are the same in every run; only timestamps follow the clock, in whole
seconds and .123 of one, so that they are equally wide."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

from kshell.demo.events import CLICKS, ORDERS, events
from tests.support.producing import Recorder
from tests.support.topics import admin, create_topic

MINUTE_MS = 60_000


def _produce(bootstrap: str, topic: str, count: int, minutes_ago: int) -> None:
    first_ms = int(time.time()) * 1000 + 123 - minutes_ago * MINUTE_MS
    recorder = Recorder(bootstrap)
    for event in islice(events(topic, first_ms=first_ms, every_ms=1000, seed=minutes_ago), count):
        recorder.send(topic, event.value, key=event.key, timestamp_ms=event.at_ms)
    recorder.flush()


def web_clicks(bootstrap: str, home: Path) -> None:
    """100 clicks from ten minutes ago and 40 from two minutes ago, in one partition."""
    create_topic(admin(bootstrap), CLICKS, retention_ms=-1)
    _produce(bootstrap, CLICKS, 100, minutes_ago=10)
    _produce(bootstrap, CLICKS, 40, minutes_ago=2)


def orders(bootstrap: str, home: Path) -> None:
    """60 orders from two minutes ago, in one partition, and a record that is not JSON among them."""
    create_topic(admin(bootstrap), ORDERS, retention_ms=-1)
    _produce(bootstrap, ORDERS, 30, minutes_ago=2)
    Recorder(bootstrap).produce(ORDERS, ["{\"order_id\": 30, \"amount\": 12.5, "], key="user-7")
    _produce(bootstrap, ORDERS, 30, minutes_ago=1)
