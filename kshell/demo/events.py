"""Generated events: clicks in a shop and the orders that follow, drawn from a seed.

Invariant: the same seed and times give the same bytes; nothing else is read, no clock either."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

CLICKS, ORDERS = "web.clicks", "orders"
_PAGES = ("/", "/search", "/shoes/42", "/shoes/43", "/hats/7", "/cart", "/checkout")
_PAGE_WEIGHTS = (30, 22, 16, 12, 9, 7, 4)
_STATUS = ("paid", "paid", "paid", "pending", "declined")
_USERS = 500


@dataclass(frozen=True, slots=True)
class Event:
    key: str
    fields: Mapping[str, object]
    at_ms: int                                # Kafka's record timestamp

    @property
    def value(self) -> bytes:
        return json.dumps(self.fields, separators=(",", ":")).encode()


def click(draw: Random, number: int, at_ms: int) -> Event:
    """One page view; `ts` carries its offset, so it is a time and not a text."""
    user = draw.randrange(1, _USERS)
    page = draw.choices(_PAGES, _PAGE_WEIGHTS)[0]
    return Event(f"user-{user}", {"user_id": user, "url": page, "load_ms": draw.randrange(20, 900), "ts": _iso(at_ms)}, at_ms)


def order(draw: Random, number: int, at_ms: int) -> Event:
    """One order of a customer, with a nested address."""
    user = draw.randrange(1, _USERS)
    fields = {"order_id": number, "customer_id": user, "amount": draw.randrange(500, 20_000) / 100, "status": draw.choice(_STATUS),
              "ship_to": {"country": draw.choice(("DE", "FR", "NL", "PL")), "express": draw.random() < 0.2}, "ts": _iso(at_ms)}
    return Event(f"user-{user}", fields, at_ms)


GENERATORS: Mapping[str, Callable[[Random, int, int], Event]] = {CLICKS: click, ORDERS: order}


def events(topic: str, *, first_ms: int, every_ms: int, seed: int = 42) -> Iterator[Event]:
    """Events without end, the first at `first_ms`."""
    draw, make, number = Random(f"{topic} {seed}"), GENERATORS[topic], 0
    while True:
        yield make(draw, number, first_ms + number * every_ms)
        number += 1


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
