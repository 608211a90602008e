"""What is settled before a parcel is decoded: columns that the table must have first, and records that have to wait.

Invariant: nothing is decoded here and no position moves. Of each partition the part before its first waiting record goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from kshell.buffer.values import TP
from kshell.columns import OFFSET, Column
from kshell.decode import DOUBTS, Decoder, Prepared, with_text
from kshell.errors import Error
from kshell.ingest.parcel import Parcel

_BATCH = "kshell_settle_batch"
ROWS_OF_A_REASON, ROWS_AT_MOST = 1000, 5000   # that a decoder with SQL is asked about
MOST_ROUNDS = 8                               # of proposals for one parcel; what still wants columns then waits

# The decoder to go on with once the columns are there, or None where nothing changes; an Error where that cannot be told now.
Evolve = Callable[[Decoder, tuple[Column, ...]], Decoder | None]


@dataclass(frozen=True, slots=True)
class Settled:
    """`ready` may be decoded by `decoder`; of the partitions in `parked` the record at that offset waits."""

    ready: Parcel
    decoder: Decoder
    parked: Mapping[TP, tuple[int, str]] = field(default_factory=dict)


class Settling:
    def __init__(self, cursor: duckdb.DuckDBPyConnection, evolve: Evolve | None, take: Callable[[Decoder, Decoder], Decoder],
                 current: Callable[[], Decoder]) -> None:
        self._cursor, self._evolve, self._current = cursor, evolve, current
        self._take = take                     # (asked with, to go on with) -> the decoder in use afterwards

    def settle(self, parcel: Parcel, decoder: Decoder) -> Settled:
        parked: dict[TP, tuple[int, str]] = {}
        asked: tuple[Column, ...] = ()
        for _ in range(MOST_ROUNDS):
            if parcel.batch is None:
                break
            prepared = self._ask(decoder, parcel.batch)
            if prepared.waiting:
                first = _first(parcel, prepared.waiting)
                parked |= first
                parcel = before(parcel, first)
                continue                      # what the rows that are left want may be less
            if self._evolve is None or not prepared.proposal or prepared.proposal == asked:
                break
            try:
                found = self._evolve(decoder, prepared.proposal)
            except Error as error:
                first = self._wanting(parcel, decoder, error.message)
                parked |= first
                parcel = before(parcel, first)
                continue
            if found is None:
                break
            others = found is self._current() # somebody else has changed the columns: what these records want may not be among them
            decoder = self._take(decoder, found)
            asked = prepared.proposal if decoder is found and not others else ()
        else:
            first = self._wanting(parcel, decoder, "its columns change all the time")
            parked |= first
            parcel = before(parcel, first)
        return Settled(parcel, decoder, parked)

    def _ask(self, decoder: Decoder, batch: pa.RecordBatch) -> Prepared:
        """A decoder with SQL is asked about the rows that its look finds, of each reason the first ones."""
        if not decoder.sql or decoder.asks_all:
            return decoder.prepare(batch)
        if self._evolve is None or decoder.look(_BATCH, careful=False) is None:
            return Prepared()
        seen: Counter[str] = Counter()
        rows: list[int] = []
        for row, what in self._looked(decoder, batch):
            seen[what] += 1
            if seen[what] <= ROWS_OF_A_REASON and len(rows) < ROWS_AT_MOST:
                rows.append(row)
        return decoder.prepare(batch.take(pa.array(sorted(rows), pa.int32()))) if rows else Prepared()

    def _looked(self, decoder: Decoder, batch: pa.RecordBatch) -> list[tuple[int, str]]:
        self._cursor.register(_BATCH, with_text(batch, framed=decoder.framed))
        try:
            return self._cursor.execute(decoder.look(_BATCH, careful=False) or "").fetchall()
        except DOUBTS:
            return self._cursor.execute(decoder.look(_BATCH, careful=True) or "").fetchall()
        finally:
            self._cursor.unregister(_BATCH)

    def _wanting(self, parcel: Parcel, decoder: Decoder, reason: str) -> dict[TP, tuple[int, str]]:
        """The partitions whose records want columns that cannot be had, each from the beginning of what came."""
        wanting = {}
        for tp, (lo, hi) in parcel.spans.items():
            batch = parcel.within({tp: (lo, hi)}).batch
            if batch is not None and self._ask(decoder, batch).proposal:
                wanting[tp] = (lo, reason)
        return wanting or {tp: (lo, reason) for tp, (lo, _) in parcel.spans.items()}


def before(parcel: Parcel, first: Mapping[TP, tuple[int, str]]) -> Parcel:
    """Without the records from there on."""
    spans = {tp: (lo, min(hi, first[tp][0]) if tp in first else hi) for tp, (lo, hi) in parcel.spans.items()}
    return parcel.within({tp: (lo, hi) for tp, (lo, hi) in spans.items() if lo < hi})


def _first(parcel: Parcel, waiting: Mapping[int, str]) -> dict[TP, tuple[int, str]]:
    """The first waiting record of each partition."""
    first: dict[TP, tuple[int, str]] = {}
    for row in sorted(waiting):               # offsets of a partition rise within a batch
        tp = parcel.tp_of(row)
        if tp not in first:
            first[tp] = (parcel.batch[OFFSET][row].as_py(), waiting[row])
            if len(first) == len(parcel.spans):
                break
    return first

