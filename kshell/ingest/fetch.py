"""The fetching thread: it owns the reader, polls, builds Arrow, and goes where the buffer sends it.

Invariant: `fetched` of a partition is where the reader stands; each item in the queue begins where the one before it ended, unless
the buffer moved the position in between. Polling never stops for longer than the queue is full, so the connection stays alive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.buffer.buffer import Buffer
from kshell.buffer.values import TP
from kshell.columns import PARTITION, TOPIC
from kshell.errors import Error
from kshell.ingest.handoff import LEAST_QUEUE_BYTES, SHARE, Fetched, Handoff
from kshell.ingest.parking import Parking
from kshell.ingest.shared import Shared
from kshell.ingest.trouble import Troubles
from kshell.ingest.values import IngestSpec
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster
    from kshell.kafka.reader import Poll, Reader, ReaderFault

POLL_S = 0.1
POLL_RECORDS = 10_240                         # twelve of them are one append
POLL_BYTES = 8_000_000
PACE_S = 0.004                                # after a small poll: lets records come together, costs that much latency at most
SMALL_POLL = 1000
REBUILD_S = 1.0
HIGH, LOW = 1.0, 0.8                          # of the buffer's limits: pause, resume


class Fetcher:
    def __init__(self, cluster: Cluster, buffer: Buffer, spec: IngestSpec, shared: Shared, handoff: Handoff, parking: Parking,
                 troubles: Troubles) -> None:
        self._cluster, self._buffer, self._spec, self._shared, self._handoff = cluster, buffer, spec, shared, handoff
        self._parking, self._troubles = parking, troubles
        self._reader: Reader | None = None
        self._idle: set[TP] = set()           # reached their stop, in trouble, or parked
        self._lost: set[TP] = set()           # out of range, and the cluster has not said yet where its log stands
        self._held = False                    # the reader is paused

    def run(self) -> None:
        try:
            while not self._shared.stopping.is_set():
                self._turn()
        except BaseException as error:        # noqa: BLE001 - a thread confesses whatever ended it
            self._shared.fail(error, f"reading {self._spec.source}")
        finally:
            if self._reader is not None:
                self._reader.close()

    def _turn(self) -> None:
        try:
            reader = self._reader or self._open()
            self._follow(reader)
            self._regulate(reader)
            most, most_bytes = min(POLL_RECORDS, self._buffer.retention.append_rows), self._poll_bytes()
            poll = reader.poll(most, POLL_S, most_bytes)
            cut = self._cut(poll)
        except Error as error:                # the broker refused, or cannot be reached: try again with another reader
            self._complain(error.message)
            self._rebuild()
            return
        failpoint("ingest.after_poll")
        self._take(reader, poll, cut, more=poll.rows >= most or poll.bytes >= most_bytes)
        if poll.rows < SMALL_POLL:
            self._shared.stopping.wait(PACE_S)

    def _open(self) -> Reader:
        from kshell.kafka.columns import Columns

        # fields are taken while messages are fresh in the cache, a fifth cheaper than asking ten thousand of them later
        columns = Columns(topic=self._spec.multi_topic, headers=self._spec.headers)
        reader = self._cluster.reader(isolation=self._spec.isolation, config=self._spec.config, columns=columns,
                                      queue_bytes=max(LEAST_QUEUE_BYTES, self._buffer.limit_bytes // SHARE))
        positions = {tp: at for tp, at in self._buffer.decoded().items() if tp not in self._idle}
        reader.assign(positions)
        self._shared.fetched = dict(self._shared.fetched) | positions
        self._shared.hold(False)
        self._reader, self._held = reader, False
        return reader

    def _rebuild(self) -> None:
        reader, self._reader = self._reader, None
        self._shared.counters["readers_rebuilt"] += 1
        if reader is not None:
            reader.close()
        self._shared.stopping.wait(REBUILD_S)

    def _poll_bytes(self) -> int:
        return max(64_000, min(POLL_BYTES, self._buffer.limit_bytes // SHARE))

    # ---- where to read

    def _follow(self, reader: Reader) -> None:
        """Go where the buffer says: a rewind, a cut that others moved, partitions that joined or left. Leave those that wait."""
        at = self._shared.fetched
        if parked := self._parking.leaving():
            reader.remove(parked)
            self._idle.update(parked)
        for tp, position in self._buffer.take_seeks().items():
            self._idle.discard(tp)
            self._parking.sent(tp)
            if self._shared.clear_trouble(tp):        # its offsets may have been used again: what was seen says nothing about the log
                self._shared.leaders.pop(tp, None)
            reader.seek(tp, position)
            at[tp] = position
        known = self._buffer.decoded()
        if known.keys() == at.keys():
            return
        left = [tp for tp in at if tp not in known]
        reader.remove(left)
        joined = {tp: position for tp, position in known.items() if tp not in at}
        if joined:
            reader.add(joined)
        self._idle.difference_update(left)
        self._shared.fetched = {tp: at.get(tp, position) for tp, position in known.items()}

    def _regulate(self, reader: Reader) -> None:
        """Pause at the limit, resume at 80 % of it; the user's PAUSE comes first."""
        pressure = self._buffer.pressure(self._handoff.bytes)
        holding = pressure >= (LOW if self._shared.holding else HIGH)
        wanted = holding or self._shared.paused
        self._shared.hold(holding)
        if wanted != self._held:
            (reader.pause if wanted else reader.resume)()
            self._held = wanted

    # ---- what came

    def _cut(self, poll: Poll) -> set[TP]:
        """The partitions whose log was cut below where we stand, and has grown again: their records are others than those that follow."""
        seen, at = self._shared.leaders, self._shared.fetched
        led = {tp: epoch for tp, epoch in poll.leader_epochs.items() if epoch > seen.get(tp, -1)}
        cut = self._troubles.cut({tp: at[tp] for tp in led if tp in seen and tp in at}) if led else set()
        seen.update((tp, epoch) for tp, epoch in led.items() if tp not in cut)
        return cut

    def _take(self, reader: Reader, poll: Poll, cut: set[TP], *, more: bool) -> None:
        shared = self._shared
        shared.polled = True
        shared.reconnecting = reader.reconnecting
        shared.counters["duplicates_dropped"] += poll.repeated
        spans = {tp: span for tp, span in self._spans(poll.positions).items() if tp not in cut}
        reader.remove(cut)
        self._idle.update(cut)
        batch = poll.to_arrow() if poll.rows else None
        if batch is not None and cut:
            batch = _without(batch, cut)
        if batch is not None or spans:
            # queued as Arrow; counted with what a record costs beside its value
            if not self._handoff.put(Fetched(batch, spans, 0 if batch is None else int(batch.nbytes), more)):
                return
            shared.fetched.update((tp, hi) for tp, (_, hi) in spans.items())
            self._end_reached(reader)
        self._lost.update(tp for tp in poll.out_of_range if tp in shared.fetched)
        self._idle.update(self._lost)
        self._lost = {tp for tp in self._lost if not self._troubles.out_of_range(tp, shared.fetched[tp])}
        for fault in poll.errors:
            self._fault(fault)

    def _spans(self, positions: Mapping[TP, int]) -> dict[TP, tuple[int, int]]:
        at = self._shared.fetched
        return {tp: (at[tp], hi) for tp, hi in positions.items() if tp in at and hi > at[tp]}

    def _end_reached(self, reader: Reader) -> None:
        if self._spec.stop is None:
            return
        ended = [tp for tp, at in self._spec.stop.items() if tp not in self._idle and self._shared.fetched.get(tp, -1) >= at]
        if ended:
            reader.remove(ended)
            self._idle.update(ended)

    def _fault(self, fault: ReaderFault) -> None:
        if fault.code == "reconnecting":      # the reader says it once for each time that the brokers are away
            self._shared.last_error = fault.message
            self._shared.tell(f"{self._spec.source}: reconnecting: {fault.message}")
            return
        where = f"{fault.tp[0]}[{fault.tp[1]}]: " if fault.tp else ""
        self._complain(f"{where}{fault.message}")
        if fault.fatal:
            self._rebuild()

    def _complain(self, text: str) -> None:
        self._shared.last_error = text
        self._shared.counters["reader_errors"] += 1
        self._shared.note(f"{self._spec.source}: {text}")


def _without(batch: pa.RecordBatch, cut: set[TP]) -> pa.RecordBatch | None:
    """The records of the other partitions."""
    only = next(iter(cut))[0]                 # a batch of one topic does not name it
    topics = batch[TOPIC].to_pylist() if TOPIC in batch.schema.names else [only] * batch.num_rows
    keep = [tp not in cut for tp in zip(topics, batch[PARTITION].to_pylist(), strict=True)]
    return batch.filter(pa.array(keep, pa.bool_())) if any(keep) else None
