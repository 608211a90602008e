"""The hand-over: after a commit readers see a row in the lake that they saw live before, in one transaction.

How a cut may stand to what is buffered:
  start <= cut <= decoded   hand over
  cut > decoded             others committed ahead: stand at the cut, then hand over
  cut < start               read [cut, ...) into a second generation that no view lists; hand over when no row would vanish by it
Whoever moves a position leaves it in `seeks`, which the reader's thread collects. A hand-over whose cut is covered does not take
`appending`, so an INSERT does not wait for the lake's metadata to be read.

Invariant, per partition: start <= cut <= committed and cut <= decoded, for what is shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from kshell.buffer import views
from kshell.buffer.contents import Contents, Sink, covers
from kshell.buffer.generation import Generation, below
from kshell.buffer.values import TP, Lake, Outlet, Positions, Segment
from kshell.columns import quote
from kshell.errors import ConflictError, Error, InternalError
from kshell.testing import failpoint

RETRY_S = 1.0                               # after a hand-over from the ingest thread failed


class Handover:
    def __init__(self, contents: Contents) -> None:
        self._c = contents
        self._retry_at = 0.0

    # ---- sinks

    def attach(self, outlet: Outlet) -> None:
        c = self._c
        with c.appending, c.structure:
            if outlet.sink in c.sinks:
                raise InternalError(f"sink {outlet.sink} is attached already")
            sink = Sink(outlet)
            if outlet.select is not None:
                rows = views.branches((), c.shown_columns, {}, multi_topic=c.multi_topic)
                sink.gives = c.shelf.describe(views.selected("*", c.source, outlet.select, rows))
            c.sinks[outlet.sink] = sink

    def detach(self, name: str) -> None:
        c = self._c
        with c.appending, c.structure:
            sink = c.sinks.pop(name, None)
            if sink is None:
                return
            if c.hidden is not None:
                self.abandon()
            if not sink.backs_source:
                c.shelf.drop_views(sink.outlet.name)
                return
            with c.shelf.change() as shelf:
                shelf.put(c.views())
                shelf.drop_lake(sink.outlet.name)

    # ---- publish

    def publish(self, name: str, cut: Positions, lake: Lake, drop: Sequence[Segment], *, rewound: bool) -> bool:
        c = self._c
        sink = c.sinks[name]
        failpoint("publish.before_begin")
        _check(sink, cut, lake, drop, rewound=rewound)
        with c.structure:
            done = c.hidden is None and covers(c.shown, cut)
            if done:
                _want(sink, cut, lake, lambda: self._hand_over(c.shown))
        if not done:
            with c.appending, c.structure:
                done = _want(sink, cut, lake, self._move_to_cut)
        failpoint("publish.after_commit")
        return done

    def _move_to_cut(self) -> bool:
        """The cut is not covered: read from it where the buffer begins later, stand at it where the buffer has not come so far."""
        c = self._c
        if any(self._behind(s, tp) for s in c.sinks.values() for tp in c.filling.start):
            self.reread({tp: min([start, *c.targets(tp)]) for tp, start in c.filling.start.items()})
        self._skip_ahead()
        if c.hidden is not None:
            self._drop_committed_hidden(c.hidden)
            return self._swap(c.hidden)
        return self._hand_over_if_covered()

    def _behind(self, sink: Sink, tp: TP) -> bool:
        return sink.wanted is not None and 0 <= sink.wanted[0].get(tp, -1) < self._c.filling.start[tp]

    def _skip_ahead(self) -> None:
        """Where every sink has committed more than is decoded, and a lake backs the source's own name, leave out what lies between."""
        c = self._c
        if not any(s.backs_source and s.target() is not None for s in c.sinks.values()):
            return
        ahead = {}
        for tp, decoded in c.filling.decoded.items():
            targets = c.targets(tp)
            if len(targets) == len(c.sinks) and min(targets) > decoded:
                ahead[tp] = min(targets)
        if ahead:
            c.close(c.filling)
            c.filling.skip_to(ahead)
            c.seeks.update(ahead)

    def _hand_over_if_covered(self) -> bool:
        """False: rows that another view needs are still to come."""
        c = self._c
        if not all(covers(c.shown, s.wanted[0]) for s in c.sinks.values() if s.wanted):
            return False
        return self._hand_over(c.shown)

    def _hand_over(self, generation: Generation, replaced: Sequence[Segment] = ()) -> bool:
        """Publish what the sinks want, over the segments of `generation`, and drop what nobody needs: one transaction."""
        c = self._c
        before = c.shown, c.shown_columns, [(s, s.cut, s.lake, s.columns, s.wanted) for s in c.sinks.values()]
        if generation is not c.shown:
            c.shown, c.shown_columns = generation, c.columns
        try:
            with c.shelf.change() as shelf:
                for sink in c.sinks.values():
                    self._take_wanted(sink)
                gone = c.committed()
                shelf.put(c.views(without=gone))
                failpoint("publish.after_views")
                shelf.drop_tables([*gone, *replaced])
                failpoint("publish.after_drop")
        except BaseException:
            c.shown, c.shown_columns = before[0], before[1]
            for sink, cut, lake, columns, wanted in before[2]:
                sink.cut, sink.lake, sink.columns, sink.wanted = cut, lake, columns, wanted
            raise
        c.shown.drop(gone)
        return True

    def _take_wanted(self, sink: Sink) -> None:
        """The lake's view, and its columns as DuckDB reads them: they decide the types of the live side."""
        if sink.wanted is None:
            return
        cut, lake = sink.wanted
        shelf, name = self._c.shelf, sink.outlet.name
        known = sink.lake is not None and sink.lake.columns == lake.columns and sink.lake.metadata_location is not None
        shelf.put({f"lake|{name}": views.lake(name, lake)})
        if lake.metadata_location is None:
            sink.columns = views.payload_first(lake.columns)
        elif not known:
            sink.columns = shelf.describe(f"memory.lake.{quote(name)}")
        sink.cut, sink.lake, sink.wanted = cut, lake, None

    # ---- the second generation

    def reread(self, positions: Positions, again: Collection[TP] = ()) -> None:
        """Fill a second generation from these positions; those left out begin where the shown one does, or where a sink needs them.
        `again`: partitions whose offsets were used again, so that the log may end below what is shown."""
        c = self._c
        if c.hidden is not None:
            self.abandon()
        c.seal(c.shown)
        hidden = Generation()
        hidden.cover({tp: positions.get(tp, min([start, *c.targets(tp)])) for tp, start in c.shown.start.items()})
        c.hidden = hidden
        c.again.update(again)
        c.seeks.update(hidden.decoded)

    def abandon(self) -> None:
        """Go on filling what is shown."""
        c = self._c
        hidden, c.hidden = c.hidden, None
        if hidden is None:
            return
        with c.shelf.change() as shelf:
            shelf.drop_tables(hidden.segments)
        c.shown.cover(hidden.start)
        c.seeks.update(c.shown.decoded)

    def retry(self) -> None:
        """From the ingest thread, as it moves on. An unreadable lake must not stop ingestion: it is tried again."""
        c = self._c
        waiting = c.hidden is not None or any(s.wanted for s in c.sinks.values())
        if not waiting or c.clock() < self._retry_at:
            return
        try:
            with c.structure:
                if c.hidden is not None:
                    self._swap(c.hidden)
                elif any(s.wanted for s in c.sinks.values()):
                    self._hand_over_if_covered()
        except Error:
            self._retry_at = c.clock() + RETRY_S

    def _drop_committed_hidden(self, hidden: Generation) -> None:
        """What a sink has committed from the hidden generation is in its lake, which will be published."""
        c = self._c
        targets = [s.target() or {} for s in c.sinks.values()]
        floor = {tp: min(t.get(tp, 0) for t in targets) for tp in hidden.decoded}
        gone = [s for s in hidden.sealed if below(s, floor)]
        if gone:
            hidden.drop(gone)
            with c.shelf.change() as shelf:
                shelf.drop_tables(gone)

    def _swap(self, hidden: Generation) -> bool:
        """Show the hidden generation when no row would vanish by it and every cut is covered."""
        c = self._c
        if c.to_read():
            return False
        if not all(covers(hidden, self._due(hidden, t)) for s in c.sinks.values() if (t := s.target()) is not None):
            return False
        self._hand_over(hidden, replaced=c.shown.segments)
        c.hidden = None
        c.again.clear()
        return True

    def _due(self, hidden: Generation, cut: Positions) -> dict[TP, int]:
        """Without what a sink that has not gone back yet has beyond the end of a log."""
        return {tp: at for tp, at in cut.items() if tp not in self._c.again or at <= hidden.decoded.get(tp, at)}


def _want(sink: Sink, cut: Positions, lake: Lake, act: Callable[[], bool]) -> bool:
    """Whoever called publish tries again after an error; nothing is left to be done behind its back."""
    sink.wanted = (dict(cut), lake)
    try:
        return act()
    except BaseException:
        sink.wanted = None
        raise


def _check(sink: Sink, cut: Positions, lake: Lake, drop: Sequence[Segment], *, rewound: bool) -> None:
    published = sink.cut or {}
    if sink.wanted is not None:                 # what was ordered back, and is still read up to what is shown
        published = {tp: min(at, sink.wanted[0].get(tp, 0)) for tp, at in published.items()}
    back = [tp for tp, at in published.items() if cut.get(tp, 0) < at]     # a partition that left the source at 0 is no step back
    if back and not rewound:
        topic, partition = back[0]
        raise ConflictError(f"ROLLED_BACK: {lake.table_name or sink.outlet.name} stands at {topic}[{partition}]@{cut.get(back[0], 0)}, "
                            f"below the published {published[back[0]]}", hint="SHOW SINKS names the statement that resolves it")
    if any(not below(s, cut) for s in drop):
        raise InternalError("a segment was to be dropped that holds rows above the cut")
