"""The decoding thread: what was fetched becomes rows of the buffer.

Invariant: a partition's rows are appended in the order of their offsets, each once: what does not join `decoded` is left out,
what lies below it is cut off, and what has to wait is fetched again. Schemas and tables are asked without a lock, so that neither an
outage nor a slow catalog holds up whoever seals a segment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from kshell.buffer.buffer import Buffer
from kshell.buffer.values import TP, BadRow
from kshell.columns import TIMESTAMP
from kshell.decode import Undecodable
from kshell.ingest.handoff import SHARE, Fetched, Handoff
from kshell.ingest.insert import Inserter
from kshell.ingest.parcel import Parcel, gather
from kshell.ingest.parking import Parking
from kshell.ingest.settle import Settled, Settling, before
from kshell.ingest.shared import Shared
from kshell.ingest.values import Gap, IngestSpec

TAKE_S = 0.1
TICK_S = 0.25
PACE_S = 0.015                                # between small appends: an append costs a millisecond or two whatever it brings
SMALL_ROWS = 10_000
APPEND_BYTES = 24_000_000


class Decoding:
    def __init__(self, buffer: Buffer, spec: IngestSpec, shared: Shared, handoff: Handoff, inserter: Inserter, parking: Parking,
                 settling: Settling, undecodable: Callable[[TP, int, Undecodable], None]) -> None:
        self._buffer, self._spec, self._shared, self._handoff = buffer, spec, shared, handoff
        self.inserter, self._parking, self._settling = inserter, parking, settling
        self._undecodable = undecodable
        self._topic = None if spec.multi_topic else spec.topics[0]
        self._ticked_at = 0.0

    def run(self) -> None:
        try:
            while not self._shared.stopping.is_set():
                self._turn()
        except BaseException as error:        # noqa: BLE001 - a thread confesses whatever ended it
            self._shared.fail(error, f"decoding {self._spec.source}")
        finally:
            self._handoff.close()

    def _turn(self) -> None:
        retention = self._buffer.retention
        items = self._handoff.take(retention.append_rows, min(APPEND_BYTES, self._buffer.limit_bytes // SHARE), TAKE_S)
        rows = sum(item.rows for item in items)
        if items:
            try:
                self._take(items)
            finally:
                self._handoff.done(items)
        if time.monotonic() - self._ticked_at > TICK_S:
            self._buffer.tick()
            self._ticked_at = time.monotonic()
        self._parking.tick()
        self._finish()
        self._shared.moved()
        if items and rows < SMALL_ROWS:
            self._shared.stopping.wait(PACE_S)

    def _take(self, items: Sequence[Fetched]) -> None:
        if items[0].lost:
            self._lose(items[0])
            return
        parcel = gather(items, self._topic)
        for part in parcel.parts(self._buffer.retention.append_rows):
            self._append(part)

    def _append(self, parcel: Parcel) -> None:
        while not self._shared.stopping.is_set():
            fitting = parcel.within(self._joining(parcel.spans))
            if self._append_regular(fitting):
                return
            settled = self._settling.settle(fitting, self.inserter.decoder)
            with self._buffer.appending:      # whoever moves a position waits until the append that relied on it is done
                if self.inserter.decoder is settled.decoder:
                    self._append_settled(settled)
                    return

    def _append_regular(self, parcel: Parcel) -> bool:
        """Whether nothing is to be settled: the parcel is in."""
        with self._buffer.appending:
            fitting = parcel.within(self._joining(parcel.spans))
            if self._shared.stopping.is_set() or not self.inserter.insert_regular(fitting):
                return False
            self._appended(fitting, [])
            return True

    def _append_settled(self, settled: Settled) -> None:
        fitting = settled.ready.within(self._joining(settled.ready.spans))
        if fitting.spans and not self._shared.stopping.is_set():
            self._insert(fitting)
        decoded = self._buffer.decoded()
        for tp, (position, reason) in settled.parked.items():
            if decoded.get(tp) == position:
                self._parking.park(tp, position, reason)

    def _insert(self, parcel: Parcel) -> None:
        try:
            bad = self.inserter.insert(parcel)
        finally:
            self._shared.counters.update(self.inserter.take_counters())
        stopped = self.inserter.undecodable
        self._appended(before(parcel, {tp: (at.index, at.message) for tp, at in stopped.items()}) if stopped else parcel, bad)
        for tp, found in stopped.items():
            self._parking.hold(tp, found.index)
            self._undecodable(tp, found.index, found)

    def _appended(self, parcel: Parcel, bad: Sequence[BadRow]) -> None:
        shared = self._shared
        shared.counters.update(self.inserter.take_counters())
        if parcel.batch is not None:
            shared.counters["bad_timestamps"] += parcel.batch[TIMESTAMP].null_count
        shared.rows_total += parcel.rows - len(bad)
        shared.error_rows += len(bad)
        shared.rate.add(parcel.rows)
        if bad and self._spec.on_error == "quarantine":
            shared.add_errors(list(bad))

    def _joining(self, spans: Mapping[TP, tuple[int, int]]) -> dict[TP, tuple[int, int]]:
        """The parts of the spans that go on where the buffer stands, up to the source's STOP."""
        stop = self._spec.stop or {}
        decoded = self._buffer.decoded()
        fitting = {}
        for tp, (lo, hi) in spans.items():
            at = decoded.get(tp)
            end = min(hi, stop.get(tp, hi))
            if at is not None and lo <= at < end:
                fitting[tp] = (at, end)
            elif at is not None and lo > at and not self._parking.holds(tp):
                self._shared.counters["stale_spans"] += 1
        return fitting

    def _lose(self, item: Fetched) -> None:
        for tp, lost in item.lost.items():
            with self._buffer.appending:
                if self._buffer.decoded().get(tp) == lost.lo:
                    self._buffer.jump(tp, lost.hi)
                    self._shared.add_gap(Gap(tp, lost.lo, lost.hi, lost.reason))

    def _finish(self) -> None:
        """A bounded source is done when every partition stands at its end."""
        if self._spec.stop is None or self._shared.done:
            return
        decoded = self._buffer.visible()
        self._shared.done = all(decoded.get(tp, at) >= at for tp, at in self._spec.stop.items())
