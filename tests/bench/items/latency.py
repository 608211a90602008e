"""From `produce` in another process to a SELECT that sees the record, at 10,000 events a second."""

from __future__ import annotations

import subprocess
import time
from bisect import bisect_left
from typing import Any

from tests.bench import child
from tests.bench.figures import Row, milliseconds, percentile, spread
from tests.bench.scene import PARTITIONS, Scene
from tests.support.topics import admin, create_topic, unique

RATE = 10_000
WARM_S = 2.0
RUN_S = 6.0
POLL_S = 0.002


def measure(scene: Scene) -> list[Row]:
    rounds = []
    for number in range(scene.rounds):
        topic = create_topic(admin(scene.bootstrap), unique("latency"), PARTITIONS)
        with scene.watched():
            rounds.append(child.run("latency:watch", bootstrap=scene.bootstrap, topic=topic, folder=str(scene.folder / f"latency{number}")))
        scene.say(f"latency, round {number + 1}: p50 {milliseconds(rounds[-1]['p50'])}, p99 {milliseconds(rounds[-1]['p99'])}")
    return [Row(f"produced -> visible at {RATE:,} events/s, p50", spread((r["p50"] for r in rounds), milliseconds), "< 50 ms"),
            Row("  p99", spread((r["p99"] for r in rounds), milliseconds), "< 250 ms")]


# ---- in a child ---------------------------------------------------------------------------------------------------

def feed(bootstrap: str, topic: str) -> int:
    """Ten records each millisecond; a record carries the moment before it was handed to the client."""
    from confluent_kafka import Producer

    client = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    began, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < WARM_S + RUN_S:
        while sent < elapsed * RATE:
            value = f'{{"id":{sent},"sent":{time.time_ns() // 1000},"pad":"{"-" * 100}"}}'
            client.produce(topic, value.encode(), partition=sent % PARTITIONS)
            sent += 1
        client.poll(0.001)
    client.flush(10)
    return sent


def watch(bootstrap: str, topic: str, folder: str) -> dict[str, float]:
    from tests.bench import product

    with product.session(bootstrap, folder) as session:
        session.sql(f"CREATE SOURCE ev (id BIGINT, sent BIGINT, pad VARCHAR) FROM KAFKA (TOPIC '{topic}')")
        feeding = subprocess.Popen(child.command("latency:feed", {"bootstrap": bootstrap, "topic": topic}), stdout=subprocess.DEVNULL)
        seen: dict[int, tuple[list[int], list[int]]] = {p: ([], []) for p in range(PARTITIONS)}
        while feeding.poll() is None:
            _look(session, seen)
            time.sleep(POLL_S)                # what is measured is how old a row is when a look finds it; the feeder ends by itself
        rows = session.sql("SELECT _kafka_partition, _kafka_offset, sent FROM live.ev ORDER BY id").fetchall()
    return _figures(rows, seen)


def _look(session: Any, seen: dict[int, tuple[list[int], list[int]]]) -> None:
    found = session.sql("SELECT _kafka_partition, max(_kafka_offset) FROM live.ev GROUP BY ALL").fetchall()
    now_us = time.time_ns() // 1000
    for partition, newest in found:
        offsets, moments = seen[partition]
        if not offsets or newest > offsets[-1]:
            offsets.append(newest)
            moments.append(now_us)


def _figures(rows: list[tuple[int, int, int]], seen: dict[int, tuple[list[int], list[int]]]) -> dict[str, float]:
    late = []
    warm_us = rows[0][2] + WARM_S * 1e6
    for partition, offset, sent_us in rows:
        offsets, moments = seen[partition]
        at = bisect_left(offsets, offset)
        if sent_us >= warm_us and at < len(offsets):
            late.append((moments[at] - sent_us) / 1e6)
    return {"p50": percentile(late, 0.5), "p99": percentile(late, 0.99)}
