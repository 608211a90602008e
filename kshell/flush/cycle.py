"""One flush of one sink.

1. seal        everything decoded is in sealed segments, which are immutable
2. verify      the topics are still the ones that the table's positions are about
3. errors      bad records enter <table>__errors before the rows around them
4. rows        rows and positions enter the table in one catalog commit: the only point of no return
5. hand over   one DuckDB transaction: the views read the snapshot of step 4, the flushed segments are dropped
6. tell Kafka  the group's offsets, for lag tools; never read back

A crash before step 4 changes nothing, after it loses nothing: the next process reads the table's positions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import duckdb

from kshell.buffer import TP
from kshell.engine import give_back
from kshell.errors import ConflictError, InternalError
from kshell.flush.batch import Piece, PieceReader, error_rows, take
from kshell.flush.facts import topic_ids
from kshell.flush.target import Target
from kshell.iceberg import Batch, Control, Outcome, Range, Result, Stop
from kshell.testing import failpoint

MOST_BYTES = 128_000_000                      # of segments in one commit: its rows are in memory a second time until they are files
_SHARE = 8                                    # and at most that part of what the buffer may hold; one segment at least


@dataclass(frozen=True, slots=True)
class Committed:
    """A row of kshell.commits."""

    snapshot_id: int | None
    committed_at: float                       # seconds since the epoch
    rows: int
    files: int
    bytes: int
    seconds: float
    ranges: str                               # JSON: topic -> [[partition, lo, hi, rows], ...]
    errors: int
    kind: str = "rows"                        # or compaction, or replay


class Cycle:
    """Carries out the steps on the flusher's thread, with a cursor of its own."""

    def __init__(self, target: Target, cursor: duckdb.DuckDBPyConnection) -> None:
        self._target = target
        self._cursor = cursor

    def seal(self) -> None:
        """Step 1."""
        if not self._target.seal():
            raise InternalError("the source did not close its segment in time",
                                hint=f"SHOW SOURCES shows its state; FLUSH SINK {self._target.name} tries again")

    def next_piece(self, *, idle: bool) -> Piece | None:
        """What to commit next; `idle`: also positions that moved over control records only."""
        target = self._target
        most = min(MOST_BYTES, target.buffer.limit_bytes // _SHARE)
        piece = take(target.buffer.sealed(target.name), target.next_offsets(), most_bytes=most)
        return piece if piece is not None and (idle or piece.moves) else None

    def commit(self, piece: Piece, control: Control, landed: Callable[[Committed | None], None]) -> None:
        """Steps 2 to 6. `landed` is told between 4 and 5, because an error of the hand-over does not undo a commit; it gets None when
        somebody else was there first, or the table changed."""
        began = time.monotonic()
        topics = self._verify(piece)
        judged, errors = self._commit_errors(piece, control)
        target = self._target
        reader = PieceReader(self._cursor, piece, target.columns, topic=target.single_topic, judged=judged, sort_by=target.head.sort_by,
                             over=target.over)
        ranges = reader.ranges()
        outcome = self._commit_rows(ranges, reader, errors, topics, control)
        applied = outcome.result is Result.APPLIED
        landed(Committed(outcome.head.snapshot_id, time.time(), outcome.rows, outcome.files, outcome.bytes, time.monotonic() - began,
                         _ranges_text(ranges), errors) if applied else None)
        self._hand_over(outcome)
        if applied:
            self._tell_kafka(ranges)

    def _verify(self, piece: Piece) -> dict[str, str | None]:
        """Step 2: the id of each topic. One that was deleted and created again has other records at the same offsets."""
        from kshell.iceberg.compare import compare

        target = self._target
        assert target.head.state is not None
        facts = topic_ids(target.cluster, {*target.head.state.topics, *(topic for topic, _ in piece.bounds)})
        for stop in compare(target.head.state, facts, target.name):
            raise stop
        return {name: topic.id for name, topic in facts.topics.items()}

    def _commit_errors(self, piece: Piece, control: Control) -> tuple[Collection[tuple[str, int, int]], int]:
        """Step 3."""
        from kshell.iceberg.errors_table import commit_errors
        from kshell.iceberg.head import load_head

        target = self._target
        if target.errors_sink is None:
            return (), len(piece.bad)
        ranges = {tp: Range(lo, hi) for tp, (lo, hi) in piece.bounds.items()}
        try:
            done = commit_errors(target.lake, target.errors_sink, ranges, error_rows(piece.bad), control, epochs=target.errors_again())
        except Stop:
            raise
        except ConflictError:                 # the table goes back after its error table: what is buffered is dropped when it has
            target.hand_over(load_head(target.lake, target.sink))
            raise
        return done.already, done.committed

    def _commit_rows(self, ranges: Mapping[TP, Range], reader: PieceReader, errors: int, topics: Mapping[str, str | None],
                     control: Control) -> Outcome:
        """Step 4."""
        from kshell.iceberg.commit import commit

        target = self._target
        failpoint("flush.before_parquet")
        give_back()
        assert target.head.state is not None
        again = {tp: target.head.state.again(*tp) for tp in ranges}
        batch = Batch(ranges, reader.rows, target.head.schema_id, target.head.spec_id, errors, leaders=target.leaders(), topic_ids=topics,
                      again=again)
        return commit(target.lake, target.sink, batch, control)

    def _hand_over(self, outcome: Outcome) -> None:
        """Step 5."""
        self._target.hand_over(outcome.head, rewound=outcome.result is Result.REWOUND)

    def _tell_kafka(self, ranges: Mapping[TP, Range]) -> None:
        """Step 6."""
        failpoint("kafka.before_offset_commit")
        self._target.cluster.commit_offsets(self._target.group, {tp: (part.hi, None) for tp, part in ranges.items()})


def _ranges_text(ranges: Mapping[TP, Range]) -> str:
    topics: dict[str, list[list[int]]] = {}
    for (topic, partition), part in sorted(ranges.items()):
        topics.setdefault(topic, []).append([partition, part.lo, part.hi, part.rows])
    return json.dumps(topics, separators=(",", ":"))
