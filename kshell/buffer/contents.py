"""What a buffer holds at this moment: generations, the sinks' cuts, and the views over them. `Buffer` fills it, `Handover` moves its cut.

Locks, always taken in this order: `appending` (the segment being filled: append, seal, positions), `structure` (which segments and
views there are), `engine.publish_lock` (inside the shelf). Invariant: one generation is shown, and only the newest is filled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kshell.buffer import views
from kshell.buffer.generation import Generation, below
from kshell.buffer.shelf import Shelf
from kshell.buffer.values import TP, Lake, Outlet, Positions, Segment
from kshell.columns import Column
from kshell.testing import failpoint


@dataclass(slots=True)
class Sink:
    """What a sink has published, and what it wants published."""

    outlet: Outlet
    gives: tuple[Column, ...] = ()          # of an AS SELECT sink: what its query gives
    cut: dict[TP, int] | None = None        # published; None: not yet
    lake: Lake | None = None
    columns: tuple[Column, ...] = ()        # of both sides, with the lake's types
    wanted: tuple[dict[TP, int], Lake] | None = None    # to be published when covered

    def target(self) -> dict[TP, int] | None:
        return self.wanted[0] if self.wanted else self.cut

    @property
    def backs_source(self) -> bool:
        return self.outlet.select is None


@dataclass(slots=True)
class Contents:
    source: str
    columns: tuple[Column, ...]             # of segments that are begun from here on
    shown_columns: tuple[Column, ...]       # of the source's view, where no table decides
    multi_topic: bool
    shelf: Shelf
    clock: Callable[[], float]
    shown: Generation = field(default_factory=Generation)
    hidden: Generation | None = None        # being read for a sink, listed by no view
    sinks: dict[str, Sink] = field(default_factory=dict)
    forgotten: dict[TP, int] = field(default_factory=dict)     # a cut above everything
    seeks: dict[TP, int] = field(default_factory=dict)         # where the reader has to go
    again: set[TP] = field(default_factory=set)                # offsets shown stand for other records in Kafka: nothing waits for them
    appending: threading.RLock = field(default_factory=threading.RLock)
    structure: threading.RLock = field(default_factory=threading.RLock)
    _number: int = 0

    @property
    def filling(self) -> Generation:
        return self.hidden if self.hidden is not None else self.shown

    # ---- segments

    def begin(self, generation: Generation) -> Segment:
        """A further segment, listed from its creation."""
        with self.structure:
            self._number += 1
            segment = Segment(self._number, f"{self.source}_{self._number}", self.columns, self.clock())
            generation.begin(segment)
            try:
                with self.shelf.change() as shelf:
                    shelf.create(views.create_segment(segment.table, segment.columns))
                    shelf.put(self.views())
            except BaseException:
                generation.segments.remove(segment)
                raise
            return segment

    def seal(self, generation: Generation) -> Segment | None:
        """Close the open segment over everything decoded. None: nothing moved since the last one."""
        if not generation.moved():
            return None
        if generation.open is None:
            self.begin(generation)
        segment = generation.seal()
        failpoint("buffer.after_seal")
        return segment

    def close(self, generation: Generation) -> None:
        """Seal the open segment, or drop it where an append that was taken back has left it empty."""
        if self.seal(generation) is None and (empty := generation.open) is not None:
            with self.structure:
                generation.segments.remove(empty)
                with self.shelf.change() as shelf:
                    shelf.put(self.views())
                    shelf.drop_tables([empty])

    # ---- cuts

    def floor(self) -> dict[TP, int]:
        """Per partition the position that every sink has committed and published."""
        cuts = [s.cut or {} for s in self.sinks.values()]
        return {tp: min((cut.get(tp, 0) for cut in cuts), default=0) for tp in self.shown.decoded} | self.forgotten

    def committed(self) -> list[Segment]:
        """Sealed segments that every sink has in its lake. Without a FROM sink they stay, as the ring that backs the source's name."""
        if not any(s.backs_source for s in self.sinks.values()):
            return []
        floor = self.floor()
        return [s for s in self.shown.sealed if below(s, floor)]

    def targets(self, tp: TP) -> list[int]:
        return [target[tp] for s in self.sinks.values() if (target := s.target()) is not None and target.get(tp, -1) >= 0]

    def to_read(self) -> dict[TP, tuple[int, int]]:
        """[from, to) that the hidden generation lacks of what is shown."""
        hidden, shown = self.hidden, self.shown
        if hidden is None:
            return {}
        return {tp: (at, shown.decoded[tp]) for tp, at in dict(hidden.decoded).items()
                if tp not in self.again and at < shown.decoded.get(tp, 0)}

    # ---- what readers see

    def _own(self) -> Sink | None:
        """The sink whose lake backs the source's own name."""
        return next((s for s in self.sinks.values() if s.backs_source and s.lake is not None), None)

    def shown_cut(self) -> dict[TP, int]:
        """Where the live side begins under the source's own name."""
        own = self._own()
        return ((own.cut or {}) if own else {}) | self.forgotten

    def show(self) -> None:
        with self.structure, self.shelf.change() as shelf:
            shelf.put(self.views())

    def views(self, without: Sequence[Segment] = ()) -> dict[str, str]:
        """The text of every view but the lakes, by key."""
        gone = {s.number for s in without}
        segments = [s for s in self.shown.segments if s.number not in gone]
        own = self._own()
        columns = own.columns if own else self.shown_columns
        text = views.live(self.source, segments, columns, self.shown_cut(), multi_topic=self.multi_topic)
        texts = _named(self.source, text, columns, with_lake=own is not None)
        for sink in self.sinks.values():
            if sink.outlet.select is not None and sink.lake is not None:
                texts |= self._selected(sink, sink.outlet.select, segments)
        return texts

    def _selected(self, sink: Sink, select: str, segments: Sequence[Segment]) -> dict[str, str]:
        rows = views.branches(segments, self.shown_columns, (sink.cut or {}) | self.forgotten, multi_topic=self.multi_topic)
        text = views.live_selected(sink.outlet.name, self.source, select, sink.gives, sink.columns, rows)
        return _named(sink.outlet.name, text, sink.columns, with_lake=True)


def _named(name: str, live: str, columns: Sequence[Column], *, with_lake: bool) -> dict[str, str]:
    return {f"live|{name}": live, f"union|{name}": views.union(name, columns, with_lake=with_lake), f"macro|{name}": views.macro(name)}


def covers(generation: Generation, cut: Positions) -> bool:
    """start <= cut <= decoded for every partition that both know."""
    return all(generation.start[tp] <= at <= generation.decoded[tp] for tp, at in cut.items() if at >= 0 and tp in generation.decoded)
