"""CHECK SINK: is every committed record in the table once? Answered from the tables alone.

Invariant: read-only, and positions and rows of the same snapshot are compared. A hole between offsets is legal (control records,
aborted transactions, compaction), so rows are compared with the number that the commits recorded, not with the width of the range."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kshell.columns import EPOCH, OFFSET, PARTITION, TOPIC, literal, quote
from kshell.iceberg.head import load_head
from kshell.iceberg.mapping import mapped
from kshell.iceberg.resolved import judged
from kshell.iceberg.values import TP, Head, Sink, TopicState

if TYPE_CHECKING:
    import duckdb

    from kshell.iceberg.catalogs import Lake


class Verdict(StrEnum):
    OK = "ok"
    GAP = "gap"
    DUPLICATE = "duplicate"
    UNVERIFIED = "unverified"                 # more rows than the commits recorded, or no record of their number


@dataclass(frozen=True, slots=True)
class PartitionCheck:
    topic: str
    partition: int
    first_offset: int | None                  # None: no rows
    next_offset: int
    rows: int
    distinct_offsets: int
    missing: int
    duplicates: int
    errors: int
    result: Verdict


@dataclass(frozen=True, slots=True)
class _Counts:
    first: int | None = None
    rows: int = 0
    distinct: int = 0


def check(cursor: duckdb.DuckDBPyConnection, lake: Lake, sink: Sink, errors_sink: Sink | None) -> list[PartitionCheck]:
    """One entry per covered partition. `cursor`: of an engine that has loaded iceberg. Raises Stop when the progress cannot be trusted."""
    head = load_head(lake, sink)
    if head.state is None:
        return []
    with mapped(f"checking {lake.qualified(sink.table)}"):
        counted = _count(cursor, head)
        errors = _open_errors(cursor, load_head(lake, errors_sink), head) if errors_sink else {}
    return [_judge(tp, position, head.state.topics[tp[0]], _of(counted, tp), errors.get(tp, 0))
            for tp, position in sorted(head.state.positions().items())]


def _of(counted: dict[tuple[str | None, int], _Counts], tp: TP) -> _Counts:
    """A table without a topic column holds one topic."""
    return counted.get(tp) or counted.get((None, tp[1])) or _Counts()


def _count(cursor: duckdb.DuckDBPyConnection, head: Head) -> dict[tuple[str | None, int], _Counts]:
    names = {c.name for c in head.columns}
    topic = quote(TOPIC) if TOPIC in names else "NULL::VARCHAR"
    epoch = f"coalesce({quote(EPOCH)}, 0)" if EPOCH in names else "0"
    # A grouping per position before the grouping per partition: count(DISTINCT ...) keeps every value in memory, this spills.
    query = f"""
        SELECT topic, part, min(position), sum(n)::BIGINT, count(*)
        FROM (SELECT {topic} AS topic, {quote(PARTITION)} AS part, {epoch} AS epoch, {quote(OFFSET)} AS position, count(*) AS n
              FROM iceberg_scan({literal(head.metadata_location)}) WHERE {quote(OFFSET)} IS NOT NULL GROUP BY ALL)
        GROUP BY topic, part"""
    rows: list[Any] = cursor.execute(query).fetchall()
    return {(t, p): _Counts(first, n, distinct) for t, p, first, n, distinct in rows}


def _open_errors(cursor: duckdb.DuckDBPyConnection, errors: Head, rows: Head) -> dict[TP, int]:
    """Records that are in the error table and not in the table: what REPLAY ERRORS has landed counts as a row."""
    if errors.snapshot_id is None:
        return {}
    found = cursor.execute(f"SELECT topic, part, count(DISTINCT position) FROM ({judged(errors, rows)}) WHERE is_open GROUP BY ALL")
    return {(topic, partition): n for topic, partition, n in found.fetchall()}


def _judge(tp: TP, position: int, topic: TopicState, counts: _Counts, errors: int) -> PartitionCheck:
    recorded = topic.rows[tp[1]] if tp[1] < len(topic.rows) else None
    missing = max(0, recorded - counts.distinct) if recorded is not None else 0
    duplicates = counts.rows - counts.distinct
    if duplicates:
        result = Verdict.DUPLICATE
    elif missing:
        result = Verdict.GAP
    else:
        result = Verdict.OK if recorded == counts.distinct else Verdict.UNVERIFIED
    return PartitionCheck(*tp, counts.first, position, counts.rows, counts.distinct, missing, duplicates, errors, result)
