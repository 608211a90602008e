"""What one commit takes from the buffer: ranges, rows and bad records of sealed segments, cut to what the table lacks.

Invariant: the lower bound of every range is the position the table had when it was last read; a commit whose table has moved on is
refused there, and the batch is made again from here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from kshell.buffer import TP, BadRow, Segment, views
from kshell.columns import HEADERS, KEY, OFFSET, PARTITION, TIMESTAMP, TOPIC, VALUE, Column, literal, quote
from kshell.errors import InternalError
from kshell.iceberg import Range


@dataclass(frozen=True, slots=True)
class Piece:
    """Segments that are committed together and the bounds `[lo, hi)` of each partition in them."""

    segments: tuple[Segment, ...]
    bounds: Mapping[TP, tuple[int, int]]
    bad: tuple[BadRow, ...]

    @property
    def moves(self) -> bool:
        """Whether anything but control records lies in the bounds."""
        return bool(self.bad) or any(s.rows for s in self.segments)


def take(segments: Sequence[Segment], next_offset: Mapping[TP, int], *, most_bytes: int) -> Piece | None:
    """The oldest segments up to about `most_bytes` (at least one), from the table's next offsets on. None: nothing moves."""
    chosen: list[Segment] = []
    held = 0
    for segment in segments:
        if chosen and held + segment.bytes > most_bytes:
            break
        chosen.append(segment)
        held += segment.bytes
    bounds = _bounds(chosen, next_offset)
    if not bounds:
        return None
    bad = tuple(b for s in chosen for b in s.bad if _inside(bounds, (b.topic, b.partition), b.offset))
    return Piece(tuple(chosen), bounds, bad)


def _bounds(segments: Sequence[Segment], next_offset: Mapping[TP, int]) -> dict[TP, tuple[int, int]]:
    """Positions may only move over offsets that a segment covers: whatever lies in a hole would be lost without a word."""
    bounds: dict[TP, tuple[int, int]] = {}
    for segment in segments:
        for tp, part in segment.ranges.items():
            lo, reached = bounds.get(tp) or (next_offset.get(tp, 0),) * 2
            if part.hi <= reached:
                continue
            if part.lo > reached:
                raise InternalError(f"{tp[0]}[{tp[1]}]: the table stands at {reached}, and the buffer holds it from {part.lo} on",
                                    hint="nothing is lost: DROP SINK, and the same CREATE SINK reads from the table's position on")
            bounds[tp] = (lo, part.hi)
    return bounds


def _inside(bounds: Mapping[TP, tuple[int, int]], tp: TP, offset: int) -> bool:
    lo, hi = bounds.get(tp, (0, 0))
    return lo <= offset < hi


_TIME = pa.timestamp("us", tz="UTC")
_ERROR_ROWS = pa.schema([
    (TOPIC, pa.string()), (PARTITION, pa.int32()), (OFFSET, pa.int64()), (TIMESTAMP, _TIME), (KEY, pa.binary()),
    (HEADERS, pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))), (VALUE, pa.binary()), ("schema_id", pa.int32()),
    ("code", pa.string()), ("message", pa.string()), ("seen_at", _TIME)])


def error_rows(bad: Sequence[BadRow]) -> pa.Table:
    """Bad records as rows of <table>__errors, key and value as received."""
    return pa.Table.from_pylist([error_row(b) for b in bad], schema=_ERROR_ROWS)


def error_row(bad: BadRow) -> dict[str, object]:
    headers = None if bad.headers is None else [{"key": k, "value": v} for k, v in bad.headers]
    return {TOPIC: bad.topic, PARTITION: bad.partition, OFFSET: bad.offset, TIMESTAMP: bad.timestamp_us, KEY: bad.key, HEADERS: headers,
            VALUE: bad.value, "schema_id": bad.schema_id, "code": bad.code, "message": bad.message, "seen_at": bad.seen_at_us}


class PieceReader:
    """Reads a piece on the flusher's own cursor. `judged`: offsets whose verdict the error table already holds; they are no rows."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, piece: Piece, columns: Sequence[Column], *, topic: str | None,
                 judged: Collection[tuple[str, int, int]] = (), sort_by: Sequence[str] = (), over: tuple[str, str] | None = None) -> None:
        self._over = over                     # (source, query) of an AS SELECT sink; None: the rows as they are
        self._cursor = cursor
        self._piece = piece
        self._columns = columns
        self._topic = topic                   # the only topic; None: the rows carry theirs
        self._judged = judged
        self._sort_by = sort_by

    def ranges(self) -> dict[TP, Range]:
        """The bounds with the number of rows in each."""
        counted = self._counts()
        return {tp: Range(lo, hi, counted.get(tp, 0)) for tp, (lo, hi) in self._piece.bounds.items()}

    def rows(self) -> pa.Table:
        order = f" ORDER BY {', '.join(self._sort_by)}" if self._sort_by else ""
        chosen = ", ".join(quote(c.name) for c in self._columns)
        return self._cursor.sql(f"SELECT {chosen} FROM ({self._union()}){order}").to_arrow_table()

    def _counts(self) -> dict[TP, int]:
        by = f"{quote(TOPIC)}, {quote(PARTITION)}" if self._topic is None else f"{literal(self._topic)}, {quote(PARTITION)}"
        found = self._cursor.sql(f"SELECT {by}, count(*) FROM ({self._union()}) GROUP BY ALL").fetchall()
        return {(topic, partition): n for topic, partition, n in found}

    def _union(self) -> str:
        where = " OR ".join(self._within(tp, lo, hi) for tp, (lo, hi) in self._piece.bounds.items())
        # older segments lack columns that came later, and hold narrower types
        wanted = self._piece.segments[-1].columns if self._over else self._columns
        but = f" AND NOT ({' OR '.join(self._is(*j) for j in sorted(self._judged))})" if self._judged else ""
        rows = " UNION ALL ".join(f"SELECT {views.shape(s.columns, wanted)} FROM {s.relation} WHERE ({where}){but}"
                                  for s in self._piece.segments)
        return views.selected("*", *self._over, rows) if self._over else rows

    def _within(self, tp: TP, lo: int, hi: int) -> str:
        return f"({self._at(tp)} AND {quote(OFFSET)} >= {lo} AND {quote(OFFSET)} < {hi})"

    def _is(self, topic: str, partition: int, offset: int) -> str:
        return f"({self._at((topic, partition))} AND {quote(OFFSET)} = {offset})"

    def _at(self, tp: TP) -> str:
        of_topic = f"{quote(TOPIC)} = {literal(tp[0])} AND " if self._topic is None else ""
        return f"{of_topic}{quote(PARTITION)} = {tp[1]}"
