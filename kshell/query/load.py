"""Messages into a temporary table: columns inferred or declared, the fast form of the decoder first, the exact one for doubtful rows.

Invariant: the columns are settled before the first row is loaded, from the first SAMPLE records over all partitions in the order
(partition, offset), so the same topic gives the same columns however its messages arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from kshell.columns import quote
from kshell.errors import UnreachableError
from kshell.lang.statements import ColumnDefinition
from kshell.options import Span
from kshell.query.arguments import ScanSpec
from kshell.query.recognise import value_format

if TYPE_CHECKING:
    from kshell.decode import Decoder
    from kshell.decode.discovery import Registry
    from kshell.query.bounded_read import BoundedRead

SAMPLE = 1_000                                    # records that decide the columns
MOST_WAITING = 100_000                            # messages held while the sample is not complete
LOAD_ROWS = 50_000
_SCHEMA_TRIES, _SCHEMA_PAUSE_S = 3, 0.5
TP = tuple[str, int]


class Load:
    """`add` messages, then `finish`. `seen` counts records, `bad` those that do not decode. `sample` gives records of the topic for
    the columns of a scan that finds none itself: a quiet hour has the columns of the hour before.
    `enough`: rows after which nothing more is needed; None: all are. `registry`: where schemas come from; None: there is none.
    `check` raises when the statement was cancelled."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, table: str, spec: ScanSpec, tps: Sequence[TP],
                 sample: Callable[[], list[Any]], enough: int | None = None, registry: Registry | None = None,
                 check: Callable[[], None] = lambda: None) -> None:
        self._cursor, self._table, self._spec, self._sample, self._enough = cursor, table, spec, sample, enough
        self._quota = {tp: -(-SAMPLE // max(1, len(tps))) for tp in tps}
        self._waiting: list[Any] = []
        self._decoder: Decoder | None = None
        self._careful = _in_transaction(cursor)
        self._registry, self._check = registry, check
        self._headers = "headers" in spec.include or registry is not None or spec.envelope is not None   # a frame, attributes
        self.format = spec.format or "json"
        self.seen, self.bad = 0, 0
        self.first_bad = ""
        self.cure = "format := 'raw' shows them"
        self.columns: list[tuple[str, str]] = []
        self.notices: list[str] = []

    def add(self, messages: list[Any], read: BoundedRead) -> None:
        self._waiting += messages
        if self._decoder is None and (self._needs_no_sample() or self._sampled(messages, read)):
            self._settle()
        if self._decoder is not None and len(self._waiting) >= min(LOAD_ROWS, self._enough or LOAD_ROWS):
            self._flush()

    @property
    def full(self) -> bool:
        return self._enough is not None and self.seen - self.bad >= self._enough

    def finish(self) -> None:
        if self._decoder is None:
            self._settle()
        self._flush()

    def _sampled(self, messages: list[Any], read: BoundedRead) -> bool:
        """Whether every partition has given its share of the sample, or all it has."""
        for message in messages:
            tp = (message.topic(), message.partition())
            self._quota[tp] -= 1
        return len(self._waiting) >= MOST_WAITING or all(left <= 0 or read.finished(tp) for tp, left in self._quota.items())

    # ---- columns ---------------------------------------------------------------------------------------------------

    def _needs_no_sample(self) -> bool:
        spec = self._spec
        if spec.format in ("string", "raw"):
            return True
        return bool(spec.columns) and self._registry is None

    def _settle(self) -> None:
        from kshell import decode
        from kshell.decode.discovery import Asked, reading
        spec = self._spec
        declared = decode.declare([ColumnDefinition(name, type_, Span(0, 0)) for name, type_ in spec.columns.items()])
        asked = Asked([spec.topic], spec.format, spec.key_format, spec.schema, spec.message, self._registry, declared or None,
                      spec.envelope, follows=True)
        found = reading(asked, cache(lambda: self._arrow(_share(self._waiting or self._sample()))), spec.include)
        self._decoder, self.format = found.decoder, found.discovery.format
        self.notices += found.notices
        columns = (*self._decoder.columns, *self._decoder.metadata)
        self.columns = [(c.name, c.type) for c in columns]
        definitions = ", ".join(f"{quote(c.name)} {c.type}" for c in columns)
        self._cursor.execute(f"CREATE TEMP TABLE {self._table} ({definitions})")

    # ---- rows ------------------------------------------------------------------------------------------------------

    def _arrow(self, messages: list[Any]) -> pa.RecordBatch:
        from kshell.kafka.columns import to_arrow
        return to_arrow(messages, topic="topic" in self._spec.include, headers=self._headers)

    def _flush(self) -> None:
        messages, self._waiting = self._waiting, []
        if not messages:
            return
        from kshell import decode
        self.seen += len(messages)
        batch = self._arrow(messages)
        assert self._decoder is not None
        self._require_schemas(batch)
        if not self._decoder.sql:
            self._judged(batch)
            return
        if not self._careful:
            try:
                self._insert(batch)
                return
            except decode.DOUBTS:
                pass
        self._carefully(batch)

    def _require_schemas(self, batch: pa.RecordBatch) -> None:
        """A scan waits a moment for them, and leaves nothing out."""
        assert self._decoder is not None
        for left in range(_SCHEMA_TRIES, -1, -1):
            waiting = self._decoder.prepare(batch).waiting
            if not waiting:
                return
            if left:
                self._check()
                time.sleep(_SCHEMA_PAUSE_S)   # a registry tells nobody when it is back
        raise UnreachableError(f"{self._spec.topic}: {next(iter(waiting.values()))}", hint="try again when the registry is back")

    def _insert(self, batch: pa.RecordBatch) -> None:
        assert self._decoder is not None
        self._cursor.register("kshell_scan_batch", batch)
        try:
            self._cursor.execute(f"INSERT INTO {self._table} {self._decoder.rows('kshell_scan_batch')}")
        finally:
            self._cursor.unregister("kshell_scan_batch")

    def _carefully(self, batch: pa.RecordBatch) -> None:
        """The rows that the SQL is certain of, then those that the exact form judges."""
        from kshell import decode
        assert self._decoder is not None
        certain, doubtful = decode.split(self._cursor, self._decoder, batch)
        if certain.num_rows:
            self._insert(certain)
        if doubtful.num_rows:
            self._judged(doubtful)

    def _judged(self, batch: pa.RecordBatch) -> None:
        assert self._decoder is not None
        good, bad = self._decoder.judge(batch)
        if good.num_rows:
            self._cursor.register("kshell_scan_batch", good)
            try:
                self._cursor.execute(f"INSERT INTO {self._table} FROM kshell_scan_batch")
            finally:
                self._cursor.unregister("kshell_scan_batch")
        if bad and not self.bad:
            place = batch.slice(bad[0].index, 1).to_pylist()[0]
            at = f"{self._spec.topic}[{place['_kafka_partition']}] offset {place['_kafka_offset']}"
            self.first_bad = f"{at}, {bad[0].code}: {bad[0].message}"
            looks = value_format([place["value"]])
            if looks.framed and self._registry is None:
                self.cure = f"it looks like {looks.name}: give schema_registry := 'http://host:8081'"
        self.bad += len(bad)


def _share(messages: list[Any]) -> list[Any]:
    """The first SAMPLE over all partitions, in the order (partition, offset)."""
    partitions: dict[int, list[Any]] = {}
    for message in messages:
        partitions.setdefault(message.partition(), []).append(message)
    share = -(-SAMPLE // max(1, len(partitions)))
    return [message for partition in sorted(partitions) for message in partitions[partition][:share]]


def _in_transaction(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Inside BEGIN a failed INSERT would take the user's transaction along. Without one, every statement has an id of its own."""
    first, second = (cursor.execute("SELECT txid_current()").fetchone() for _ in range(2))
    return first == second
