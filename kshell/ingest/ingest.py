"""Ingestion of one source: its threads and what one may ask of them.

Invariant: after `stop` no thread appends any more; a failure in a thread is raised by whoever waits, and by `raise_if_failed`."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from kshell.buffer.buffer import Buffer
from kshell.buffer.values import TP, BadRow
from kshell.buffer.widening import widens
from kshell.columns import Column
from kshell.decode import Decoder
from kshell.engine import Engine
from kshell.errors import Error
from kshell.ingest.decoding import Decoding
from kshell.ingest.fetch import Fetcher
from kshell.ingest.handoff import LEAST_QUEUE_BYTES, SHARE, Handoff
from kshell.ingest.insert import Inserter
from kshell.ingest.parking import Parking
from kshell.ingest.settle import Evolve, Settling
from kshell.ingest.shared import Shared
from kshell.ingest.trouble import REUSING, Troubles
from kshell.ingest.values import IngestSpec, Notice, OnTrouble, PartitionStatus, State, Status
from kshell.ingest.watch import Watcher

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster

QUEUE_BYTES = 48_000_000


class Ingest:
    """`notice` gets lines for the user, `trouble` what only a sink's owner can resolve, `evolve` the columns that records want beyond
    those there are (None: they get none). All are called from our threads."""

    def __init__(self, engine: Engine, cluster: Cluster, buffer: Buffer, decoder: Decoder, spec: IngestSpec, *,
                 notice: Notice = lambda _: None, trouble: OnTrouble | None = None, evolve: Evolve | None = None) -> None:
        self.spec = spec
        self._engine = engine
        self._buffer = buffer
        self._shared = Shared(notice)
        self._handoff = Handoff(max(LEAST_QUEUE_BYTES, min(QUEUE_BYTES, buffer.limit_bytes // SHARE)))
        self._cursor = engine.cursor()
        self._troubles = Troubles(cluster, buffer, spec, self._shared, self._handoff, trouble)
        parking = Parking(spec.source, buffer, self._shared)
        fetcher = Fetcher(cluster, buffer, spec, self._shared, self._handoff, parking, self._troubles)
        self._decoding = Decoding(buffer, spec, self._shared, self._handoff, Inserter(self._cursor, buffer, decoder, spec.on_error),
                                  parking, Settling(self._cursor, evolve, self.grow, lambda: self._decoding.inserter.decoder),
                                  self._troubles.undecodable)
        self._watcher = Watcher(cluster, buffer, spec, self._shared, self._troubles)
        jobs = {"fetch": fetcher.run, "decode": self._decoding.run, "watch": self._watcher.run}
        self._threads = {job: threading.Thread(target=run, name=f"kshell-{job}-{spec.source}", daemon=True) for job, run in jobs.items()}

    # ---- life

    def start(self) -> None:
        self._buffer.cover(self.spec.start)
        for thread in self._threads.values():
            thread.start()
        self._engine.settle()

    def stop(self, timeout_s: float = 5.0) -> None:
        """A thread that a dead broker holds is left behind; it appends nothing any more."""
        deadline = time.monotonic() + timeout_s
        self._shared.stopping.set()
        self._handoff.close()
        self._watcher.wake()
        self._shared.moved()
        for thread in (self._threads["decode"], self._threads["fetch"]):
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        if not self._threads["decode"].is_alive():
            self._cursor.close()

    @property
    def failure(self) -> Error | None:
        return self._shared.failure

    def raise_if_failed(self) -> None:
        if self._shared.failure is not None:
            raise self._shared.failure

    # ---- orders

    def pause(self) -> bool:
        """False: it was paused."""
        was, self._shared.paused = self._shared.paused, True
        return not was

    def resume(self) -> bool:
        """False: it was not paused."""
        was, self._shared.paused = self._shared.paused, False
        return was

    def seal(self, timeout_s: float = 5.0) -> bool:
        """Everything decoded so far is in sealed segments afterwards. False: an append in flight did not end in time."""
        if not self._buffer.appending.acquire(timeout=timeout_s):
            return False
        try:
            self._buffer.seal()
        finally:
            self._buffer.appending.release()
        return True

    def rewind(self, positions: Mapping[TP, int], again: Collection[TP] = ()) -> None:
        """Read again from there. With a sink views stay until that has caught up; without one the buffer is emptied. `again`: partitions
        that need not catch up, because their offsets stand for other records."""
        if self._buffer.has_sink:
            self._buffer.reread(positions, again=again)
        else:
            others = {tp: state.start for tp, state in self._buffer.partitions().items()}
            self._buffer.restart(others | dict(positions))
        self._shared.done = False

    def drop(self, tps: Sequence[TP]) -> None:
        """Read these partitions no further and forget their rows."""
        self._buffer.forget(tps)

    def set_decoder(self, decoder: Decoder, columns: Sequence[Column] | None = None, reread: Mapping[TP, int] | None = None) -> None:
        """Decode with another decoder, into its own columns unless others are given. Where the type of a column changes, or `reread`
        is given, the buffer is read again from there (default: from where it begins); views change when that has caught up."""
        columns = tuple(columns or (*decoder.columns, *decoder.metadata))
        with self._buffer.appending:
            before = {c.name: c.type for c in self._buffer.columns}
            changed = any(before.get(c.name, c.type) != c.type for c in columns)
            if reread is not None or changed:
                self._buffer.reread(reread or {}, columns)
            elif columns != self._buffer.columns:
                self._buffer.set_columns(columns)
            self._decoding.inserter.decoder = decoder

    def grow(self, before: Decoder, after: Decoder) -> Decoder:
        """Go on with `after`, whose columns are those of `before` and more, unless somebody has set another decoder meanwhile. What is
        buffered stays, unless a table has other types than those it was decoded to. The decoder in use afterwards."""
        columns = (*after.columns, *after.metadata)
        with self._buffer.appending:
            if self._decoding.inserter.decoder is before:
                have = {c.name: c.type for c in self._buffer.columns}
                if all(widens(have.get(c.name, c.type), c.type) for c in columns):
                    self._buffer.set_columns(columns)
                else:
                    self._buffer.reread({}, columns)
                self._decoding.inserter.decoder = after
            return self._decoding.inserter.decoder

    def stops(self) -> Mapping[TP, int]:
        """The offsets at which a bounded source ends; empty: it does not."""
        return self.spec.stop or {}

    def refresh(self) -> None:
        """Look at the cluster's metadata at once."""
        self._watcher.refresh()

    # ---- waiting

    def wait_until(self, positions: Mapping[TP, int], timeout_s: float | None) -> bool:
        """Until a SELECT sees everything below these positions. False: not in time. Raises the source's failure."""
        def reached() -> bool:
            visible = self._buffer.visible()
            return all(visible.get(tp, 0) >= at for tp, at in positions.items())
        return self._shared.wait(reached, timeout_s)

    def wait_moved(self, seen: Mapping[TP, int], timeout_s: float | None) -> bool:
        """Until a SELECT sees another position than these. False: not in time, or the source has stopped."""
        return self._shared.wait(lambda: self._buffer.visible() != seen, timeout_s)

    def leaders(self) -> dict[TP, int]:
        """The latest leader epoch that was seen of each partition."""
        return dict(self._shared.leaders)

    def reused(self) -> dict[TP, int]:
        """How often offsets of a partition were used again by other records: gaps with these reasons."""
        return {tp: sum(gap.reason in REUSING for gap in self._shared.gaps(tp)) for tp in self._buffer.visible()}

    def wait_rows(self, rows: int, timeout_s: float | None) -> bool:
        """Until that many rows were decoded since the start."""
        return self._shared.wait(lambda: self._shared.rows_total >= rows, timeout_s)

    # ---- status

    def errors(self) -> list[BadRow]:
        """The last bad records, at most 10,000 and 16 MB."""
        return self._shared.errors()

    def forget_errors(self, positions: Collection[tuple[str, int, int]]) -> None:
        """These records are bad no more."""
        self._shared.forget_errors(positions)

    @property
    def decoder(self) -> Decoder:
        """The one in use."""
        return self._decoding.inserter.decoder

    @property
    def state(self) -> State:
        shared = self._shared
        states: tuple[tuple[bool, State], ...] = (
            (shared.failure is not None, "failed"), (shared.stopping.is_set(), "stopped"), (shared.done, "done"), (shared.paused, "paused"),
            (shared.reconnecting, "reconnecting"), (shared.holding, "backpressure"), (not shared.polled, "starting"))
        return next((name for holds, name in states if holds), "running")

    def status(self) -> Status:
        shared, buffer = self._shared, self._buffer
        partitions = self._partitions()
        lag = self._lag(partitions)
        newest = buffer.newest_us
        behind_s = 0.0 if lag == 0 else max(0.0, time.time() - newest / 1e6) if lag is not None and newest is not None else None
        return Status(
            state=self.state, rows_total=shared.rows_total, rows_per_second=shared.rate.per_second(), lag_messages=lag,
            lag_seconds=behind_s,
            buffer_rows=buffer.rows, buffer_bytes=buffer.bytes, buffer_oldest_us=buffer.oldest_us, evicted_rows=buffer.evicted_rows,
            error_rows=shared.error_rows, last_error=shared.last_error, queued_bytes=self._handoff.bytes, partitions=partitions,
            troubles=shared.troubles(), backpressure_s=shared.held_s(), counters=dict(shared.counters))

    def _partitions(self) -> dict[TP, PartitionStatus]:
        shared = self._shared
        starts, ends, fetched = shared.log_starts, shared.log_ends, dict(shared.fetched)
        return {tp: PartitionStatus(starts.get(tp), ends.get(tp), fetched.get(tp, at.decoded), at.decoded, at.start, shared.gaps(tp))
                for tp, at in self._buffer.partitions().items()}

    @staticmethod
    def _lag(partitions: Mapping[TP, PartitionStatus]) -> int | None:
        known = [(p.log_end, p.decoded) for p in partitions.values() if p.log_end is not None]
        return sum(max(0, end - at) for end, at in known) if known else None
