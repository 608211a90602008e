"""The records of a topic as a stream, without a source: one reader, assigned its partitions.

Invariant: nothing is registered, joined or committed. The reader's queue is all that is read ahead; partitions that are added later, and
a topic that is made again, are read from their first record; a topic that is deleted ends the stream."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import pyarrow as pa

from kshell.columns import quote
from kshell.errors import Error, NotFoundError, RefusedError, UnreachableError
from kshell.query.bounded_read import BoundedRead
from kshell.query.pace import KEPT_ROWS, Pace
from kshell.query.tail import TABLE
from kshell.query.tail_source import Start

if TYPE_CHECKING:
    from kshell.decode import Decoder
    from kshell.decode.discovery import Registry
    from kshell.kafka.cluster import Cluster, TopicInfo
    from kshell.kafka.reader import Poll, Reader

TP = tuple[str, int]
_PRINTED = "temp.main.kshell_printed"
POLL_ROWS = 5_000
POLL_BYTES = 8_000_000
METADATA_S = 5.0                              # how often new partitions are looked for
TIMEOUT_S = 30.0


class Form(Protocol):
    """How records become rows of TABLE. `headers`: it looks at those of the records."""

    headers: bool

    def make(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """TABLE with its columns and without rows."""

    def fill(self, cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> int:
        """Rows put into TABLE, which has none."""


@dataclass(frozen=True, slots=True)
class Says:
    """Who is told: `check` raises when the statement was cancelled, `warn` takes a line for the user."""

    check: Callable[[], None]
    warn: Callable[[str], None]


class TopicFeed:
    """`every`: only every nth record, the first included."""

    def __init__(self, cluster: Cluster, topic: str, start: Start, form: Form, says: Says, *, every: int = 1) -> None:
        self.name, self.skipped, self.done = topic, 0, False
        self.begins: Mapping[TP, int] = {}
        self._cluster, self._start, self._form, self._says, self._every = cluster, start, form, says, every
        self._backlog: list[Any] = []         # LAST n: the newest records, shown first
        self._at: dict[TP, int] = {}
        self._seen = 0
        self._pace = Pace()
        self._round: dict[TP, int] = {}
        self._reader: Reader | None = None
        self._partitions: Partitions | None = None

    # ---- Feed

    def begin(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        topic = self._cluster.describe([self.name])[self.name]
        self._at = self._begins([(self.name, p) for p in topic.partitions])
        self.begins = dict(self._at)
        self._round = dict(self._at)
        self._form.make(cursor)
        self._reader = self._cluster.reader()
        self._reader.assign(self._at)
        self._partitions = Partitions(self._cluster, topic)

    def take(self, wait_s: float) -> int:
        if self._backlog:
            messages, self._backlog = self._backlog[:POLL_ROWS], self._backlog[POLL_ROWS:]
            return self._rows(messages)
        assert self._reader is not None
        self._follow_topic(self._reader)
        poll = self._reader.poll(POLL_ROWS, wait_s, POLL_BYTES)
        self._judge(poll, self._reader)
        rows = self._rows(poll.messages)
        self._at |= poll.positions
        if self._start.kind == "end" and all(at >= self._round.get(tp, 0) for tp, at in self._at.items()):
            self._next_round(self._reader, poll)
        return rows

    def close(self) -> None:
        partitions, self._partitions = self._partitions, None
        if partitions is not None:
            partitions.close()
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    # ---- where to begin

    def _begins(self, tps: Sequence[TP]) -> dict[TP, int]:
        start, cluster = self._start, self._cluster
        match start.kind:
            case "end":
                return cluster.log_ends(tps)
            case "beginning":
                return cluster.log_starts(tps)
            case "at":
                return start.places(tps, cluster.log_starts(tps))
            case "since":
                return cluster.offsets_at(tps, start.since_ms or 0)
            case _:
                return self._newest(tps, start.last or 0)

    def _newest(self, tps: Sequence[TP], count: int) -> dict[TP, int]:
        """The newest records are read first, by time over all partitions; the stream goes on behind them."""
        starts, ends = self._cluster.log_starts(tps), self._cluster.log_ends(tps)
        ranges = {tp: (max(starts[tp], ends[tp] - count), ends[tp]) for tp in tps if ends[tp] > starts[tp] and count}
        read = BoundedRead(self._cluster, ranges, timeout_s=TIMEOUT_S, most=None, check=self._says.check)
        found = [message for messages in read.messages() for message in messages]
        found.sort(key=lambda m: (m.timestamp()[1], m.offset()), reverse=True)
        self._backlog = sorted(found[:count], key=lambda m: (m.partition(), m.offset()))
        return ends

    # ---- records

    def _rows(self, messages: list[Any]) -> int:
        if self._every > 1:
            first = -self._seen % self._every
            self._seen += len(messages)
            messages = messages[first::self._every]
        if not messages:
            return 0
        from kshell.kafka.columns import to_arrow
        self._form.make(self._cursor)
        return self._form.fill(self._cursor, to_arrow(messages, headers=self._form.headers))

    def _judge(self, poll: Poll, reader: Reader) -> None:
        for fault in poll.errors:
            if "AUTHORIZATION" in fault.code:
                raise RefusedError(f"reading is not allowed: {fault.message}", hint="the user of this connection needs Read on the topic")
            if fault.fatal:
                raise UnreachableError(f"reading stopped: {fault.message}")
            if fault.code == "reconnecting":
                self._says.warn(f"{self._cluster.name}: reconnecting: {fault.message}")
        for tp in poll.out_of_range:
            self._go_on(tp, reader)

    def _go_on(self, tp: TP, reader: Reader) -> None:
        """Retention was faster, or the topic was made again: go on where the log starts."""
        start = self._cluster.log_starts([tp])[tp]
        before = self._at.get(tp, start)
        self._says.warn(f"{tp[0]}[{tp[1]}]: offset {before} is not in the log; going on at {start}")
        self._at[tp] = start
        reader.seek(tp, start)

    def _follow_topic(self, reader: Reader) -> None:
        """What the cluster says of the topic since it was looked at last."""
        for change in self._partitions.take() if self._partitions is not None else ():
            if isinstance(change, NotFoundError):
                raise change
            if change.made_again:
                self._says.warn(f"{self.name} was made again; going on at its start")
                self._at = dict(change.positions)
                reader.assign(self._at)
            else:
                self._at |= change.positions
                reader.add(change.positions)

    def _next_round(self, reader: Reader, poll: Poll) -> None:
        """Where the log's end is known to be reached there is nothing to ask."""
        if not poll.messages or set(poll.ends) == set(self._at):
            self._round = dict(self._at)
            return
        ends = self._cluster.log_ends(list(self._at))
        ahead = {tp: (self._at[tp], end) for tp, end in ends.items() if end > self._at[tp]}
        if self._pace.falls_behind(sum(hi - lo for lo, hi in ahead.values())):
            kept = max(1, KEPT_ROWS // len(ahead))
            for tp, (lo, hi) in ahead.items():
                if hi - kept > lo:
                    self.skipped += hi - kept - lo
                    self._at[tp] = hi - kept
                    reader.seek(tp, hi - kept)
        self._round = ends


@dataclass(frozen=True, slots=True)
class Change:
    """Partitions to read from their first offset. `made_again`: instead of those read so far."""

    positions: Mapping[TP, int]
    made_again: bool = False


class Partitions:
    """Looks at the topic on a thread of its own: a broker that does not answer must not stop the rows."""

    def __init__(self, cluster: Cluster, topic: TopicInfo) -> None:
        self._cluster, self._topic = cluster, topic
        self._changes: queue.SimpleQueue[Change | NotFoundError] = queue.SimpleQueue()
        self._closed = threading.Event()
        threading.Thread(target=self._run, name=f"kshell-stream-{topic.name}", daemon=True).start()

    def take(self) -> list[Change | NotFoundError]:
        """What has changed, each once and in order."""
        changes = []
        while not self._changes.empty():
            changes.append(self._changes.get())
        return changes

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(METADATA_S):
            try:
                self._look()
            except NotFoundError as gone:
                self._changes.put(gone)
            except Error:
                continue                      # the reader says that the brokers are gone

    def _look(self) -> None:
        before, now = self._topic, self._cluster.describe([self._topic.name])[self._topic.name]
        made_again = before.id is not None and now.id is not None and before.id != now.id
        fresh = [(now.name, p) for p in now.partitions if made_again or p not in before.partitions]
        if fresh:
            self._changes.put(Change(self._cluster.log_starts(fresh), made_again))
        self._topic = now


# ---- forms -----------------------------------------------------------------------------------------------------------

class Texts:
    """PRINT: key and value as text, bytes that are none as DuckDB prints a BLOB. What holds control characters other than blanks and ESC is
    bytes, numbers and frames among it: the rule by which output shows a BLOB to people."""

    headers = False
    _TEXT = (r"CASE WHEN regexp_matches(try(decode({0})), '[\x00-\x08\x0B\x0C\x0E-\x1A\x1C-\x1F\x7F-\x{{9F}}]') THEN {0}::VARCHAR "
             "ELSE coalesce(try(decode({0})), {0}::VARCHAR) END")
    _HEAD = f"_kafka_partition, _kafka_offset, _kafka_timestamp, {_TEXT.format('_kafka_key')}"
    _VALUE = _TEXT.format("value")

    def make(self, cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute(f"""CREATE OR REPLACE TEMP TABLE {TABLE}
            ("partition" INTEGER, "offset" BIGINT, "timestamp" TIMESTAMPTZ, "key" VARCHAR, "value" VARCHAR)""")

    def fill(self, cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> int:
        with _registered(cursor, kshell_stream_batch=batch):
            cursor.execute(f"INSERT INTO {TABLE} SELECT {self._HEAD}, {self._VALUE} FROM kshell_stream_batch")
        return int(batch.num_rows)


class Printed(Texts):
    """PRINT of records with schemas: the value as JSON text where it decodes, else as `Texts` shows it."""

    headers = True

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def fill(self, cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> int:
        waiting = self._decoder.prepare(batch).waiting
        rows = [row for row in range(batch.num_rows) if row not in waiting]
        decodable = batch if not waiting else batch.take(pa.array(rows, pa.int64()))
        good, bad = self._decoder.judge(decodable)
        left_out = {record.index for record in bad}
        at = pa.array([row for index, row in enumerate(rows) if index not in left_out], pa.int64())
        with _registered(cursor, kshell_stream_batch=batch.append_column("_row", pa.array(range(batch.num_rows), pa.int64())),
                         kshell_stream_good=good.append_column("_row", at)):
            cursor.execute(f"CREATE OR REPLACE TEMP TABLE {_PRINTED} AS SELECT _row, {self._json()} AS _json FROM kshell_stream_good")
            cursor.execute(f"""INSERT INTO {TABLE} SELECT {self._HEAD}, CASE WHEN value IS NOT NULL THEN coalesce(_json, {self._VALUE}) END
                               FROM kshell_stream_batch LEFT JOIN {_PRINTED} USING (_row) ORDER BY _row""")
        return int(batch.num_rows)

    def _json(self) -> str:
        packed = ", ".join(f"{quote(c.name)} := {quote(c.name)}{'::JSON' if c.json_text else ''}" for c in self._decoder.columns)
        return f"to_json(struct_pack({packed}))::VARCHAR"


class Decoded:
    """TAIL: columns as a source would find them; a record that does not decode is counted and said.

    A record whose schema cannot be had at the moment is left out like one that does not decode: a stream does not stand still."""

    def __init__(self, topic: str, sample: pa.RecordBatch, warn: Callable[[str], None], registry: Registry | None = None) -> None:
        from kshell.decode.discovery import Asked, reading
        from kshell.query.recognise import recognised
        self._topic, self._warn, self._bad, self._told_at = topic, warn, 0, 0.0
        value, key = recognised(sample, registry)
        found = reading(Asked([topic], value.format, key.format, registry=registry, follows=True), lambda: sample)
        if value.format == "json" and not found.decoder.columns:
            raise RefusedError(f"topic {topic} has no record yet to infer columns from",
                               hint=f"PRINT '{topic}' shows records as text as they arrive; CREATE SOURCE takes a column list")
        self._decoder = found.decoder
        self.headers = registry is not None

    def make(self, cursor: duckdb.DuckDBPyConnection) -> None:
        definitions = ", ".join(f"{quote(c.name)} {c.type}" for c in (*self._decoder.columns, *self._decoder.metadata))
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} ({definitions})")

    def fill(self, cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> int:
        from kshell import decode
        waiting = self._decoder.prepare(batch).waiting
        if waiting:
            self._say(len(waiting), next(iter(waiting.values())))
            batch = batch.take(pa.array([row for row in range(batch.num_rows) if row not in waiting], pa.int64()))
        if not self._decoder.sql:
            return self._carefully(cursor, batch)
        try:
            return self._insert(cursor, batch, self._decoder.rows("kshell_stream_batch"))
        except decode.DOUBTS:
            return self._carefully(cursor, batch)

    def _carefully(self, cursor: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> int:
        """The exact form judges every record, so that their order stays."""
        good, bad = self._decoder.judge(batch)
        if bad:
            self._say(len(bad), f"{bad[-1].code}: {bad[-1].message}")
        return self._insert(cursor, good, "FROM kshell_stream_batch") if good.num_rows else 0

    def _say(self, count: int, last: str) -> None:
        """Once a second at most."""
        self._bad += count
        if time.monotonic() - self._told_at > 1.0:
            self._told_at = time.monotonic()
            self._warn(f"{self._topic}: {self._bad} records do not decode and are left out; the last: {last}; "
                       f"PRINT '{self._topic}' shows them as text")

    @staticmethod
    def _insert(cursor: duckdb.DuckDBPyConnection, rows: Any, select: str) -> int:
        with _registered(cursor, kshell_stream_batch=rows):
            cursor.execute(f"INSERT INTO {TABLE} {select}")
        return int(rows.num_rows)


@contextmanager
def _registered(cursor: duckdb.DuckDBPyConnection, **relations: Any) -> Iterator[None]:
    for name, relation in relations.items():
        cursor.register(name, relation)
    try:
        yield
    finally:
        for name in relations:
            cursor.unregister(name)
