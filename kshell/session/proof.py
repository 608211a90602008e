"""CHECK SINK ... AGAINST KAFKA: the covered ranges are read again and held against the table, offset by offset.

1. what the table owes  2. is this the same topic  3. read [start, next) as a committed reader  4. compare, a piece of a partition at a time

Invariant: read-only on both sides, and what is held in memory is bounded by PIECE, not by the topic. A record is accounted for by a row
of the table or of its error table; offsets that Kafka no longer keeps are judged by the table's own count alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kshell.columns import EPOCH, OFFSET, PARTITION, TOPIC, literal, quote
from kshell.errors import DeadlineError, UnreachableError
from kshell.flush.facts import topic_logs
from kshell.iceberg import Head, Sink, StopState
from kshell.query.bounded_read import BoundedRead

if TYPE_CHECKING:
    import duckdb

    from kshell.iceberg.catalogs import Lake
    from kshell.iceberg.check import PartitionCheck
    from kshell.iceberg.coverage import Coverage
    from kshell.kafka.cluster import Cluster

TP = tuple[str, int]
PIECE = 500_000                               # offsets compared at once
EXAMPLES = 10                                 # missing offsets that are shown
QUIET_S = 30.0                                # without progress for so long the reading has failed
COLUMNS = [("topic", "VARCHAR"), ("partition", "INTEGER"), ("first_offset", "BIGINT"), ("next_offset", "BIGINT"), ("rows", "BIGINT"),
           ("distinct_offsets", "BIGINT"), ("missing", "BIGINT"), ("duplicates", "BIGINT"), ("errors", "BIGINT"), ("result", "VARCHAR"),
           ("checked_from", "BIGINT"), ("checked_to", "BIGINT"), ("in_kafka", "BIGINT"), ("not_in_kafka", "BIGINT"),
           ("missing_offsets", "BIGINT[]")]
_OTHER_TOPIC = frozenset({StopState.CLUSTER_CHANGED, StopState.TOPIC_MISSING, StopState.TOPIC_RECREATED})


@dataclass(slots=True)
class Compared:
    """One partition: offsets of Kafka against those of the tables, over [lo, hi)."""

    lo: int
    hi: int
    in_kafka: int = 0
    missing: int = 0
    extra: int = 0
    examples: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Proof:
    check: PartitionCheck                     # with the missing of both comparisons
    compared: Compared

    def row(self) -> tuple[Any, ...]:
        c, k = self.check, self.compared
        return (c.topic, c.partition, c.first_offset, c.next_offset, c.rows, c.distinct_offsets, c.missing, c.duplicates, c.errors,
                str(c.result), k.lo, k.hi, k.in_kafka, k.extra, k.examples)

    @property
    def failed(self) -> bool:
        return str(self.check.result) in ("gap", "duplicate")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is proved: a sink by its tables, and the cluster it reads. `drops`: ON_ERROR skip, or a query over the source, so
    that records may have no row by order."""

    lake: Lake
    sink: Sink
    errors_sink: Sink | None
    cluster: Cluster
    drops: bool = False


def prove(cursor: duckdb.DuckDBPyConnection, subject: Subject, *, check: Callable[[], None], timeout_s: float | None) -> list[Proof]:
    """One entry per covered partition. `cursor`: of an engine that has loaded iceberg."""
    from kshell.iceberg.check import check as check_tables
    from kshell.iceberg.coverage import coverage
    from kshell.iceberg.head import load_head

    covered = coverage(subject.lake, subject.sink)
    _require_same_topics(subject, covered)
    counted = {(c.topic, c.partition): c for c in check_tables(cursor, subject.lake, subject.sink, subject.errors_sink)}
    errors = load_head(subject.lake, subject.errors_sink) if subject.errors_sink else None
    ranges = _ranges(cursor, subject.cluster, covered, errors)
    compare = _Comparison(cursor, covered, errors, ranges)
    _read(subject.cluster, ranges, compare, _limited(check, timeout_s))
    return [_judged(counted[tp], compare.of[tp], drops=subject.drops) for tp in sorted(ranges)]


def _require_same_topics(subject: Subject, covered: Coverage) -> None:
    """Offsets of another topic prove nothing."""
    from kshell.iceberg.compare import compare

    state = covered.head.state
    assert state is not None
    facts = topic_logs(subject.cluster, tuple(state.topics), None)
    for stop in compare(state, facts, subject.sink.name):
        if stop.state in _OTHER_TOPIC:
            raise stop


def _ranges(cursor: duckdb.DuckDBPyConnection, cluster: Cluster, covered: Coverage, errors: Head | None) -> dict[TP, tuple[int, int]]:
    """What can be compared: covered, and still in Kafka."""
    tps = covered.head.cut()
    log_start, log_end = cluster.log_starts(tps), cluster.log_ends(tps, committed=False)
    ranges = {}
    for tp, position in tps.items():
        start = covered.starts[tp]
        first = start if start is not None else _first_held(cursor, covered, errors, tp, position)
        hi = min(position, log_end[tp])
        ranges[tp] = (min(max(first, log_start[tp]), hi), hi)
    return ranges


def _first_held(cursor: duckdb.DuckDBPyConnection, covered: Coverage, errors: Head | None, tp: TP, position: int) -> int:
    """Where the beginning is not recorded any more: the first offset that either table has."""
    found = cursor.execute(f"SELECT min(o) FROM ({_held(covered, errors, tp, 0, position)})").fetchone()
    return position if found is None or found[0] is None else int(found[0])


def _held(covered: Coverage, errors: Head | None, tp: TP, lo: int, hi: int) -> str:
    """SQL: the offsets of a range that the tables have. The range is in the query, so that files outside it are not read."""
    heads = [h for h in (covered.head, errors) if h is not None and h.snapshot_id is not None]
    return " UNION ALL ".join(_offsets_of(h, tp, lo, hi, covered.again[tp]) for h in heads) or "SELECT NULL::BIGINT AS o WHERE false"


def _offsets_of(head: Head, tp: TP, lo: int, hi: int, again: Iterable[tuple[int, int]]) -> str:
    """Without rows about records that the topic has no more: where offsets are used again, only rows of that epoch count."""
    names = {c.name for c in head.columns}
    topic = f" AND {quote(TOPIC)} = {literal(tp[0])}" if TOPIC in names else ""
    epoch = f"coalesce({quote(EPOCH)}, 0)" if EPOCH in names else "0"
    current = "".join(f" AND ({quote(OFFSET)} < {offset} OR {epoch} >= {least})" for offset, least in again)
    return (f"SELECT {quote(OFFSET)} AS o FROM iceberg_scan({literal(head.metadata_location)}) "
            f"WHERE {quote(PARTITION)} = {tp[1]}{topic} AND {quote(OFFSET)} >= {lo} AND {quote(OFFSET)} < {hi}{current}")


def _limited(check: Callable[[], None], timeout_s: float | None) -> Callable[[], None]:
    if timeout_s is None:
        return check
    ends = time.monotonic() + timeout_s

    def both() -> None:
        check()
        if time.monotonic() > ends:
            raise DeadlineError(f"the topic was not read in {timeout_s:g} s", hint="TIMEOUT '10m' gives it more time")

    return both


def _read(cluster: Cluster, ranges: dict[TP, tuple[int, int]], compare: _Comparison, check: Callable[[], None]) -> None:
    read = BoundedRead(cluster, {tp: r for tp, r in ranges.items() if r[0] < r[1]}, timeout_s=QUIET_S, most=None, check=check)
    try:
        for messages in read.messages():
            for message in messages:
                compare.add((message.topic(), message.partition()), message.offset())
            check()
    except DeadlineError as late:
        cluster.connect()                     # an outage is not a matter of patience: it has its own error
        raise UnreachableError(late.message, hint="the brokers answer, the partition does not: is its leader up?") \
            if "no message for" in late.message else late from None
    compare.finish(read.trimmed)


class _Comparison:
    """Gathers offsets of Kafka and compares a piece as soon as it is full."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, covered: Coverage, errors: Head | None,
                 ranges: dict[TP, tuple[int, int]]) -> None:
        self._cursor, self._covered, self._errors = cursor, covered, errors
        self._waiting: dict[TP, list[int]] = {tp: [] for tp in ranges}
        self._from = {tp: lo for tp, (lo, _) in ranges.items()}
        self.of = {tp: Compared(lo, hi) for tp, (lo, hi) in ranges.items()}

    def add(self, tp: TP, offset: int) -> None:
        waiting = self._waiting[tp]
        waiting.append(offset)
        if len(waiting) >= PIECE // max(1, len(self._waiting)) + 1:
            self._compare(tp, offset + 1)

    def finish(self, trimmed: dict[TP, tuple[int, int]]) -> None:
        """`trimmed`: what retention removed while it was waited for; it cannot be compared any more."""
        for tp, (_, kept_from) in trimmed.items():
            self.of[tp].lo = self._from[tp] = max(self._from[tp], kept_from)
        for tp, compared in self.of.items():
            self._compare(tp, compared.hi)

    def _compare(self, tp: TP, hi: int) -> None:
        lo, offsets = self._from[tp], self._waiting[tp]
        self._waiting[tp], self._from[tp] = [], hi
        if lo >= hi:
            return
        compared = self.of[tp]
        missing, extra, examples = self._asked(tp, lo, hi, offsets)
        compared.in_kafka += len(offsets)
        compared.missing += missing
        compared.extra += extra
        compared.examples += (examples or [])[:EXAMPLES - len(compared.examples)]

    def _asked(self, tp: TP, lo: int, hi: int, offsets: Iterable[int]) -> tuple[int, int, list[int] | None]:
        left_out = " OR ".join(f"(kafka.o >= {a} AND kafka.o < {b})" for a, b in self._covered.left_out[tp]) or "false"
        owed = f"held.o IS NULL AND NOT ({left_out})"
        self._cursor.register("kshell_in_kafka", pa.table({"o": pa.array(offsets, pa.int64())}))
        try:
            found = self._cursor.execute(f"""
                SELECT count(*) FILTER (WHERE {owed}), count(*) FILTER (WHERE kafka.o IS NULL),
                       (list(kafka.o ORDER BY kafka.o) FILTER (WHERE {owed}))[:{EXAMPLES}]
                FROM kshell_in_kafka AS kafka
                FULL JOIN (SELECT DISTINCT o FROM ({_held(self._covered, self._errors, tp, lo, hi)})) AS held ON kafka.o = held.o
                """).fetchone()
        finally:
            self._cursor.unregister("kshell_in_kafka")
        assert found is not None
        return found[0], found[1], found[2]


def _judged(check: PartitionCheck, compared: Compared, *, drops: bool) -> Proof:
    """Duplicates before gaps before doubts. A record without a row may be one that was left out by order."""
    from kshell.iceberg.check import Verdict

    counted_clean = check.result in (Verdict.OK, Verdict.UNVERIFIED)
    missing = max(check.missing, compared.missing)
    if check.duplicates:
        result = Verdict.DUPLICATE
    elif missing and not (drops and counted_clean):
        result = Verdict.GAP
    elif missing or compared.extra or check.result is Verdict.UNVERIFIED:
        result = Verdict.UNVERIFIED
    else:
        result = Verdict.OK
    return Proof(replace(check, missing=missing, result=result), compared)
