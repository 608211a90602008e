"""Rows of a parcel into a segment: the fast form of the decoder where it is certain, the exact one for the rest, or for all rows of a
format without SQL.

Invariant: every record of the parcel ends as a row, as a bad row, or counted as skipped; and the parcel's ranges are in the buffer
in the same transaction as its rows. Under ON_ERROR fail nothing at or after the bad record of its partition is inserted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa

from kshell import decode
from kshell.buffer.buffer import Buffer
from kshell.buffer.generation import Filled
from kshell.buffer.meter import Meter
from kshell.buffer.values import TP, BadRow, Segment
from kshell.columns import HEADERS, KEY, OFFSET, TIMESTAMP, column_list
from kshell.errors import DecodeError, InternalError
from kshell.ingest.parcel import Parcel
from kshell.ingest.values import OnError
from kshell.testing import failpoint

_BATCH = "kshell_ingest_batch"
_COOLING = 16                                 # parcels
_TEXT = "kshell_ingest_text"
_SAMPLE_ROWS = 4096                           # of a batch, in which members without a column are counted
_JUDGED = "kshell_ingest_judged"


class _Stop(Exception):
    """ON_ERROR fail met these bad rows. Private to this module."""

    def __init__(self, bad: Sequence[BadRow]) -> None:
        super().__init__()
        self.bad = bad


class Inserter:
    """Used by one thread, with a cursor of its own."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, buffer: Buffer, decoder: decode.Decoder, on_error: OnError) -> None:
        self.decoder = decoder
        self.counters: Counter[str] = Counter()
        self._cursor, self._buffer, self._on_error = cursor, buffer, on_error
        self._careful = False                 # the last batch held doubtful records, so the next one may
        self._irregular = 0
        self.undecodable: dict[TP, decode.Undecodable] = {}   # where parcels were cut off, since the last insert; `index` is the offset

    def take_counters(self) -> Counter[str]:
        counters, self.counters = self.counters, Counter()
        return counters

    def insert(self, parcel: Parcel) -> list[BadRow]:
        """The bad rows. DecodeError under ON_ERROR fail, when everything before the record is in."""
        self.undecodable = {}
        if parcel.batch is None:
            self._buffer.advance(parcel.spans)
            return []
        try:
            return self._with_half(parcel)
        except _Stop as stop:
            return self._up_to(parcel, stop.bad)

    def insert_regular(self, parcel: Parcel) -> bool:
        """Whether the parcel is in: its records hold the columns' members and no others, and the SQL is certain of each."""
        if not self.decoder.sql or parcel.batch is None or self._careful:
            return False
        if self._irregular:
            self._irregular -= 1              # neighbours resemble each other: the next ones would most likely be turned away too
            return False
        select = self.decoder.regular(_TEXT)
        try:
            if select is not None:
                self._append(parcel, lambda segment, _: self._put_regular(segment, select, parcel))
                return True
        except (MemoryError, duckdb.OutOfMemoryException, duckdb.Error, *decode.DOUBTS):
            pass
        self._irregular = _COOLING
        return False

    def _with_half(self, parcel: Parcel) -> list[BadRow]:
        """Out of memory: once more, in halves."""
        try:
            return self._insert(parcel)
        except (MemoryError, duckdb.OutOfMemoryException):
            self.counters["halved_batches"] += 1
            if parcel.rows < 2:
                raise
            first, second = parcel.cut(parcel.rows // 2)
        return self._insert(first) + self._insert(second)

    def _insert(self, parcel: Parcel) -> list[BadRow]:
        if self.decoder.sql and not self._careful:
            try:
                return self._append(parcel, self._fast)
            except (MemoryError, duckdb.OutOfMemoryException):
                raise
            except (duckdb.Error, *decode.DOUBTS):
                self.counters["doubtful_batches"] += 1      # not certain of a row: nothing was inserted
        try:
            return self._append(parcel, self._exact if self.decoder.sql else self._all)
        except decode.Undecodable as found:
            return self._insert_before(parcel, found)

    def _insert_before(self, parcel: Parcel, found: decode.Undecodable) -> list[BadRow]:
        """What does not stand behind that record in its partition."""
        tp, offset = parcel.tp_of(found.index), parcel.batch[OFFSET][found.index].as_py()
        self.undecodable[tp] = decode.Undecodable(offset, found.code, found.message)
        rest = parcel.within({t: (lo, offset if t == tp else hi) for t, (lo, hi) in parcel.spans.items() if t != tp or lo < offset})
        if rest.batch is None:
            self._buffer.advance(rest.spans)
            return []
        return self._insert(rest)

    def _append(self, parcel: Parcel, put: Callable[[Segment, Parcel], list[BadRow]]) -> list[BadRow]:
        """One transaction around `put`, which inserts the parcel and says which records are no rows."""
        bad: list[BadRow] = []
        rows = parcel.rows_by_partition()
        strays = 0
        self.decoder.take_counters()          # of an attempt that was taken back

        def fill(segment: Segment, meter: Meter) -> Filled:
            nonlocal strays
            self._cursor.register(_BATCH, parcel.batch)
            try:
                bad.extend(put(segment, parcel))
                strays = self._strays(parcel)
            finally:
                self._cursor.unregister(_BATCH)
            failpoint("ingest.after_decode")
            left_out = Counter((b.topic, b.partition) for b in bad)
            good = {tp: count - left_out[tp] for tp, count in rows.items()}
            arrow_bytes = meter.arrow_bytes(self._cursor, segment.relation, parcel.batch.nbytes, sum(good.values()))
            return Filled(good, arrow_bytes, *parcel.timestamps_us(), () if self._on_error == "skip" else tuple(bad))

        self._buffer.append(self._cursor, parcel.spans, parcel.rows, fill)
        self.counters.update(self.decoder.take_counters())
        self.counters["fields_without_column"] += strays
        return bad

    def _strays(self, parcel: Parcel) -> int:
        """Members without a column: counted, or in a large batch estimated from its first records."""
        select = self.decoder.stray(_BATCH)
        if select is None:
            return 0
        looked_at = min(_SAMPLE_ROWS, parcel.rows)
        self._cursor.register(_BATCH, parcel.batch.slice(0, looked_at))
        found = self._cursor.execute(select).fetchall()[0][0]
        return int(found) * parcel.rows // looked_at

    def _fast(self, segment: Segment, parcel: Parcel) -> list[BadRow]:
        return self._put_all(segment, self.decoder.rows(_BATCH), parcel.rows)

    def _put_regular(self, segment: Segment, select: str, parcel: Parcel) -> list[BadRow]:
        self._cursor.register(_TEXT, decode.with_text(parcel.batch, framed=self.decoder.framed))
        try:
            return self._put_all(segment, select, parcel.rows)
        finally:
            self._cursor.unregister(_TEXT)

    def _put_all(self, segment: Segment, select: str, rows: int) -> list[BadRow]:
        self._put(segment, select, rows)
        return []

    def _exact(self, segment: Segment, parcel: Parcel) -> list[BadRow]:
        certain, doubtful = decode.split(self._cursor, self.decoder, parcel.batch)
        self._careful = doubtful.num_rows > 0
        if certain.num_rows:
            self._cursor.register(_BATCH, certain)
            self._put(segment, self.decoder.rows(_BATCH), certain.num_rows)
        return self._judge(segment, doubtful, parcel.topic) if doubtful.num_rows else []

    def _all(self, segment: Segment, parcel: Parcel) -> list[BadRow]:
        return self._judge(segment, parcel.batch, parcel.topic)

    def _judge(self, segment: Segment, batch: pa.RecordBatch, topic: str | None) -> list[BadRow]:
        good, records = self.decoder.judge(batch)
        bad = bad_rows(batch, records, topic)
        if bad and self._on_error == "fail":
            raise _Stop(bad)
        if good.num_rows:
            self._cursor.register(_JUDGED, good)
            self._put(segment, f"SELECT {column_list(segment.columns)} FROM {_JUDGED}", good.num_rows)
            self._cursor.unregister(_JUDGED)
        if good.num_rows + len(bad) != batch.num_rows:
            raise InternalError(f"the decoder gave {good.num_rows} rows and {len(bad)} verdicts for {batch.num_rows} records")
        return bad

    def _put(self, segment: Segment, select: str, rows: int) -> None:
        names = column_list(segment.columns)
        inserted = self._cursor.execute(f"INSERT INTO {segment.relation} ({names}) SELECT {names} FROM ({select})").fetchall()[0][0]
        if inserted != rows:
            raise InternalError(f"the decoder made {inserted} rows of {rows} records")

    def _up_to(self, parcel: Parcel, bad: Sequence[BadRow]) -> list[BadRow]:
        """ON_ERROR fail: what stands before the first bad record of each partition, then the error that names it."""
        ends: dict[tuple[str, int], int] = {}
        for b in bad:
            ends[b.topic, b.partition] = min(ends.get((b.topic, b.partition), b.offset), b.offset)
        spans = {tp: (lo, min(hi, ends.get(tp, hi))) for tp, (lo, hi) in parcel.spans.items()}
        before = parcel.within(spans)
        self.insert(before)
        first = bad[0]
        raise DecodeError(f"{first.topic}[{first.partition}]@{first.offset}: {first.code}: {first.message}",
                          hint="the source stops there (ON_ERROR fail); ON_ERROR quarantine keeps such records aside and goes on")


def bad_rows(batch: pa.RecordBatch, records: Sequence[decode.BadRecord], topic: str | None) -> list[BadRow]:
    """The verdicts with the bytes that they are about."""
    now_us = time.time_ns() // 1000
    times = batch[TIMESTAMP].cast(pa.int64())
    names = set(batch.schema.names)
    rows = []
    for record in records:
        i = record.index
        headers = batch[HEADERS][i].as_py() if HEADERS in names else None
        rows.append(BadRow(
            topic or batch["_kafka_topic"][i].as_py(), batch["_kafka_partition"][i].as_py(), batch[OFFSET][i].as_py(), times[i].as_py(),
            batch[KEY][i].as_py(), tuple((h["key"], h["value"]) for h in headers) if headers is not None else None,
            batch["value"][i].as_py(), record.schema_id, record.code, record.message, now_us))
    return rows
