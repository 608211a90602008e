"""The topic of a run: which records exist, which of them are bad, and how they look as rows. A pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from kshell.columns import Column, metadata_columns
from kshell.iceberg.values import TP, KafkaFacts, SinkSpec, TopicFacts

TOPIC = "orders"
COLUMNS = (Column("seq", "BIGINT"), Column("who", "VARCHAR"), *metadata_columns())
BAD_SHARE, HOLE_SHARE = 0.04, 0.1


@dataclass(frozen=True)
class Log:
    """Offsets of one partition in order, with holes as transactions leave them."""

    good: frozenset[int]
    bad: frozenset[int]
    end: int

    def within(self, lo: int, hi: int) -> list[int]:
        return [o for o in range(lo, hi) if o in self.good or o in self.bad]


class World:
    def __init__(self, seed: int, partitions: int = 3, records: int = 240) -> None:
        draw = random.Random(seed)
        self.seed = seed
        self.logs = {(TOPIC, p): _log(draw, records) for p in range(partitions)}
        self.starts: dict[TP, int] = {tp: (0 if tp[1] % 2 == 0 else 7) for tp in self.logs}

    def facts(self) -> KafkaFacts:
        partitions = tuple(p for _, p in self.logs)
        return KafkaFacts("cluster", {TOPIC: TopicFacts("topic-id", partitions, dict.fromkeys(partitions, 0),
                                                        {p: log.end for (_, p), log in self.logs.items()})})


def spec() -> SinkSpec:
    return SinkSpec(name="orders_lake", id="orders_lake", table=("shop", "orders"), columns=COLUMNS, inferred=False, definition="d1",
                    errors_table=("shop", "orders__errors"), keep_snapshots=None, durable=False)


def seq(partition: int, offset: int) -> int:
    """The value of a record: a reader can tell a row that stands at the wrong position."""
    return partition * 1_000_000 + offset * 7


def rows(positions: Iterable[tuple[int, int]], who: str) -> pa.Table:
    pairs = list(positions)
    return pa.table({
        "seq": pa.array([seq(p, o) for p, o in pairs], pa.int64()), "who": pa.array([who] * len(pairs), pa.string()),
        "_kafka_partition": pa.array([p for p, _ in pairs], pa.int32()), "_kafka_offset": pa.array([o for _, o in pairs], pa.int64())})


def bad_rows(positions: Iterable[tuple[int, int]]) -> pa.Table:
    pairs = list(positions)
    return pa.table({
        "_kafka_topic": pa.array([TOPIC] * len(pairs), pa.string()), "_kafka_partition": pa.array([p for p, _ in pairs], pa.int32()),
        "_kafka_offset": pa.array([o for _, o in pairs], pa.int64()), "code": pa.array(["JSON_SYNTAX"] * len(pairs), pa.string())})


def _log(draw: random.Random, records: int) -> Log:
    good, bad, offset = set(), set(), 0
    while len(good) + len(bad) < records:
        if draw.random() < HOLE_SHARE:
            offset += draw.randint(1, 3)
        (bad if draw.random() < BAD_SHARE else good).add(offset)
        offset += 1
    return Log(frozenset(good), frozenset(bad), offset)
