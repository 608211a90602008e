"""Reading partitions from given positions: fetched messages, where they end, and what went wrong, one `Poll` at a time.

Invariant: a reader is assigned its partitions; it joins no group and commits nothing. Per partition the offsets it hands out
rise strictly, whatever the client library repeats. One thread owns it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice, pairwise
from operator import lt, ne
from typing import Any

import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from kshell.kafka.columns import TP, Columns, Gathered, to_arrow
from kshell.kafka.faults import CONNECTION, mapped, readable
from kshell.kafka.settings import log

FETCH_RECORDS = 400                           # messages alive at once: at 700 new objects Python's collector would look at them all
POLL_BYTES = 32_000_000
CLOSE_TIMEOUT_S = 5.0
PROBE_INTERVAL_S = 0.5
PROBE_TIMEOUT_S = 0.3

# about the group that the client library insists on and that is never joined
_OF_THE_GROUP = frozenset({KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
                           KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError._WAIT_COORD})


@dataclass(frozen=True, slots=True)
class ReaderFault:
    tp: TP | None                             # None: about the connection
    code: str                                 # `reconnecting`, or the name of Kafka's error
    message: str
    fatal: bool = False                       # True: this reader will not recover; make another one


@dataclass(slots=True)
class Poll:
    """What one `Reader.poll` saw. A reader made with `columns` fills `gathered` and leaves `messages` empty."""

    messages: list[Message] = field(default_factory=list)
    gathered: Gathered | None = None
    rows: int = 0                             # messages, however they are held
    ends: dict[TP, int] = field(default_factory=dict)          # end of partition reached: the position after any control records
    positions: dict[TP, int] = field(default_factory=dict)     # next offset of every partition that moved, control records included
    leader_epochs: dict[TP, int] = field(default_factory=dict) # of the last message, where the broker gives one
    out_of_range: list[TP] = field(default_factory=list)       # the position is not in the log (any more); the partition has stopped
    errors: list[ReaderFault] = field(default_factory=list)
    bytes: int = 0                            # of values
    repeated: int = 0                         # messages dropped because their offset was not above the last one

    def to_arrow(self, *, topic: bool = False, headers: bool = False) -> pa.RecordBatch:
        """One row for each message. What a reader gathers was settled when it was made."""
        return to_arrow(self.messages, topic=topic, headers=headers) if self.gathered is None else self.gathered.to_arrow()


class Reader:
    """A consumer for partitions it is given. After a broker's restart it goes on by itself; `reconnecting` is True meanwhile.

    A topic that was deleted, made again, or never readable for this user is silence here: `Cluster.describe` tells."""

    def __init__(self, settings: Mapping[str, Any], columns: Columns | None = None, make: Callable[..., Any] = Consumer) -> None:
        self._bootstrap = str(settings["bootstrap.servers"])
        self._columns = columns               # None: messages are handed out as they are
        self._next: dict[TP, int] = {}
        self._topic: str | None = None        # the only topic, which spares asking every message
        self._paused = False
        self._said: str | None = None         # the connection's last complaint
        self._pending: list[ReaderFault] = []
        self._probe_at = 0.0
        self.reconnecting = False
        self.repeated = 0
        with mapped(self._bootstrap, "open a reader"):
            self._consumer = make({**settings, "error_cb": self._complaint}, logger=log)

    # ---- which partitions, and from where

    def assign(self, positions: Mapping[TP, int], leader_epochs: Mapping[TP, int] | None = None) -> None:
        """Exactly these partitions from these offsets. What was assigned before is forgotten. With the leader epoch of the record
        before a position, a log that was cut below it comes as the fault `_LOG_TRUNCATION`."""
        with mapped(self._bootstrap, "assign partitions"):
            self._consumer.assign(_assignments(positions, leader_epochs or {}))
        self._next = dict(positions)
        self._settle(positions)

    def add(self, positions: Mapping[TP, int], leader_epochs: Mapping[TP, int] | None = None) -> None:
        """Further partitions, as in `assign`."""
        with mapped(self._bootstrap, "add partitions"):
            self._consumer.incremental_assign(_assignments(positions, leader_epochs or {}))
        self._next.update(positions)
        self._settle(positions)

    def remove(self, tps: Iterable[TP]) -> None:
        gone = [tp for tp in tps if tp in self._next]
        if not gone:
            return
        with mapped(self._bootstrap, "remove partitions"):
            self._consumer.incremental_unassign([TopicPartition(*tp) for tp in gone])
        for tp in gone:
            del self._next[tp]
        self._settle({})

    def seek(self, tp: TP, offset: int) -> None:
        """Go on at this offset, also after `out_of_range`. Fetched messages of the partition are dropped."""
        self.remove([tp])
        self.add({tp: offset})

    def positions(self) -> dict[TP, int]:
        """The next offset of every assigned partition."""
        return dict(self._next)

    def _settle(self, tps: Iterable[TP]) -> None:
        topics = {topic for topic, _ in self._next}
        self._topic = topics.pop() if len(topics) == 1 else None
        # the library keeps a partition's pause flag over a re-assignment, so it is set either way
        self._set_paused([TopicPartition(*tp) for tp in tps])

    # ---- pause

    def pause(self) -> None:
        """Fetch nothing. Polling goes on and keeps the connection alive."""
        self._paused = True
        self._set_paused([TopicPartition(*tp) for tp in self._next])

    def resume(self) -> None:
        self._paused = False
        self._set_paused([TopicPartition(*tp) for tp in self._next])

    def _set_paused(self, partitions: list[TopicPartition]) -> None:
        with mapped(self._bootstrap, "pause or resume partitions"):
            (self._consumer.pause if self._paused else self._consumer.resume)(partitions)

    # ---- reading

    def poll(self, max_records: int, timeout_s: float, max_bytes: int = POLL_BYTES) -> Poll:
        """What has been fetched, at most `max_records`. Waits up to `timeout_s` for the first message and for no other."""
        poll = Poll(gathered=Gathered(self._columns) if self._columns else None)
        with mapped(self._bootstrap, "read"):
            chunk = self._consumer.consume(min(max_records, FETCH_RECORDS), 0) or self._consumer.consume(1, timeout_s)
            asked = 1
            while chunk:
                self._take(chunk, poll)
                room = min(FETCH_RECORDS, max_records - poll.rows)
                if room <= 0 or poll.bytes >= max_bytes or len(chunk) < asked:
                    break
                asked = room
                chunk = self._consumer.consume(room, 0)
        if self.reconnecting:
            self._probe()
        poll.errors += self._pending
        self._pending = []
        return poll

    def close(self) -> None:
        """At most 5 s: a hung broker must not hold the process."""
        thread = threading.Thread(target=self._consumer.close, name="kshell-reader-close", daemon=True)
        thread.start()
        thread.join(CLOSE_TIMEOUT_S)

    def _take(self, chunk: list[Any], poll: Poll) -> None:
        events: list[Any] = []
        if any(map(Message.error, chunk)):
            events = [message for message in chunk if message.error() is not None]
            chunk = [message for message in chunk if message.error() is None]
        if chunk:
            self._messages(chunk, poll)
        for event in events:                  # after the messages: an end of partition moves the position that they are measured by
            self._event(event, poll)

    def _messages(self, chunk: list[Any], poll: Poll) -> None:
        partitions: list[Any] = list(map(Message.partition, chunk))
        offsets: list[Any] = list(map(Message.offset, chunk))
        for start, end in self._runs(chunk, partitions):
            tp = (self._topic or chunk[start].topic(), partitions[start])
            whole = end - start == len(chunk)
            self._run(tp, chunk if whole else chunk[start:end], offsets if whole else offsets[start:end], poll)

    def _runs(self, chunk: Sequence[Message], partitions: list[int]) -> Iterable[tuple[int, int]]:
        """[start, end) of neighbours from one partition. The library hands a partition's messages out in long runs."""
        keys: list[Any] = partitions if self._topic else list(zip(map(Message.topic, chunk), partitions, strict=True))
        if keys.count(keys[0]) == len(keys):
            return [(0, len(keys))]
        cuts = [0, *compress(range(1, len(keys)), map(ne, keys, islice(keys, 1, None))), len(keys)]
        return list(pairwise(cuts))

    def _run(self, tp: TP, messages: list[Message], found: list[int], poll: Poll) -> None:
        following = self._next.get(tp)
        if following is None:                 # fetched before the partition was removed
            return
        offsets: Sequence[int] = range(found[0], found[0] + len(found))
        if found != list(offsets):            # a comparison with what a log without holes has costs less than one of neighbours
            offsets = found
        if offsets[0] < following or (offsets is found and not all(map(lt, found, islice(found, 1, None)))):
            keep = _rising(offsets, following)
            dropped = len(offsets) - len(keep)
            messages, offsets = [messages[i] for i in keep], [offsets[i] for i in keep]
            poll.repeated += dropped
            self.repeated += dropped
            if not keep:
                return
        self._next[tp] = poll.positions[tp] = offsets[-1] + 1
        if poll.gathered is None:
            poll.messages += messages
            poll.bytes += sum(map(len, messages))
        else:
            poll.bytes += poll.gathered.take(messages, tp[1], offsets)
        poll.rows += len(messages)
        epoch = messages[-1].leader_epoch()
        if epoch is not None:
            poll.leader_epochs[tp] = epoch

    # ---- events

    def _event(self, message: Any, poll: Poll) -> None:
        error = message.error()
        tp = (message.topic(), message.partition()) if message.topic() is not None else None
        if error.code() in _OF_THE_GROUP:
            return
        if error.code() in CONNECTION:
            self._complaint(error)
        elif tp is None:
            poll.errors.append(ReaderFault(None, error.name(), error.str(), bool(error.fatal())))
        elif tp not in self._next:
            return
        elif error.code() == KafkaError._PARTITION_EOF:
            poll.ends[tp] = message.offset()
            poll.positions[tp] = self._next[tp] = max(self._next[tp], message.offset())
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            poll.out_of_range.append(tp)
        else:
            poll.errors.append(ReaderFault(tp, error.name(), error.str(), bool(error.fatal())))

    def _complaint(self, error: KafkaError) -> None:
        """The library calls it from within `consume`. Only when no broker is left it matters to the reader's owner."""
        if error.fatal():
            self._pending.append(ReaderFault(None, error.name(), error.str(), True))
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            if not self.reconnecting:
                self.reconnecting = True
                self._pending.append(ReaderFault(None, "reconnecting", readable(self._said or "the brokers closed their connections")))
        elif error.code() in CONNECTION:
            self._said = error.str()

    def _probe(self) -> None:
        """Ask whether a broker answers again. Messages do not tell: an idle topic has none, and fetched ones outlive their broker."""
        if not self._next or time.monotonic() < self._probe_at:
            return
        self._probe_at = time.monotonic() + PROBE_INTERVAL_S
        try:
            self._consumer.get_watermark_offsets(TopicPartition(*next(iter(self._next))), timeout=PROBE_TIMEOUT_S)
        except KafkaException as failure:
            if failure.args[0].code() < 0:        # the library's own word; a broker's errors are positive
                return
        self.reconnecting = False


def _assignments(positions: Mapping[TP, int], leader_epochs: Mapping[TP, int]) -> list[TopicPartition]:
    return [TopicPartition(*tp, offset, leader_epoch=leader_epochs[tp]) if tp in leader_epochs else TopicPartition(*tp, offset)
            for tp, offset in positions.items()]


def _rising(offsets: Sequence[int], following: int) -> list[int]:
    """The indexes whose offset is at or above `following` and above every one before."""
    keep = []
    for index, offset in enumerate(offsets):
        if offset >= following:
            keep.append(index)
            following = offset + 1
    return keep
