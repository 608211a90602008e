"""A generation: segments whose ranges join, from `start` to `decoded` of each partition. No SQL, no locks.

A buffer shows one. A second one exists only while offsets below the shown one are being read for a sink.
Invariant, per partition: start <= decoded, and the segments' ranges tile [start, decoded)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kshell.buffer.values import TP, BadRow, Positions, Range, Segment
from kshell.errors import InternalError


@dataclass(frozen=True, slots=True)
class Filled:
    """What an append put into a segment."""

    rows: Mapping[TP, int]
    arrow_bytes: int                        # of the rows, as the meter says
    oldest_us: int | None = None
    newest_us: int | None = None
    bad: Sequence[BadRow] = ()


@dataclass(slots=True)
class Generation:
    segments: list[Segment] = field(default_factory=list)      # oldest first; the last may be open
    start: dict[TP, int] = field(default_factory=dict)         # first offset covered
    decoded: dict[TP, int] = field(default_factory=dict)       # position after the last record that is in
    newest_us: int | None = None                               # of everything decoded, also of segments that are gone
    _joint: dict[TP, int] = field(default_factory=dict)        # where the ranges of the open segment, or of the next, begin
    _arrow_bytes: int = 0                                      # of the open segment

    def cover(self, positions: Positions) -> None:
        """Begin with partitions that are not known yet."""
        for tp, position in positions.items():
            if tp not in self.decoded:
                self.start[tp] = self.decoded[tp] = self._joint[tp] = position

    @property
    def open(self) -> Segment | None:
        last = self.segments[-1] if self.segments else None
        return last if last is not None and not last.sealed else None

    @property
    def sealed(self) -> list[Segment]:
        return [s for s in list(self.segments) if s.sealed]

    @property
    def rows(self) -> int:
        return sum(s.rows for s in list(self.segments))

    @property
    def bytes(self) -> int:
        return sum(s.bytes for s in list(self.segments))

    def begin(self, segment: Segment) -> None:
        if self.open is not None:
            raise InternalError("a segment is begun while another is open")
        self.segments.append(segment)
        self._arrow_bytes = 0

    def record(self, ranges: Mapping[TP, tuple[int, int]], filled: Filled, table_bytes: Callable[[int, int], int]) -> None:
        """The open segment has taken these ranges, which begin where the partitions stand."""
        segment = self._opened()
        self.advance(ranges)
        grown = dict(segment.ranges)        # replaced, never changed: a hand-over may be reading it
        for tp, (_, hi) in ranges.items():
            before = grown.get(tp) or Range(self._joint[tp], hi, 0)
            grown[tp] = Range(before.lo, hi, before.rows + filled.rows.get(tp, 0))
        segment.ranges = grown
        segment.rows += sum(filled.rows.values())
        self._arrow_bytes += filled.arrow_bytes
        segment.bad.extend(filled.bad)
        segment.bytes = table_bytes(self._arrow_bytes, segment.rows) + sum(b.bytes for b in segment.bad)
        segment.oldest_us = _best(min, segment.oldest_us, filled.oldest_us)
        segment.newest_us = _best(max, segment.newest_us, filled.newest_us)
        self.newest_us = _best(max, self.newest_us, filled.newest_us)

    def advance(self, ranges: Mapping[TP, tuple[int, int]]) -> None:
        """Positions moved over offsets that hold no row. They become part of the segment that is sealed next."""
        for tp, (lo, hi) in ranges.items():
            if lo != self.decoded.get(tp) or hi < lo:
                raise InternalError(f"{tp[0]}[{tp[1]}]: a range [{lo}, {hi}) does not join {self.decoded.get(tp)}")
            self.decoded[tp] = hi

    def moved(self) -> bool:
        """True when a seal has something to close."""
        return any(position > self._joint[tp] for tp, position in self.decoded.items())

    def seal(self) -> Segment:
        """Close the open segment over everything decoded."""
        segment = self._opened()
        moved = {tp: Range(self._joint[tp], hi, segment.ranges[tp].rows if tp in segment.ranges else 0)
                 for tp, hi in self.decoded.items() if hi > self._joint[tp]}
        segment.ranges = segment.ranges | moved
        self._joint.update((tp, span.hi) for tp, span in moved.items())
        segment.sealed = True
        return segment

    def skip_to(self, positions: Positions) -> None:
        """Stand at later positions, leaving out what is between. Only with no segment open."""
        if self.open is not None:
            raise InternalError("positions are skipped while a segment is open")
        for tp, position in positions.items():
            if position < self.decoded[tp]:
                raise InternalError(f"{tp[0]}[{tp[1]}]: skipping back from {self.decoded[tp]} to {position}")
            self.start[tp] = self.decoded[tp] = self._joint[tp] = position

    def drop(self, segments: Iterable[Segment]) -> None:
        """Forget sealed segments from the old end on."""
        gone = {s.number for s in segments}
        for segment in self.segments:
            if segment.number in gone:
                for tp, span in segment.ranges.items():
                    self.start[tp] = max(self.start[tp], span.hi)
        self.segments = [s for s in self.segments if s.number not in gone]

    def forget(self, tp: TP) -> None:
        for known in (self.start, self.decoded, self._joint):
            known.pop(tp, None)

    def _opened(self) -> Segment:
        segment = self.open
        if segment is None:
            raise InternalError("no segment is open")
        return segment


def rows_above(segment: Segment, cut: Positions) -> int:
    """Rows at or above the cut. Of a partition that straddles it: exact while its offsets have no holes, else by their share."""
    return sum(_above(span, cut.get(tp, 0)) for tp, span in segment.ranges.items())


def _above(span: Range, cut: int) -> int:
    left = span.hi - max(span.lo, min(cut, span.hi))
    return -(-span.rows * left // max(1, span.hi - span.lo))


def below(segment: Segment, cut: Positions) -> bool:
    """Every offset of the segment is below the cut. A partition without an entry in the cut has cut 0."""
    return all(span.hi <= cut.get(tp, 0) for tp, span in segment.ranges.items())


def _best(pick: Callable[[int, int], int], a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return a if b is None else b
    return pick(a, b)
