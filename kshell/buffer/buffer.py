"""The buffer of one source: append, seal, forget, and the numbers. The hand-over stands in `handover.py`, the locks in `contents.py`.

Invariant, per partition: an append begins exactly at `decoded`, and what a SELECT sees of the live side is [start, decoded) without a
hole, less what a published cut leaves to the lake."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

import duckdb

from kshell.buffer.budget import Budget
from kshell.buffer.contents import Contents
from kshell.buffer.generation import Filled, Generation, below, rows_above
from kshell.buffer.handover import Handover
from kshell.buffer.meter import Meter
from kshell.buffer.retention import SHARE, Retention
from kshell.buffer.shelf import Shelf
from kshell.buffer.values import TP, Lake, Outlet, PartitionState, Positions, Segment
from kshell.columns import Column
from kshell.engine import Engine
from kshell.errors import InternalError
from kshell.testing import failpoint

_EVERYTHING = 2**63 - 1
_FREE_SHARE = 16                            # a buffer below this share of the process-wide limit is never stopped by it


class Buffer:
    """Its views and macro exist from here to `close`. Never call it with `engine.publish_lock` held."""

    def __init__(self, engine: Engine, source: str, columns: Sequence[Column], *, retain_bytes: int, retain_rows: int | None = None,
                 retain_time_s: float | None = None, multi_topic: bool = False, budget: Budget | None = None,
                 clock: Callable[[], float] = time.time) -> None:
        self.source = source
        self.retention = Retention(retain_bytes, retain_rows, retain_time_s)
        self.evicted_rows = 0
        self.restarts = 0                   # how often it was emptied and begun again elsewhere
        self._c = Contents(source, tuple(columns), tuple(columns), multi_topic, Shelf(engine), clock)
        self._handover = Handover(self._c)
        self._meter = Meter(self.columns)
        self._budget = budget or Budget(_EVERYTHING)
        self._budget.register(self.held_bytes)
        self.appending = self._c.appending  # held by whoever must not see a position move
        self._c.show()

    @property
    def columns(self) -> tuple[Column, ...]:
        """Of segments: payload, then metadata."""
        return self._c.columns

    # ---- positions

    def cover(self, positions: Positions) -> None:
        """Partitions that are read from here on; those already known keep their place."""
        with self.appending:
            for tp in positions:
                self._c.forgotten.pop(tp, None)
            self._c.shown.cover(positions)
            self._c.filling.cover(positions)

    def decoded(self) -> dict[TP, int]:
        """Where the next append of each partition has to begin."""
        return dict(self._c.filling.decoded)

    def visible(self) -> dict[TP, int]:
        """Position after the last record that a SELECT sees."""
        return dict(self._c.shown.decoded)

    def first_live(self, outlet: str | None = None) -> dict[TP, int]:
        """The first offset that the live view shows, of the source or of a sink's outlet: what lies below is in a lake, or evicted. Waits
        for a change that is under way."""
        with self._c.structure:
            sinks = [s for s in self._c.sinks.values() if (s.backs_source if outlet is None else s.outlet.name == outlet)]
            own = next((s.cut or {} for s in sinks if s.lake is not None), {})
            return {tp: max(start, own.get(tp, 0)) for tp, start in self._c.shown.start.items()}

    def seek(self, positions: Positions) -> None:
        """Ask the reader to go there, although the buffer stands where it stood."""
        with self._c.structure:
            self._c.seeks.update(positions)

    def seeking(self, tp: TP) -> bool:
        """True while the reader has not been told yet where to go."""
        return tp in self._c.seeks

    def take_seeks(self) -> dict[TP, int]:
        """Positions the reader has to go to, each handed out once."""
        with self._c.structure:
            seeks, self._c.seeks = self._c.seeks, {}
        return seeks

    # ---- the ingest thread

    def append(self, cursor: duckdb.DuckDBPyConnection, ranges: Mapping[TP, tuple[int, int]], rows_at_most: int,
               fill: Callable[[Segment, Meter], Filled]) -> None:
        """Run `fill` in one transaction on `cursor`; it inserts the rows of `ranges` into the segment. Each range begins at `decoded`.
        When `fill` raises, nothing has happened."""
        failpoint("buffer.before_append")
        with self.appending:
            generation = self._c.filling
            segment = self._opened(generation, rows_at_most)
            cursor.execute("BEGIN TRANSACTION")
            try:
                filled = fill(segment, self._meter)
                cursor.execute("COMMIT")
            except BaseException:
                _roll_back(cursor)
                raise
            generation.record(ranges, filled, self._meter.table_bytes)
            self._after_move(generation)
        failpoint("buffer.after_append")

    def advance(self, ranges: Mapping[TP, tuple[int, int]]) -> None:
        """Positions moved over offsets without a record."""
        with self.appending:
            self._c.filling.advance(ranges)
            self._after_move(self._c.filling)

    def jump(self, tp: TP, position: int) -> None:
        """Go on at a later position: what is between is lost in Kafka, and the buffer does not claim to cover it."""
        with self.appending:
            self._c.close(self._c.filling)
            self._c.filling.skip_to({tp: position})

    def seal(self) -> Segment | None:
        """Close the open segment over everything decoded. None: nothing moved since the last one. Waits for the append in flight."""
        with self.appending:
            return self._c.seal(self._c.filling)

    def tick(self) -> None:
        """What time brings: seal by age, evict, hand over what could not be handed over before."""
        with self.appending:
            segment = self._c.filling.open
            if segment is not None and self._due(segment):
                self._c.seal(self._c.filling)
            self._evict()
            self._handover.retry()

    def _due(self, segment: Segment) -> bool:
        if self.has_sink:
            return bool(segment.ranges) and below(segment, self._c.floor())
        return self.retention.aged(segment, self._c.clock())

    def _opened(self, generation: Generation, rows_at_most: int) -> Segment:
        segment = generation.open
        if segment is not None and segment.columns != self._c.columns:
            self._c.close(generation)
            segment = None
        if segment is not None and not self.retention.fits(segment, rows_at_most):
            self._c.seal(generation)
            segment = None
        return segment or self._c.begin(generation)

    def _after_move(self, generation: Generation) -> None:
        segment = generation.open
        if segment is not None and (self.retention.full(segment) or segment.bytes * SHARE >= self.limit_bytes):
            self._c.seal(generation)
        self._evict()
        self._handover.retry()

    # ---- retention

    def set_retention(self, *, retain_bytes: int, retain_rows: int | None, retain_time_s: float | None) -> None:
        with self.appending:
            self.retention = Retention(retain_bytes, retain_rows, retain_time_s)
            self._evict()

    @property
    def limit_bytes(self) -> int:
        """The most that may be held here: queues and batches on the way in and out are sized by it."""
        return min(self.retention.bytes, self._budget.limit_bytes)

    def pressure(self, queued_bytes: int = 0) -> float:
        """How full the buffer is, 1.0 = at its limit. Always 0 without a sink: a ring evicts instead."""
        if not self.has_sink:
            return 0.0
        floor = self._c.floor() if self._c.hidden is None else {}
        kept = [s for s in list(self._c.filling.segments) if not (s.sealed and below(s, floor))]
        held = sum(s.bytes for s in kept) + queued_bytes
        own = self.retention.share(held, sum(s.rows for s in kept))
        if held < min(self.retention.segment_bytes, self._budget.limit_bytes // _FREE_SHARE):
            return own
        return max(own, (self._budget.used_bytes() + queued_bytes) / self._budget.limit_bytes)

    def _evict(self) -> None:
        """Drop the oldest segments that nobody waits for, while a limit is exceeded."""
        if self._c.hidden is not None:
            return
        with self._c.structure:
            gone: list[Segment] = []
            kept_bytes, kept_rows = self._c.shown.bytes, self._c.shown.rows
            others = self._budget.used_bytes() - kept_bytes
            for segment in self._evictable():
                crowded = others + kept_bytes > self._budget.limit_bytes or self.retention.exceeded(kept_bytes, kept_rows)
                if not crowded and not self.retention.expired(segment, self._c.clock()):
                    break
                gone.append(segment)
                kept_bytes, kept_rows = kept_bytes - segment.bytes, kept_rows - segment.rows
            if gone:
                self._drop(gone)
                self.evicted_rows += sum(s.rows for s in gone)

    def _evictable(self) -> list[Segment]:
        if not self.has_sink:
            return self._c.shown.sealed
        floor = self._c.floor()
        return [s for s in self._c.shown.sealed if below(s, floor)]

    def _drop(self, gone: Sequence[Segment]) -> None:
        with self._c.shelf.change() as shelf:
            shelf.put(self._c.views(without=gone))
            shelf.drop_tables(gone)
        self._c.shown.drop(gone)

    def restart(self, positions: Positions) -> None:
        """Empty the buffer and begin again at these positions. Only without a sink."""
        c = self._c
        with c.appending, c.structure:
            if self.has_sink:
                raise InternalError(f"{self.source}: the buffer of a source with a sink is not emptied")
            gone, c.shown = [*c.shown.segments, *(c.hidden.segments if c.hidden else ())], Generation()
            c.hidden = None
            c.again.clear()
            self.restarts += 1
            c.shown.cover(positions)
            c.seeks.update(positions)
            with c.shelf.change() as shelf:
                shelf.put(c.views())
                shelf.drop_tables(gone)

    def forget(self, tps: Sequence[TP]) -> None:
        """These partitions are read no further, and their rows are shown no more."""
        c = self._c
        with c.appending, c.structure:
            c.seal(c.filling)
            for tp in tps:
                c.shown.forget(tp)
                c.filling.forget(tp)
            c.forgotten.update(dict.fromkeys(tps, _EVERYTHING))
            c.show()

    # ---- sinks

    def attach(self, outlet: Outlet) -> None:
        """From here on nothing that this sink has not committed is evicted."""
        self._handover.attach(outlet)

    def detach(self, sink: str) -> None:
        """Its views go, and the source's own view shows live rows only."""
        self._handover.detach(sink)
        with self.appending:
            self._evict()

    def publish(self, *, sink: str, cut: Positions, lake: Lake, drop: Sequence[Segment] = (), rewound: bool = False) -> bool:
        """Show `lake` up to `cut` and the buffer from it on, in one transaction, and drop what every sink has below its cut.

        `drop` need not be given; it is checked to be below the cut. False: the buffer does not cover the cut yet; what is missing is
        read into segments that no view lists, and the hand-over happens by itself when no row would vanish by it.
        `rewound`: a statement moved the sink's position back, so a cut below the published one is right.
        ConflictError (ROLLED_BACK, TYPE_MISMATCH) and UnreachableError leave everything as it was."""
        return self._handover.publish(sink, cut, lake, drop, rewound=rewound)

    def reread(self, positions: Positions, columns: Sequence[Column] | None = None, again: Collection[TP] = ()) -> None:
        """Read again from these positions, under other columns if given; views change when that has caught up with what they show.
        `again`: partitions whose offsets Kafka has used again; what they show is not waited for."""
        with self._c.appending, self._c.structure:
            if columns is not None:
                self.set_columns(columns, shown=False)
            self._handover.reread(positions, again)

    def set_columns(self, columns: Sequence[Column], *, shown: bool = True) -> None:
        """Later segments have these columns. `shown`: so has the source's view, where no table decides."""
        with self._c.appending, self._c.structure:
            self._c.seal(self._c.filling)
            self._c.columns = tuple(columns)
            self._meter = Meter(self.columns)
            if shown:
                self._c.shown_columns = self.columns
                self._c.show()

    def reading_gap(self) -> dict[TP, tuple[int, int]]:
        """[from, to) that is still read before a hand-over can happen."""
        return self._c.to_read()

    def sealed(self, sink: str | None = None) -> list[Segment]:
        """Sealed segments, oldest first, without those that the sink has committed."""
        cut = (self._c.sinks[sink].target() or {}) if sink is not None else {}
        return [s for s in self._c.filling.sealed if not below(s, cut)]

    def pending(self, sink: str) -> tuple[int, int]:
        """(rows, bytes) that the sink has not committed, the open segment included."""
        cut = self._c.sinks[sink].target() or {}
        kept = [(s, rows_above(s, cut)) for s in list(self._c.filling.segments) if not below(s, cut)]
        return sum(rows for _, rows in kept), sum(s.bytes * rows // s.rows if s.rows else s.bytes for s, rows in kept)

    def published(self, sink: str) -> bool:
        """Whether the views show the sink's table up to the newest cut that was asked for."""
        state = self._c.sinks[sink]
        return state.cut is not None and state.wanted is None

    # ---- numbers

    @property
    def has_sink(self) -> bool:
        return bool(self._c.sinks)

    @property
    def rows(self) -> int:
        """Rows on the live side of the source's own name."""
        cut = self._c.shown_cut()
        return sum(rows_above(s, cut) for s in list(self._c.shown.segments))

    @property
    def bytes(self) -> int:
        return self.held_bytes()

    @property
    def filling_bytes(self) -> int:
        """What sinks commit from: without what is only shown until it has been read again."""
        return self._c.filling.bytes

    def held_bytes(self) -> int:
        hidden = self._c.hidden
        return self._c.shown.bytes + (hidden.bytes if hidden is not None else 0)

    @property
    def oldest_us(self) -> int | None:
        return min((s.oldest_us for s in list(self._c.shown.segments) if s.oldest_us is not None), default=None)

    @property
    def newest_us(self) -> int | None:
        """Of everything that was decoded, also of what has left for the lake."""
        return self._c.shown.newest_us

    def partitions(self) -> dict[TP, PartitionState]:
        shown = self._c.shown
        segments = list(shown.segments)
        floor = self._c.floor() if self.has_sink else {}
        return {tp: PartitionState(shown.start[tp], at, floor.get(tp), sum(s.ranges[tp].rows for s in segments if tp in s.ranges))
                for tp, at in dict(shown.decoded).items() if tp in shown.start}

    def close(self) -> None:
        """Views, macros and segments go."""
        c = self._c
        with c.appending, c.structure:
            for name in (self.source, *(s.outlet.name for s in c.sinks.values() if not s.backs_source)):
                c.shelf.drop_views(name)
            with c.shelf.change() as shelf:
                shelf.drop_tables([*c.shown.segments, *(c.hidden.segments if c.hidden else ())])
            c.shown, c.hidden, c.sinks = Generation(), None, {}
            c.shelf.close()


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        return                              # the error ended the transaction already
