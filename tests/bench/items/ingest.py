"""Throughput: a bare consumer, topic to live buffer, topic to committed Iceberg; and full scans of what was committed.

A round is the three of them in this order, each in a process of its own. Their clocks run from the assignment, or the statement that
begins reading, to the last event read, visible, or committed by FLUSH."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from tests.bench import child, figures, machine, product
from tests.bench.figures import Row, spread
from tests.bench.scene import COLUMNS, PARTITIONS, Scene

LOOP = {"fetch.queue.backoff.ms": 10, "enable.auto.commit": False, "log_level": 0}
COLD = {
    "count(*)": "SELECT count(*) FROM {}",
    "sum": "SELECT sum(amount) FROM {}",
    "GROUP BY": "SELECT status, count(*), avg(amount) FROM {} GROUP BY status",
    "look-up": f"SELECT {COLUMNS} FROM {{}} WHERE order_id = 4711",
}
PAIRS = 7


def measure(scene: Scene) -> list[Row]:
    loops, lives, lakes = [], [], []
    for number in range(scene.rounds):
        with scene.watched():
            loops.append(child.run("ingest:loop", bootstrap=scene.bootstrap, topic=scene.topic, events=scene.events))
            lives.append(child.run("ingest:live", bootstrap=scene.bootstrap, topic=scene.topic, events=scene.events,
                                   folder=str(scene.folder / f"live{number}")))
            lakes.append(child.run("ingest:lake", bootstrap=scene.bootstrap, topic=scene.topic, events=scene.events,
                                   folder=str(scene.folder / f"lake{number}")))
        scene.say(f"round {number + 1}: " + ", ".join(
            f"{name} {figures.rate(scene.events / r[-1]['wall'])} at {figures.cpu(r[-1]['cpu'] / scene.events)}"
            for name, r in (("loop", loops), ("live", lives), ("lake", lakes))))
    scene.half_rate = scene.events / statistics.median(r["wall"] for r in lives) / 2
    return [*_throughput("bare consume(1000) loop", loops, loops, scene, ""),
            *_throughput("topic -> live buffer", lives, loops, scene, ">= 0.45, product >= 0.55"),
            *_throughput("topic -> committed Iceberg", lakes, loops, scene, ">= 0.33"),
            Row("  CPU by thread, us an event, live", _threads(lives, scene)),
            Row("  CPU by thread, us an event, Iceberg", _threads(lakes, scene)),
            Row("peak RSS: loop; live (RETAIN_BYTES 512MB); Iceberg",
                "; ".join(spread((r["rss"] for r in side), figures.megabytes) for side in (loops, lives, lakes))),
            *_cold(lakes)]


def _throughput(what: str, side: list[dict[str, Any]], loops: list[dict[str, Any]], scene: Scene, goal: str) -> list[Row]:
    rows = [Row(what, spread((scene.events / r["wall"] for r in side), figures.rate)),
            Row("  CPU an event", spread((r["cpu"] / scene.events for r in side), figures.cpu))]
    if side is loops:
        return rows
    shares = [a["wall"] / b["wall"] for a, b in zip(loops, side, strict=True)]
    costs = [a["cpu"] / b["cpu"] for a, b in zip(loops, side, strict=True)]
    return [*rows, Row("  share of the loop", spread(shares, figures.ratio), goal),
            Row("  share of the loop by CPU", spread(costs, figures.ratio))]


def _threads(side: list[dict[str, Any]], scene: Scene) -> str:
    names = sorted({name for r in side for name in r["threads"]})
    medians = {name: statistics.median(r["threads"].get(name, 0.0) for r in side) / scene.events * 1e6 for name in names}
    return ", ".join(f"{name} {us:.2f}" for name, us in sorted(medians.items(), key=lambda m: -m[1]) if us >= 0.01)


def _cold(lakes: list[dict[str, Any]]) -> list[Row]:
    rows = []
    for name in COLD:
        shares = [statistics.median(r["cold"][name]["union"]) / statistics.median(r["cold"][name]["plain"]) for r in lakes]
        times = spread((statistics.median(r["cold"][name]["union"]) for r in lakes), figures.milliseconds)
        rows.append(Row(f"cold {name}: union / iceberg_scan", spread(shares, figures.ratio), "<= 1.10", f"union {times}"))
    return rows


# ---- in a child ---------------------------------------------------------------------------------------------------

def _clocked(work: Callable[[], None]) -> dict[str, Any]:
    wall, used, threads = time.monotonic(), time.process_time(), machine.by_thread()
    work()
    spent: dict[str, float] = {}
    for name, seconds in machine.by_thread().items():
        kind = name.rpartition("-")[0] or name        # of a pool all threads together
        spent[kind] = spent.get(kind, 0.0) + seconds - threads.get(name, 0.0)
    return {"wall": time.monotonic() - wall, "cpu": time.process_time() - used, "rss": machine.peak_rss(), "threads": spent}


def loop(bootstrap: str, topic: str, events: int) -> dict[str, Any]:
    from confluent_kafka import Consumer, Message, TopicPartition

    consumer = Consumer({**LOOP, "bootstrap.servers": bootstrap, "group.id": "bench"})

    def read() -> None:
        consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
        seen = 0
        while seen < events:
            messages = consumer.consume(1000, 1)
            for field in (Message.value, Message.offset, Message.partition, Message.timestamp):
                list(map(field, messages))
            seen += len(messages)

    figure = _clocked(read)
    consumer.close()
    return figure


def live(bootstrap: str, topic: str, events: int, folder: str) -> dict[str, Any]:
    with product.session(bootstrap, folder) as session:
        def read() -> None:
            session.sql(f"CREATE SOURCE ev FROM KAFKA (TOPIC '{topic}'); WAIT SOURCE ev UNTIL ROWS {events} {product.PATIENCE}")

        return _clocked(read)


def lake(bootstrap: str, topic: str, events: int, folder: str) -> dict[str, Any]:
    with product.session(bootstrap, folder) as session:
        def land() -> None:
            session.sql(f"CREATE SOURCE ev FROM KAFKA (TOPIC '{topic}'); CREATE SINK ev_lake FROM ev INTO ICEBERG ice.bench.ev;"
                        f"WAIT SOURCE ev UNTIL ROWS {events} {product.PATIENCE}; FLUSH SINK ev_lake {product.PATIENCE}")

        figure = _clocked(land)
        (found,), = session.sql("SELECT count(*) FROM lake.ev").fetchall()
        if found != events:
            raise RuntimeError(f"{found} of {events} events in the table")
        return {**figure, "cold": _scans(session)}


def _scans(session: Any) -> dict[str, dict[str, list[float]]]:
    """The union and a scan of the same snapshot in turn. Everything is committed, so the live side is empty."""
    location = next(iter(session._sinks)).flusher.target.head.metadata_location
    sides = {"union": "ev", "plain": f"iceberg_scan('{location}')"}
    found: dict[str, dict[str, list[float]]] = {name: {side: [] for side in sides} for name in COLD}
    for name, query in COLD.items():
        for turn in range(PAIRS):
            for side in sides if turn % 2 else reversed(sides):
                began = time.perf_counter()
                session.sql(query.format(sides[side])).fetchall()
                found[name][side].append(time.perf_counter() - began)
    return found
