"""The rows of a source as a stream: the live buffer above a position per partition, by looks that the ingest's progress wakes.

A look reads offsets [position, visible) and no others, so a row is shown at most once, whatever moves meanwhile. It reads the live view;
where the cut or the eviction has passed a position since, it reads that range again from the view over live and lake, so a row that was
committed between two looks is shown all the same. Only a row that a ring has evicted is gone, and counted.

Invariant: a look takes at most MOST_ROWS rows and about LOOK_BYTES."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import duckdb

from kshell.columns import OFFSET, PARTITION, TIMESTAMP, TOPIC, literal, quote
from kshell.query.pace import KEPT_ROWS, Pace
from kshell.query.tail import TABLE

TP = tuple[str, int]
Ranges = dict[TP, tuple[int, int]]
LOOK_BYTES = 16_000_000
LEAST_ROWS, MOST_ROWS = 256, 65_536
PACE_S = 0.02                                 # between two looks: a look costs milliseconds whatever it brings
_ORDER = f"{quote(PARTITION)}, {quote(OFFSET)}"


class Live(Protocol):
    """What a stream needs of a source."""

    name: str
    topic: str                                # of every row, unless multi_topic
    multi_topic: bool

    def visible(self) -> Mapping[TP, int]:
        """The position after the last row that a SELECT sees."""

    def first_live(self) -> Mapping[TP, int]:
        """The first offset that the live view shows; what lies below is in a lake or evicted. Waits for a change that is under way."""

    def evicted_rows(self) -> int: ...

    def restarts(self) -> int:
        """How often the buffer was emptied and begun again elsewhere."""

    def reused(self) -> Mapping[TP, int]:
        """How often a partition's offsets were used again: its topic was made anew, or its log cut at the end."""

    def bytes_per_row(self) -> int: ...

    def wait_moved(self, seen: Mapping[TP, int], timeout_s: float) -> bool:
        """False: nothing moved. Raises the source's failure."""

    def ended(self) -> bool:
        """Nothing will ever follow."""


@dataclass(frozen=True, slots=True)
class Start:
    kind: Literal["end", "beginning", "since", "last", "at"] = "end"
    since_ms: int | None = None
    last: int | None = None
    at: Mapping[tuple[str | None, int], int] = field(default_factory=dict)      # topic None: whichever it is

    def places(self, tps: Iterable[TP], first: Mapping[TP, int]) -> dict[TP, int]:
        """Of `at`, for these partitions; one that is not in it begins at its first offset."""
        return {tp: self.at.get(tp, self.at.get((None, tp[1]), first.get(tp, 0))) for tp in tps}


class SourceFeed:
    """`side` live: only the live buffer, as in `live.orders`."""

    def __init__(self, live: Live, start: Start, *, side: Literal["both", "live"] = "both") -> None:
        self.name, self.skipped, self.done = live.name, 0, False
        self.begins: Mapping[TP, int] = {}
        self._live, self._start, self._side = live, start, side
        self._all = f"memory.main.{quote(live.name)}" if side == "both" else f"memory.live.{quote(live.name)}"
        self._at: dict[TP, int] = {}          # the next offset of each partition
        self._round: dict[TP, int] = {}       # where the current round ends
        self._pace = Pace()
        self._restarts, self._reused = 0, dict[TP, int]()
        self._evicted = 0
        self._looked_at = 0.0

    # ---- Feed

    def begin(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        described = cursor.execute(f"SELECT * FROM {self._all} LIMIT 0").description or []
        types = {str(d[0]): str(d[1]) for d in described}
        self._columns = ", ".join(f"CAST({quote(name)} AS {type_}) AS {quote(name)}" for name, type_ in types.items())
        tier = ", 'live' AS _tier" if self._side == "both" else ""
        self._sides = {"live": f"(SELECT *{tier} FROM memory.live.{quote(self.name)})", "both": f"memory.main.{quote(self.name)}"}
        self._restarts, self._reused = self._live.restarts(), dict(self._live.reused())
        self._evicted = self._live.evicted_rows()
        self._at = dict(self._live.visible())
        self._at |= self._begins(self._at)
        self.begins = dict(self._at)
        self._round = dict(self._live.visible())
        self._fill("live", {})

    def take(self, wait_s: float) -> int:
        visible = self._live.visible()
        ahead = self._ahead(visible)
        if not ahead:
            if not self._live.wait_moved(visible, wait_s):
                self.done = self._live.ended() and not self._ahead(self._live.visible())
                return 0
            self._breathe()
            visible = self._live.visible()
            ahead = self._ahead(visible)
        if self._start.kind == "end" and all(at >= self._round.get(tp, 0) for tp, at in self._at.items()):
            self._next_round(visible, ahead)
        return self._look(self._share(ahead)) if ahead else 0

    def close(self) -> None:
        self._at = {}

    # ---- where to begin

    def _begins(self, end: Mapping[TP, int]) -> dict[TP, int]:
        """Offsets to begin at; a partition that is left out begins at the end."""
        start = self._start
        below = _condition({tp: (0, at) for tp, at in end.items()}, self._live.multi_topic)
        if start.kind == "at":
            return start.places({*end, *((topic or self._live.topic, partition) for topic, partition in start.at)}, {})
        if start.kind == "end" or not end:
            return {}
        if start.kind == "last":
            return self._newest(below, start.last or 0)
        since = f" AND {quote(TIMESTAMP)} >= to_timestamp({start.since_ms} / 1000.0)" if start.kind == "since" else ""
        return self._positions(f"SELECT {self._keys()}, min({quote(OFFSET)}) FROM {self._all} WHERE {below}{since} GROUP BY ALL")

    def _newest(self, below: str, count: int) -> dict[TP, int]:
        """Exactly so many rows: the newest by time say how many of each partition, and those are its last ones."""
        keys, order = self._keys(), f"{quote(TIMESTAMP)} DESC NULLS LAST, {quote(OFFSET)} DESC"
        return self._positions(
            f"WITH seen AS (SELECT {keys}, {quote(OFFSET)} AS o, row_number() OVER (ORDER BY {order}) AS nth, "
            f"row_number() OVER (PARTITION BY t, p ORDER BY {quote(OFFSET)} DESC) AS back FROM {self._all} WHERE {below}), "
            f"share AS (SELECT t, p, count(*) AS n FROM seen WHERE nth <= {count} GROUP BY ALL) "
            "SELECT t, p, min(o) FROM seen JOIN share USING (t, p) WHERE back <= n GROUP BY ALL")

    def _positions(self, query: str) -> dict[TP, int]:
        return {(str(topic), int(partition)): int(offset) for topic, partition, offset in self._cursor.execute(query).fetchall()}

    def _keys(self) -> str:
        topic = quote(TOPIC) if self._live.multi_topic else literal(self._live.topic)
        return f"{topic} AS t, {quote(PARTITION)} AS p"

    # ---- what comes next

    def _ahead(self, visible: Mapping[TP, int]) -> Ranges:
        """Per partition what has not been shown. A partition that joins later is shown from its first offset."""
        if self._live.restarts() != self._restarts:
            self._begin_again()
        return {tp: (self._at.get(tp, 0), at) for tp, at in visible.items() if at > self._at.get(tp, 0)}

    def _begin_again(self) -> None:
        """The buffer was begun again. Offsets that stand for new records are shown; what was shown before is not shown twice."""
        self._restarts = self._live.restarts()
        reused, first = dict(self._live.reused()), self._live.first_live()
        for tp, times in reused.items():
            if times != self._reused.get(tp, 0):
                self._at[tp] = self._round[tp] = first.get(tp, 0)
        self._reused = reused

    def _next_round(self, visible: Mapping[TP, int], ahead: Ranges) -> None:
        if self._pace.falls_behind(sum(hi - lo for lo, hi in ahead.values())):
            kept = max(1, KEPT_ROWS // len(ahead))
            left_out = {tp: (lo, hi - kept) for tp, (lo, hi) in ahead.items() if hi - kept > lo}
            self.skipped += self._count("both", left_out)
            for tp, (_, to) in left_out.items():
                self._at[tp] = to
                ahead[tp] = (to, ahead[tp][1])
        self._round = dict(visible)

    def _share(self, ahead: Ranges) -> Ranges:
        """At most so many offsets of each partition that a look stays small."""
        rows = min(MOST_ROWS, max(LEAST_ROWS, LOOK_BYTES // max(1, self._live.bytes_per_row())))
        each = max(1, rows // len(ahead))
        return {tp: (lo, min(hi, lo + each)) for tp, (lo, hi) in ahead.items()}

    def _breathe(self) -> None:
        """The rest of PACE_S: a TAIL that finds nothing costs next to nothing."""
        left = PACE_S - (time.monotonic() - self._looked_at)
        if left > 0:
            time.sleep(left)

    # ---- one look

    def _look(self, ranges: Ranges) -> int:
        evicted = self._live.evicted_rows()
        found = self._fill("live", ranges)
        first = self._live.first_live()
        below = {tp: (lo, min(hi, first[tp])) for tp, (lo, hi) in ranges.items() if first.get(tp, lo) > lo}
        if below:
            found = self._fill("both", ranges)
            evicted = self._live.evicted_rows()
            self._miss(below, evicted - self._evicted)
        self._evicted = evicted
        self._at |= {tp: hi for tp, (_, hi) in ranges.items()}
        self._looked_at = time.monotonic()
        if not found:
            self._cross(ranges)
        return found

    def _fill(self, side: str, ranges: Ranges) -> int:
        where = _condition(ranges, self._live.multi_topic)
        row = self._cursor.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT {self._columns} "
                                   f"FROM {self._sides[side]} WHERE {where} ORDER BY {_ORDER}").fetchone()
        return int(row[0]) if row else 0

    def _miss(self, below: Ranges, evicted: int) -> None:
        """Rows of these offsets that no view holds any more, as far as the ring has evicted rows since; holes of the log are none."""
        if evicted:
            missing = sum(hi - lo for lo, hi in below.values()) - self._count("both", below)
            self.skipped += min(evicted, max(0, missing))

    def _count(self, side: str, ranges: Ranges) -> int:
        where = _condition(ranges, self._live.multi_topic)
        row = self._cursor.execute(f"SELECT count(*) FROM {self._sides[side]} WHERE {where}").fetchone()
        return int(row[0]) if row else 0

    def _cross(self, ranges: Ranges) -> None:
        """No row in these offsets: compaction leaves holes of any size, so go on at the next row there is."""
        wide = {tp: (self._at[tp], hi) for tp, hi in self._live.visible().items() if tp in ranges and hi > self._at[tp]}
        if not wide:
            return
        where = _condition(wide, self._live.multi_topic)
        following = self._positions(f"SELECT {self._keys()}, min({quote(OFFSET)}) FROM {self._all} WHERE {where} GROUP BY ALL")
        self._at |= {tp: following.get(tp, hi) for tp, (_, hi) in wide.items()}


def _condition(ranges: Ranges, multi_topic: bool) -> str:
    """Rows of these offsets. The bounds over all partitions stand first: they are what prunes segments and files."""
    if not ranges:
        return "false"
    low, high = min(lo for lo, _ in ranges.values()), max(hi for _, hi in ranges.values())
    each = " OR ".join(_one(tp, lo, hi, multi_topic) for tp, (lo, hi) in sorted(ranges.items()))
    return f"{quote(OFFSET)} >= {low} AND {quote(OFFSET)} < {high} AND ({each})"


def _one(tp: TP, lo: int, hi: int, multi_topic: bool) -> str:
    topic = f"{quote(TOPIC)} = {literal(tp[0])} AND " if multi_topic else ""
    return f"({topic}{quote(PARTITION)} = {tp[1]} AND {quote(OFFSET)} >= {lo} AND {quote(OFFSET)} < {hi})"
