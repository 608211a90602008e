"""The buffer of one source: append, seal, forget, hand over.

Locks, always taken in this order: `appending` (the segment being filled: append, seal, positions), `_structure` (which segments and
views there are), `engine.publish_lock` (inside the shelf). A hand-over whose cut is covered takes only the last two, so an INSERT
does not wait for the lake's metadata to be read.

How a cut may stand to what is buffered (`publish`):
  start <= cut <= decoded   hand over in one transaction
  cut > decoded             others committed ahead: stand at the cut, then hand over
  cut < start               read [cut, ...) into a second generation that no view lists, hand over when it has caught up
Whoever moves a position back or forth leaves it in `take_seeks`, which the reader's thread collects."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from kshell.buffer import views
from kshell.buffer.budget import Budget
from kshell.buffer.generation import Filled, Generation, below
from kshell.buffer.meter import Meter
from kshell.buffer.retention import Retention
from kshell.buffer.shelf import Shelf
from kshell.buffer.values import TP, Lake, Outlet, PartitionState, Positions, Segment
from kshell.columns import Column, quote
from kshell.engine import Engine
from kshell.errors import ConflictError, Error, InternalError
from kshell.testing import failpoint

_EVERYTHING = 2**63 - 1


@dataclass(slots=True)
class _Sink:
    outlet: Outlet
    gives: tuple[Column, ...] = ()          # of an AS SELECT sink: what its query gives
    cut: dict[TP, int] | None = None        # published; None: not yet
    lake: Lake | None = None
    columns: tuple[Column, ...] = ()        # of both sides, with the lake's types
    wanted: tuple[dict[TP, int], Lake] | None = None    # to be published when covered

    def target(self) -> dict[TP, int] | None:
        return self.wanted[0] if self.wanted else self.cut


class Buffer:
    """See `kshell.buffer.BufferApi`."""

    def __init__(self, engine: Engine, source: str, columns: Sequence[Column], *, retain_bytes: int, retain_rows: int | None = None,
                 retain_time_s: float | None = None, multi_topic: bool = False, budget: Budget | None = None,
                 clock: Callable[[], float] = time.time) -> None:
        self.source = source
        self.columns = tuple(columns)
        self.retention = Retention(retain_bytes, retain_rows, retain_time_s)
        self.evicted_rows = 0
        self.appending = threading.RLock()
        self._structure = threading.RLock()
        self._shelf = Shelf(engine)
        self._clock = clock
        self._multi_topic = multi_topic
        self._budget = budget or Budget(_EVERYTHING)
        self._budget.register(self.held_bytes)
        self._meter = Meter(self.columns)
        self._shown_columns = self.columns
        self._shown = Generation()
        self._hidden: Generation | None = None
        self._sinks: dict[str, _Sink] = {}
        self._forgotten: dict[TP, int] = {}
        self._seeks: dict[TP, int] = {}
        self._number = 0
        self._retry_at = 0.0
        self._show()

    # ---- positions ------------------------------------------------------------------------------------------------

    @property
    def _filling(self) -> Generation:
        return self._hidden if self._hidden is not None else self._shown

    def cover(self, positions: Positions) -> None:
        """Partitions that are read from here on; those already known keep their place."""
        with self.appending:
            for tp in positions:
                self._forgotten.pop(tp, None)
            self._shown.cover(positions)
            self._filling.cover(positions)

    def decoded(self) -> dict[TP, int]:
        """Where the next append of each partition has to begin."""
        return dict(self._filling.decoded)

    def visible(self) -> dict[TP, int]:
        """Position after the last record that a SELECT sees."""
        return dict(self._shown.decoded)

    def take_seeks(self) -> dict[TP, int]:
        """Positions the reader has to go to, each handed out once."""
        with self._structure:
            seeks, self._seeks = self._seeks, {}
        return seeks

    def seek(self, positions: Positions) -> None:
        """Ask the reader to go there, although the buffer stands where it stood."""
        with self._structure:
            self._seeks.update(positions)

    # ---- the ingest thread ----------------------------------------------------------------------------------------

    def append(self, cursor: duckdb.DuckDBPyConnection, ranges: Mapping[TP, tuple[int, int]], rows_at_most: int,
               fill: Callable[[Segment, Meter], Filled]) -> None:
        """Run `fill` in one transaction on `cursor`; it inserts the rows of `ranges` into the segment. Each range begins at `decoded`.
        When `fill` raises, nothing has happened."""
        failpoint("buffer.before_append")
        with self.appending:
            generation = self._filling
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
            self._filling.advance(ranges)
            self._after_move(self._filling)

    def jump(self, tp: TP, position: int) -> None:
        """Go on at a later position: what is between is lost in Kafka, and the buffer does not claim to cover it."""
        with self.appending:
            self._seal(self._filling)
            self._filling.skip_to({tp: position})

    def seal(self) -> Segment | None:
        """Close the open segment over everything decoded. None: nothing moved since the last one."""
        with self.appending:
            return self._seal(self._filling)

    def tick(self) -> None:
        """What time brings: seal by age, evict, hand over what could not be handed over before."""
        with self.appending:
            generation = self._filling
            segment = generation.open
            if segment is not None and self._due(segment):
                self._seal(generation)
            self._evict()
            self._try_swap()

    def _due(self, segment: Segment) -> bool:
        if segment.ranges and self._sinks and below(segment, self._floor()):
            return True
        return not self._sinks and self.retention.aged(segment, self._clock())

    def _opened(self, generation: Generation, rows_at_most: int) -> Segment:
        segment = generation.open
        if segment is not None and not self.retention.fits(segment, rows_at_most):
            self._seal(generation)
            segment = None
        return segment or self._begin(generation)

    def _begin(self, generation: Generation) -> Segment:
        """A further segment, listed from its creation."""
        with self._structure:
            self._number += 1
            segment = Segment(self._number, f"{self.source}_{self._number}", self.columns, self._clock())
            generation.begin(segment)
            try:
                with self._shelf.change() as shelf:
                    shelf.create(views.create_segment(segment.table, segment.columns))
                    shelf.put(self._views())
            except BaseException:
                generation.segments.remove(segment)
                raise
            return segment

    def _seal(self, generation: Generation) -> Segment | None:
        if not generation.moved():
            return None
        if generation.open is None:
            self._begin(generation)
        segment = generation.seal()
        failpoint("buffer.after_seal")
        return segment

    def _after_move(self, generation: Generation) -> None:
        segment = generation.open
        if segment is not None and self.retention.full(segment):
            self._seal(generation)
        self._evict()
        self._try_swap()

    # ---- retention ------------------------------------------------------------------------------------------------

    def set_retention(self, *, retain_bytes: int, retain_rows: int | None, retain_time_s: float | None) -> None:
        with self.appending:
            self.retention = Retention(retain_bytes, retain_rows, retain_time_s)
            self._evict()

    def pressure(self, queued_bytes: int = 0) -> float:
        """How full the buffer is, 1.0 = at its limit. Always 0 without a sink: a ring evicts instead."""
        if not self._sinks:
            return 0.0
        floor = self._floor() if self._hidden is None else {}
        kept = [s for s in list(self._filling.segments) if not (s.sealed and below(s, floor))]
        held = sum(s.bytes for s in kept) + queued_bytes
        own = self.retention.share(held, sum(s.rows for s in kept))
        if held < min(self.retention.segment_bytes, self._budget.limit_bytes // 16):
            return own                      # the process-wide limit never stops a source that holds next to nothing
        return max(own, (self._budget.used_bytes() + queued_bytes) / self._budget.limit_bytes)

    def _evict(self) -> None:
        """Drop the oldest segments that nobody waits for, while a limit is exceeded."""
        if self._hidden is not None:
            return
        with self._structure:
            gone: list[Segment] = []
            kept_bytes, kept_rows = self._shown.bytes, self._shown.rows
            others = self._budget.used_bytes() - kept_bytes
            for segment in self._evictable():
                crowded = others + kept_bytes > self._budget.limit_bytes or self.retention.exceeded(kept_bytes, kept_rows)
                if not crowded and not self.retention.expired(segment, self._clock()):
                    break
                gone.append(segment)
                kept_bytes, kept_rows = kept_bytes - segment.bytes, kept_rows - segment.rows
            if gone:
                self.evicted_rows += sum(s.rows for s in gone)
                self._drop(gone)

    def _evictable(self) -> list[Segment]:
        if not self._sinks:
            return self._shown.sealed
        floor = self._floor()
        return [s for s in self._shown.sealed if below(s, floor)]

    def _drop(self, gone: Sequence[Segment]) -> None:
        before = list(self._shown.segments), dict(self._shown.start)
        self._shown.drop(gone)
        try:
            with self._shelf.change() as shelf:
                shelf.put(self._views())
                shelf.drop_tables(gone)
        except BaseException:
            self._shown.segments, self._shown.start = before
            raise

    def restart(self, positions: Positions) -> None:
        """Empty the buffer and begin again at these positions. Only without a sink."""
        with self.appending, self._structure:
            if self._sinks:
                raise InternalError(f"{self.source}: the buffer of a source with a sink is not emptied")
            gone, self._shown = self._shown.segments, Generation()
            self._shown.cover(positions)
            self._seeks.update(positions)
            with self._shelf.change() as shelf:
                shelf.put(self._views())
                shelf.drop_tables(gone)

    def forget(self, tps: Sequence[TP]) -> None:
        """These partitions are read no further, and their rows are shown no more."""
        with self.appending, self._structure:
            self._seal(self._filling)
            for generation in (self._shown, self._filling):
                for tp in tps:
                    generation.forget(tp)
            self._forgotten.update(dict.fromkeys(tps, _EVERYTHING))
            self._show()

    # ---- sinks ----------------------------------------------------------------------------------------------------

    def attach(self, outlet: Outlet) -> None:
        """From here on nothing that this sink has not committed is evicted."""
        with self.appending, self._structure:
            if outlet.sink in self._sinks:
                raise InternalError(f"sink {outlet.sink} is attached already")
            sink = _Sink(outlet)
            if outlet.select is not None:
                rows = views.branches((), self._shown_columns, {}, multi_topic=self._multi_topic)
                sink.gives = self._shelf.describe(views.selected("*", self.source, outlet.select, rows))
            self._sinks[outlet.sink] = sink

    def detach(self, sink: str) -> None:
        with self.appending, self._structure:
            state = self._sinks.pop(sink, None)
            if state is None:
                return
            if self._hidden is not None:
                self._abandon_hidden()
            if state.outlet.select is not None:
                self._shelf.drop_views(state.outlet.name)
            else:
                with self._shelf.change() as shelf:
                    shelf.put(self._views())
                    shelf.drop_lake(state.outlet.name)
            self._evict()

    def publish(self, *, sink: str, cut: Positions, lake: Lake, drop: Sequence[Segment] = (), rewound: bool = False) -> bool:
        """See BufferApi. `rewound`: a statement moved the sink's position back, so a cut below the published one is right."""
        failpoint("publish.before_begin")
        state = self._sinks[sink]
        _check(state, cut, lake, drop, rewound=rewound)
        with self._structure:
            done = self._hidden is None and self._covers(self._shown, cut)
            if done:
                self._want(state, cut, lake, lambda: self._hand_over(self._shown))
        if not done:
            with self.appending, self._structure:
                done = self._want(state, cut, lake, self._move_to_cut)
        failpoint("publish.after_commit")
        return done

    @staticmethod
    def _want(state: _Sink, cut: Positions, lake: Lake, act: Callable[[], bool]) -> bool:
        """Whoever called publish tries again after an error; nothing is left to be done behind its back."""
        state.wanted = (dict(cut), lake)
        try:
            return act()
        except BaseException:
            state.wanted = None
            raise

    def _move_to_cut(self) -> bool:
        """The cut is not covered: stand at it where it is ahead, read from it where it is behind."""
        behind = [tp for tp in self._shown.start if any(self._is_behind(s, tp) for s in self._sinks.values())]
        if behind and self._hidden is None:
            self._begin_hidden({tp: min([self._shown.start[tp], *self._targets(tp)]) for tp in self._shown.start})
        self._skip_ahead()
        if self._hidden is not None:
            self._drop_committed_hidden()
            return self._swap()
        if not all(self._covers(self._shown, s.wanted[0]) for s in self._sinks.values() if s.wanted):
            return False                    # rows that another view needs are still to come
        return self._hand_over(self._shown)

    def _targets(self, tp: TP) -> list[int]:
        return [target[tp] for s in self._sinks.values() if (target := s.target()) is not None and target.get(tp, -1) >= 0]

    def _is_behind(self, sink: _Sink, tp: TP) -> bool:
        return sink.wanted is not None and 0 <= sink.wanted[0].get(tp, -1) < self._shown.start[tp]

    def _covers(self, generation: Generation, cut: Positions) -> bool:
        return all(generation.start[tp] <= at <= generation.decoded[tp] for tp, at in cut.items() if at >= 0 and tp in generation.decoded)

    def _skip_ahead(self) -> None:
        """Where every sink has committed more than is decoded, and the lake backs the source's own name, leave out what lies between."""
        if not any(s.outlet.select is None and s.target() is not None for s in self._sinks.values()):
            return
        filling = self._filling
        ahead = {}
        for tp, decoded in filling.decoded.items():
            targets = self._targets(tp)
            if len(targets) == len(self._sinks) and min(targets) > decoded:
                ahead[tp] = min(targets)
        if ahead:
            self._seal(filling)
            filling.skip_to(ahead)
            self._seeks.update(ahead)

    def _hand_over(self, generation: Generation, replaced: Sequence[Segment] = ()) -> bool:
        """Publish what the sinks want, over the segments of `generation`, and drop what nobody needs: one transaction."""
        before = self._shown, [(s, s.cut, s.lake, s.columns, s.wanted) for s in self._sinks.values()], self._shown_columns
        if generation is not self._shown:
            self._shown, self._shown_columns = generation, self.columns
        try:
            with self._shelf.change() as shelf:
                for sink in self._sinks.values():
                    self._take_wanted(sink)
                gone = self._committed()
                shelf.put(self._views(without=gone))
                failpoint("publish.after_views")
                shelf.drop_tables([*gone, *replaced])
                failpoint("publish.after_drop")
        except BaseException:
            self._shown, _, self._shown_columns = before
            for sink, cut, lake, columns, wanted in before[1]:
                sink.cut, sink.lake, sink.columns, sink.wanted = cut, lake, columns, wanted
            raise
        self._shown.drop(gone)
        return True

    def _take_wanted(self, sink: _Sink) -> None:
        if sink.wanted is None:
            return
        cut, lake = sink.wanted
        name = sink.outlet.name
        known = sink.lake is not None and sink.lake.columns == lake.columns and sink.lake.metadata_location is not None
        self._shelf.put({f"lake|{name}": views.lake(name, lake)})
        if lake.metadata_location is None:
            sink.columns = views.payload_first(lake.columns)
        elif not known:                     # one type on both sides: the lake's, as DuckDB reads it
            sink.columns = self._shelf.describe(f"memory.lake.{quote(name)}")
        sink.cut, sink.lake, sink.wanted = cut, lake, None

    def _committed(self) -> list[Segment]:
        """Sealed segments that every sink has in its lake. Without a FROM sink they stay, as the ring that backs the source's name."""
        if not any(s.outlet.select is None for s in self._sinks.values()):
            return []
        floor = self._floor()
        return [s for s in self._shown.sealed if below(s, floor)]

    def _floor(self) -> dict[TP, int]:
        """Per partition the position that every sink has committed and published."""
        cuts = [s.cut or {} for s in self._sinks.values()]
        return {tp: min(cut.get(tp, 0) for cut in cuts) for tp in self._shown.decoded} | self._forgotten

    # ---- the second generation ------------------------------------------------------------------------------------

    def reread(self, positions: Positions, columns: Sequence[Column] | None = None) -> None:
        """Read again from these positions, under other columns if given; views change when that has caught up with what they show."""
        with self.appending, self._structure:
            if self._hidden is not None:
                self._abandon_hidden()
            if columns is not None:
                self.set_columns(columns, shown=False)
            self._begin_hidden({tp: positions.get(tp, start) for tp, start in self._shown.start.items()})

    def set_columns(self, columns: Sequence[Column], *, shown: bool = True) -> None:
        """Later segments have these columns. `shown`: so has the source's view, where no table decides."""
        with self.appending, self._structure:
            self._seal(self._filling)
            self.columns = tuple(columns)
            self._meter = Meter(self.columns)
            if shown:
                self._shown_columns = self.columns
                self._show()

    def reading_gap(self) -> dict[TP, tuple[int, int]]:
        """[from, to) that is still read before a hand-over can happen."""
        hidden, shown = self._hidden, self._shown
        if hidden is None:
            return {}
        return {tp: (at, shown.decoded[tp]) for tp, at in dict(hidden.decoded).items() if at < shown.decoded.get(tp, 0)}

    def _begin_hidden(self, positions: Positions) -> None:
        self._seal(self._shown)
        self._hidden = Generation()
        self._hidden.cover(positions)
        self._seeks.update(positions)

    def _abandon_hidden(self) -> None:
        hidden, self._hidden = self._hidden, None
        if hidden is None:
            return
        with self._shelf.change() as shelf:
            shelf.drop_tables(hidden.segments)
        for tp in hidden.decoded:
            self._shown.cover({tp: hidden.start[tp]})
        self._seeks.update(self._shown.decoded)

    def _drop_committed_hidden(self) -> None:
        """Segments that a sink has already committed from the hidden generation are in its lake, which will be published."""
        hidden = self._hidden
        if hidden is None or not self._sinks:
            return
        targets = [s.target() or {} for s in self._sinks.values()]
        floor = {tp: min(t.get(tp, 0) for t in targets) for tp in hidden.decoded}
        gone = [s for s in hidden.sealed if below(s, floor)]
        if gone:
            hidden.drop(gone)
            with self._shelf.change() as shelf:
                shelf.drop_tables(gone)

    def _try_swap(self) -> None:
        """From the ingest thread: an unreadable lake must not stop ingestion, it is tried again."""
        waiting = self._hidden is not None or any(s.wanted for s in self._sinks.values())
        if not waiting or self._clock() < self._retry_at:
            return
        try:
            with self._structure:
                if self._hidden is not None:
                    self._swap()
                elif all(self._covers(self._shown, s.wanted[0]) for s in self._sinks.values() if s.wanted):
                    self._hand_over(self._shown)
        except Error:
            self._retry_at = self._clock() + 1.0

    def _swap(self) -> bool:
        """Show the hidden generation when no row would vanish and every wanted cut is covered."""
        hidden, shown = self._hidden, self._shown
        if hidden is None or any(hidden.decoded[tp] < at for tp, at in shown.decoded.items() if tp in hidden.decoded):
            return False
        if not all(self._covers(hidden, t) for s in self._sinks.values() if (t := s.target()) is not None):
            return False
        self._hand_over(hidden, replaced=shown.segments)
        self._hidden = None
        return True

    # ---- what readers see -----------------------------------------------------------------------------------------

    def _show(self) -> None:
        with self._structure, self._shelf.change() as shelf:
            shelf.put(self._views())

    def _views(self, without: Sequence[Segment] = ()) -> dict[str, str]:
        """The text of every view but the lakes, by key."""
        gone = {s.number for s in without}
        segments = [s for s in self._shown.segments if s.number not in gone]
        own = next((s for s in self._sinks.values() if s.outlet.select is None and s.lake is not None), None)
        columns = own.columns if own else self._shown_columns
        cut = (own.cut or {}) if own else {}
        text = views.live(self.source, segments, columns, cut | self._forgotten, multi_topic=self._multi_topic)
        texts = self._name(self.source, text, columns, with_lake=own is not None)
        for sink in self._sinks.values():
            if sink.outlet.select is not None and sink.lake is not None:
                texts |= self._selected(sink, segments)
        return texts

    def _selected(self, sink: _Sink, segments: Sequence[Segment]) -> dict[str, str]:
        name, select = sink.outlet.name, sink.outlet.select or ""
        rows = views.branches(segments, self._shown_columns, (sink.cut or {}) | self._forgotten, multi_topic=self._multi_topic)
        text = views.live_selected(name, self.source, select, sink.gives, sink.columns, rows)
        return self._name(name, text, sink.columns, with_lake=True)

    @staticmethod
    def _name(name: str, live: str, columns: Sequence[Column], *, with_lake: bool) -> dict[str, str]:
        return {f"live|{name}": live, f"union|{name}": views.union(name, columns, with_lake=with_lake), f"macro|{name}": views.macro(name)}

    # ---- flush ----------------------------------------------------------------------------------------------------

    def sealed(self, sink: str | None = None) -> list[Segment]:
        """Sealed segments, oldest first, without those that the sink has committed."""
        cut = (self._sinks[sink].target() or {}) if sink is not None else {}
        return [s for s in self._filling.sealed if not below(s, cut)]

    def pending(self, sink: str) -> tuple[int, int]:
        """(rows, bytes) that the sink has not committed, the open segment included."""
        cut = self._sinks[sink].target() or {}
        kept = [s for s in list(self._filling.segments) if not below(s, cut)]
        return sum(s.rows for s in kept), sum(s.bytes for s in kept)

    def published(self, sink: str) -> bool:
        """Whether the views show the sink's table up to the newest cut that was asked for."""
        state = self._sinks[sink]
        return state.cut is not None and state.wanted is None

    # ---- numbers --------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        return self._shown.rows

    @property
    def bytes(self) -> int:
        return self.held_bytes()

    def held_bytes(self) -> int:
        hidden = self._hidden
        return self._shown.bytes + (hidden.bytes if hidden is not None else 0)

    @property
    def oldest_us(self) -> int | None:
        return min((s.oldest_us for s in list(self._shown.segments) if s.oldest_us is not None), default=None)

    @property
    def newest_us(self) -> int | None:
        return max((s.newest_us for s in list(self._shown.segments) if s.newest_us is not None), default=None)

    @property
    def has_sink(self) -> bool:
        return bool(self._sinks)

    def partitions(self) -> dict[TP, PartitionState]:
        shown = self._shown
        segments = list(shown.segments)
        floor = self._floor() if self._sinks else None
        return {tp: PartitionState(shown.start[tp], at, floor.get(tp) if floor is not None else None,
                                   sum(s.ranges[tp].rows for s in segments if tp in s.ranges))
                for tp, at in dict(shown.decoded).items() if tp in shown.start}

    def close(self) -> None:
        """Views, macros and segments go."""
        with self.appending, self._structure:
            names = [self.source, *(s.outlet.name for s in self._sinks.values() if s.outlet.select is not None)]
            for name in names:
                self._shelf.drop_views(name)
            segments = [*self._shown.segments, *(self._hidden.segments if self._hidden else ())]
            with self._shelf.change() as shelf:
                shelf.drop_tables(segments)
            self._shown, self._hidden, self._sinks = Generation(), None, {}
            self._shelf.close()


def _check(state: _Sink, cut: Positions, lake: Lake, drop: Sequence[Segment], *, rewound: bool) -> None:
    back = [tp for tp, at in (state.cut or {}).items() if cut.get(tp, -1) < at]
    if back and not rewound:
        topic, partition = back[0]
        raise ConflictError(f"ROLLED_BACK: {lake.table_name or state.outlet.name} stands at {topic}[{partition}]@{cut.get(back[0], -1)}, "
                            f"below the published {(state.cut or {})[back[0]]}", hint="SHOW SINKS names the statement that resolves it")
    if any(not below(s, cut) for s in drop):
        raise InternalError("a segment was to be dropped that holds rows above the cut")


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        return                              # the error ended the transaction already
