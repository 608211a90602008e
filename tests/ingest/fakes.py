"""A topic in memory behind the interfaces of `kshell.kafka`: what a reader gives is decided by the test, offset by offset."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from kshell.buffer.values import TP
from kshell.errors import NotFoundError, UnreachableError
from kshell.kafka.columns import HEADERS_ARROW, Columns
from kshell.kafka.reader import ReaderFault

CONTROL = object()                          # an offset that carries no record


@dataclass
class Topic:
    id: str
    partitions: dict[int, dict[int, Any]] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)


class FakeCluster:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.log: dict[str, Topic] = {}
        self.readers: list[FakeReader] = []
        self.epoch = 0                        # of the leader that writes what is put
        self.epochs: dict[tuple[TP, int], int] = {}
        self.down = False
        self.faults: list[ReaderFault] = []

    # ---- what a test does

    def create(self, topic: str, partitions: int = 1, id: str = "id-1") -> None:
        with self.lock:
            self.log[topic] = Topic(id, {p: {} for p in range(partitions)})

    def put(self, tp: TP, *values: Any) -> None:
        with self.lock:
            log = self.log[tp[0]].partitions[tp[1]]
            for value in values:
                offset = self._end(tp)
                log[offset], self.epochs[tp, offset] = value, self.epoch

    def cut(self, tp: TP, at: int, *values: Any) -> None:
        """Another leader has the log up to here only, and writes on; nobody sees it in between."""
        with self.lock:
            topic = self.log[tp[0]]
            topic.partitions[tp[1]] = {o: v for o, v in topic.partitions[tp[1]].items() if o < at}
            self.epoch += 1
            self.put(tp, *values)

    def trim(self, tp: TP, start: int) -> None:
        with self.lock:
            topic = self.log[tp[0]]
            topic.starts[tp[1]] = start
            topic.partitions[tp[1]] = {o: v for o, v in topic.partitions[tp[1]].items() if o >= start}

    def _end(self, tp: TP) -> int:
        topic = self.log[tp[0]]
        return max(topic.partitions[tp[1]], default=topic.starts.get(tp[1], 0) - 1) + 1

    # ---- Cluster

    def reader(self, *, isolation: str = "read_committed", config: Mapping[str, str] | None = None,
               columns: Columns | None = None, queue_bytes: int | None = None) -> FakeReader:
        reader = FakeReader(self, columns or Columns())
        self.readers.append(reader)
        return reader

    def describe(self, names: Any) -> dict[str, Any]:
        self._answer()
        from kshell.kafka.cluster import TopicInfo
        with self.lock:
            for name in names:
                if name not in self.log:
                    raise NotFoundError(f"there is no topic {name}")
            return {n: TopicInfo(n, tuple(self.log[n].partitions), False, self.log[n].id) for n in names}

    def topics(self, *, internal: bool = False) -> list[Any]:
        return list(self.describe(list(self.log)).values())

    def log_starts(self, tps: Any) -> dict[TP, int]:
        self._answer()
        with self.lock:
            return {tp: self.log[tp[0]].starts.get(tp[1], 0) for tp in tps}

    def log_ends(self, tps: Any, *, committed: bool = True) -> dict[TP, int]:
        self._answer()
        with self.lock:
            return {tp: self._end(tp) for tp in tps if tp[0] in self.log and tp[1] in self.log[tp[0]].partitions}

    def epochs_at(self, offsets: Mapping[TP, int]) -> dict[TP, tuple[int, int]]:
        self._answer()
        with self.lock:
            first = {tp: min((o for o in self.log[tp[0]].partitions[tp[1]] if o >= at), default=None) for tp, at in offsets.items()}
            return {tp: (o, self.epochs[tp, o]) for tp, o in first.items() if o is not None}

    def _answer(self) -> None:
        if self.down:
            raise UnreachableError("cannot reach Kafka")


@dataclass
class FakePoll:
    columns: Columns
    records: list[tuple[TP, int, Any]] = field(default_factory=list)
    ends: dict[TP, int] = field(default_factory=dict)
    positions: dict[TP, int] = field(default_factory=dict)
    out_of_range: list[TP] = field(default_factory=list)
    errors: list[ReaderFault] = field(default_factory=list)
    leader_epochs: dict[TP, int] = field(default_factory=dict)
    repeated: int = 0
    bytes: int = 0

    @property
    def rows(self) -> int:
        return len(self.records)

    def to_arrow(self) -> pa.RecordBatch:
        n = len(self.records)
        columns = {
            "_kafka_partition": pa.array([tp[1] for tp, _, _ in self.records], pa.int32()),
            "_kafka_offset": pa.array([o for _, o, _ in self.records], pa.int64()),
            "_kafka_timestamp": pa.array([1_700_000_000_000_000 + o for _, o, _ in self.records], pa.timestamp("us", "UTC")),
            "_kafka_key": pa.nulls(n, pa.binary()),
            "value": pa.array([v if v is None or isinstance(v, bytes) else str(v).encode() for _, _, v in self.records], pa.binary()),
        }
        if self.columns.topic:
            columns["_kafka_topic"] = pa.array([tp[0] for tp, _, _ in self.records], pa.string())
        if self.columns.headers:
            columns["_kafka_headers"] = pa.array([[{"key": "h", "value": b"1"}]] * n, HEADERS_ARROW)
        return pa.RecordBatch.from_pydict(columns)


class FakeReader:
    def __init__(self, cluster: FakeCluster, columns: Columns) -> None:
        self.cluster = cluster
        self.columns = columns
        self.at: dict[TP, int] = {}
        self.stopped: set[TP] = set()
        self.paused = False
        self.closed = False
        self.seeks: list[tuple[TP, int]] = []

    @property
    def reconnecting(self) -> bool:
        return self.cluster.down

    def assign(self, positions: Mapping[TP, int]) -> None:
        self.at = dict(positions)

    def add(self, positions: Mapping[TP, int]) -> None:
        self.at.update(positions)

    def remove(self, tps: Any) -> None:
        for tp in tps:
            self.at.pop(tp, None)

    def seek(self, tp: TP, offset: int) -> None:
        self.seeks.append((tp, offset))
        self.stopped.discard(tp)
        self.at[tp] = offset

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def close(self) -> None:
        self.closed = True

    def poll(self, max_records: int, timeout_s: float, max_bytes: int = 0) -> FakePoll:
        poll = FakePoll(self.columns)
        with self.cluster.lock:
            poll.errors, self.cluster.faults = self.cluster.faults, []
            if not self.paused and not self.cluster.down:
                for tp in self.at:
                    self._read(tp, poll, max_records)
        if not poll.rows:
            threading.Event().wait(min(timeout_s, 0.005))
        return poll

    def _read(self, tp: TP, poll: FakePoll, most: int) -> None:
        topic = self.cluster.log.get(tp[0])
        if topic is None or tp in self.stopped or tp[1] not in topic.partitions:
            return
        log, at, end = topic.partitions[tp[1]], self.at[tp], self.cluster._end(tp)
        if at < topic.starts.get(tp[1], 0) or at > end:
            poll.out_of_range.append(tp)
            self.stopped.add(tp)
            return
        while at < end and poll.rows < most:
            if at in log and log[at] is not CONTROL:
                poll.records.append((tp, at, log[at]))
                poll.leader_epochs[tp] = self.cluster.epochs[tp, at]
            at += 1
        if at == end:
            poll.ends[tp] = at
        if at != self.at[tp] or at == end:
            self.at[tp] = poll.positions[tp] = at
