"""A parcel: rows with the ranges they come from, and how one is cut. Pure.

Invariant: each row of a parcel lies in the span of its partition, and cutting a parcel in two gives spans that join."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kshell.buffer.values import TP
from kshell.columns import OFFSET, PARTITION, TIMESTAMP, TOPIC
from kshell.ingest.handoff import Fetched, joined


@dataclass(frozen=True, slots=True)
class Parcel:
    """`topic`: the only topic; None: the batch has a topic column."""

    batch: Any                                # pa.RecordBatch; None: only positions moved
    spans: Mapping[TP, tuple[int, int]]
    topic: str | None

    @property
    def rows(self) -> int:
        return 0 if self.batch is None else int(self.batch.num_rows)

    def rows_by_partition(self) -> dict[TP, int]:
        if self.batch is None:
            return {}
        if self.topic is not None:
            counts = pc.value_counts(self.batch[PARTITION]).to_pylist()
            return {(self.topic, c["values"]): c["counts"] for c in counts}
        keys = pa.table({TOPIC: self.batch[TOPIC], PARTITION: self.batch[PARTITION]})
        groups = keys.group_by([TOPIC, PARTITION]).aggregate([([], "count_all")]).to_pylist()
        return {(g[TOPIC], g[PARTITION]): g["count_all"] for g in groups}

    def tp_of(self, row: int) -> TP:
        batch = self.batch
        return (self.topic or batch[TOPIC][row].as_py(), batch[PARTITION][row].as_py())

    def timestamps_us(self) -> tuple[int | None, int | None]:
        """Least and greatest."""
        if self.batch is None:
            return None, None
        bounds = pc.min_max(self.batch[TIMESTAMP].cast(pa.int64()))
        return bounds["min"].as_py(), bounds["max"].as_py()

    def of(self, tp: TP) -> pa.Array:
        """Mask of the partition's rows."""
        mask = pc.equal(self.batch[PARTITION], tp[1])
        return mask if self.topic is not None else pc.and_(mask, pc.equal(self.batch[TOPIC], tp[0]))

    def within(self, spans: Mapping[TP, tuple[int, int]]) -> Parcel:
        """Only these spans, each within the parcel's own: rows outside them are left out."""
        batch = self.batch
        if batch is None or dict(spans) == dict(self.spans):
            return Parcel(batch, spans, self.topic)
        keep = pa.nulls(batch.num_rows, pa.bool_()).fill_null(False)
        for tp, (lo, hi) in spans.items():
            inside = pc.and_(pc.greater_equal(batch[OFFSET], lo), pc.less(batch[OFFSET], hi))
            keep = pc.or_(keep, pc.and_(self.of(tp), inside))
        kept = batch.filter(keep)
        return Parcel(kept if kept.num_rows else None, spans, self.topic)

    def cut(self, rows: int) -> tuple[Parcel, Parcel]:
        """The first rows and the rest. A partition's spans meet after its last record in the first part."""
        batch = self.batch
        first = Parcel(batch.slice(0, rows), {}, self.topic)
        meet = {tp: pc.max(pc.if_else(first.of(tp), first.batch[OFFSET], None)).as_py() + 1 for tp in first.rows_by_partition()}
        head = {tp: (self.spans[tp][0], at) for tp, at in meet.items()}
        tail = {tp: (meet.get(tp, lo), hi) for tp, (lo, hi) in self.spans.items()}
        return Parcel(first.batch, head, self.topic), Parcel(batch.slice(rows), tail, self.topic)

    def parts(self, most_rows: int) -> Iterable[Parcel]:
        rest = self
        while rest.rows > most_rows:
            part, rest = rest.cut(most_rows)
            yield part
        yield rest


def gather(items: Sequence[Fetched], topic: str | None) -> Parcel:
    """Polls that join, as one parcel with one record batch: DuckDB reads a single batch on a single thread, which is what is wanted.
    The polls lose their batches, or every record would be held twice while it is inserted."""
    spans: dict[TP, tuple[int, int]] = {}
    for item in items:
        spans = joined(spans, item.spans)
    batches = [item.batch for item in items if item.batch is not None]
    if not batches:
        return Parcel(None, spans, topic)
    for item in items:
        item.batch = None
    return Parcel(batches[0] if len(batches) == 1 else pa.concat_batches(batches), spans, topic)
