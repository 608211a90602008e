"""What is settled before a parcel is decoded: columns that the table must have first, and records that have to wait.

Invariant: nothing is decoded here and no position moves. Of each partition the part before its first waiting record goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kshell.buffer.values import TP
from kshell.columns import OFFSET, Column
from kshell.decode import Decoder
from kshell.errors import Error
from kshell.ingest.parcel import Parcel

MOST_ROUNDS = 8                               # of proposals for one parcel; what is still missing then has no column

# The decoder to go on with once the columns are there, or None where nothing changes; an Error where that cannot be told now.
Evolve = Callable[[Decoder, tuple[Column, ...]], Decoder | None]


@dataclass(frozen=True, slots=True)
class Settled:
    """`ready` may be decoded by `decoder`; of the partitions in `parked` the record at that offset waits."""

    ready: Parcel
    decoder: Decoder
    parked: Mapping[TP, tuple[int, str]] = field(default_factory=dict)


class Settling:
    def __init__(self, evolve: Evolve | None, take: Callable[[Decoder, Decoder], Decoder]) -> None:
        self._evolve = evolve
        self._take = take                     # (asked with, to go on with) -> the decoder in use afterwards

    def settle(self, parcel: Parcel, decoder: Decoder) -> Settled:
        parked: dict[TP, tuple[int, str]] = {}
        asked: tuple[Column, ...] = ()
        for _ in range(MOST_ROUNDS):
            if parcel.batch is None:
                break
            prepared = decoder.prepare(parcel.batch)
            if prepared.waiting:
                first = _first(parcel, prepared.waiting)
                parked |= first
                parcel = before(parcel, first)
                continue                      # what the rows that are left want may be less
            if self._evolve is None or not prepared.proposal or prepared.proposal == asked:
                break
            asked = prepared.proposal
            try:
                found = self._evolve(decoder, asked)
            except Error as error:
                first = _wanting(parcel, decoder, error.message)
                parked |= first
                parcel = before(parcel, first)
                continue
            if found is None:
                break
            decoder = self._take(decoder, found)
        return Settled(parcel, decoder, parked)


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


def _wanting(parcel: Parcel, decoder: Decoder, reason: str) -> dict[TP, tuple[int, str]]:
    """The partitions whose records want columns that cannot be had, each from the beginning of what came."""
    wanting = {}
    for tp, (lo, hi) in parcel.spans.items():
        batch = parcel.within({tp: (lo, hi)}).batch
        if batch is not None and decoder.prepare(batch).proposal:
            wanting[tp] = (lo, reason)
    return wanting or {tp: (lo, reason) for tp, (lo, _) in parcel.spans.items()}
