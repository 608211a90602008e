"""Iceberg tables as the place where progress lives: one catalog commit carries the rows and the positions.

Invariant: only this package imports PyIceberg; its exceptions leave as `kshell.errors`. Values are here, what acts is in its module:

    catalogs.open_catalog(kind, name, uri, warehouse=None, options={}, data_dir=None) -> Lake      (catalogs/__init__.py)
    head.load_head(lake, sink) -> Head                                             file, cut and columns of one snapshot
    create.create_sink(lake, spec, facts, starts) -> Created                       table, error table and first commit
    create.explain_sink(lake, spec) -> list[str]                                   what create_sink would do
    compare.compare(state, facts, sink_name, definition) -> list[Stop]             Kafka against the table, before the first poll
    commit.commit(lake, sink, batch, control=Control()) -> Outcome                 rows and positions; raises Stop, Left
    errors_table.commit_errors(lake, sink, ranges, bad, control) -> ErrorsOutcome  always before commit()
    compact.compact / optimize(lake, sink, control) -> Compacted                   small files merged, positions as they were
    replay.land(lake, sink, rows, at) -> Landed; marks.mark(lake, sink, resolved)   REPLAY ERRORS: rows below the positions, and their marks
    maintenance.expire(lake, sink) / maintenance.delete_old_metadata(...)
    resolve.skip / accept_rollback / recover_from_data                             one commit each, with a recorded jump
    check.check(cursor, lake, table, errors_table, sink_id) -> pyarrow.Table       CHECK SINK

They load PyIceberg, which takes half a second: import them when a table is first needed."""

from __future__ import annotations

from kshell.iceberg.values import (
    ERROR_COLUMNS,
    TP,
    Batch,
    Compacted,
    Control,
    Created,
    ErrorsOutcome,
    Head,
    Identifier,
    Jump,
    KafkaFacts,
    Left,
    Outcome,
    Phase,
    Position,
    Progress,
    Range,
    Result,
    Sink,
    SinkSpec,
    State,
    Stop,
    StopState,
    TopicFacts,
    TopicState,
    Unset,
)

__all__ = [
    "ERROR_COLUMNS",
    "TP",
    "Batch",
    "Compacted",
    "Control",
    "Created",
    "ErrorsOutcome",
    "Head",
    "Identifier",
    "Jump",
    "KafkaFacts",
    "Left",
    "Outcome",
    "Phase",
    "Position",
    "Progress",
    "Range",
    "Result",
    "Sink",
    "SinkSpec",
    "State",
    "Stop",
    "StopState",
    "TopicFacts",
    "TopicState",
    "Unset",
]
