"""Generated events are the same for the same seed, and read like real ones."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from kshell.demo.events import GENERATORS, events


@pytest.mark.parametrize("topic", GENERATORS)
def test_the_same_seed_gives_the_same_bytes(topic: str) -> None:
    first, second = (list(islice(events(topic, first_ms=1_700_000_000_000, every_ms=500), 50)) for _ in range(2))
    assert [(event.key, event.value) for event in first] == [(event.key, event.value) for event in second]
    other = list(islice(events(topic, first_ms=1_700_000_000_000, every_ms=500, seed=1), 50))
    assert [event.value for event in other] != [event.value for event in first]


@pytest.mark.parametrize("topic", GENERATORS)
def test_an_event_carries_its_time_twice_and_alike(topic: str) -> None:
    times = [(event.at_ms, json.loads(event.value)["ts"]) for event in islice(events(topic, first_ms=1_700_000_000_123, every_ms=1000), 2)]
    assert times == [(1_700_000_000_123, "2023-11-14T22:13:20.123Z"), (1_700_000_001_123, "2023-11-14T22:13:21.123Z")]
