"""ALTER SINK where it moves a position: each is one commit that records the jump.

Invariant: the sink does not run meanwhile; what is skipped leaves a row in the error table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kshell.buffer import TP, BadRow
from kshell.errors import NotFoundError, RefusedError
from kshell.flush.batch import error_rows
from kshell.iceberg import Head, KafkaFacts, Range, Sink
from kshell.ingest import Trouble
from kshell.lang.statements import AlterSink
from kshell.session.sink import SinkEntry

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

BUILT = frozenset({"skip", "accept_rollback", "recover_data"})


def resolve(entry: SinkEntry, lake: Lake, facts: KafkaFacts, statement: AlterSink) -> Head:
    """Carry out one of BUILT. The head with the new positions."""
    from kshell.iceberg.resolve import accept_rollback, recover_from_data

    sink = _handle(entry, lake)
    if statement.action == "skip":
        return _skip(entry, lake, sink, statement)
    if statement.action == "accept_rollback":
        return accept_rollback(lake, sink)
    return recover_from_data(lake, sink, facts)


def require(entry: SinkEntry, facts: KafkaFacts, statement: AlterSink) -> None:
    """What cannot be carried out is refused while the sink still runs. A position of a partition that Kafka does not have would stop the
    sink, and no statement could take it back."""
    if statement.action != "skip":
        return
    topics = entry.source.current_topics()
    if len(topics) > 1:
        raise RefusedError(f"source {entry.source.name} reads several topics, and SKIP PARTITION names none",
                           hint="one source and sink per topic can be skipped")
    known = facts.topics.get(topics[0])
    if known is not None and statement.partition not in known.partitions:
        raise NotFoundError(f"topic {topics[0]} has no partition {statement.partition}",
                            hint=f"partitions: {', '.join(map(str, sorted(known.partitions)))}")


def _skip(entry: SinkEntry, lake: Lake, sink: Sink, statement: AlterSink) -> Head:
    from kshell.iceberg.resolve import skip

    topics = entry.source.current_topics()
    assert statement.partition is not None
    assert statement.offset is not None
    _record_skipped(entry, lake, sink, (topics[0], statement.partition), statement.offset)
    return skip(lake, sink, topics[0], statement.partition, statement.offset, "statement")


def _record_skipped(entry: SinkEntry, lake: Lake, sink: Sink, tp: TP, to: int) -> None:
    """One row in the error table names the offsets that the table will never have. Said again, it stays one row."""
    from kshell.iceberg.errors_table import commit_errors
    from kshell.iceberg.head import load_head

    created = entry.created
    position = load_head(lake, sink).cut().get(tp, 0) if created else to
    if created is None or created.errors_sink is None or to <= position:
        return
    told = f"offsets {position} to {to - 1} were skipped: ALTER SINK {entry.name} SKIP PARTITION {tp[1]} TO {to}"
    row = BadRow(*tp, offset=position, timestamp_us=None, key=None, headers=None, value=None, schema_id=None, code="SKIPPED", message=told,
                 seen_at_us=time.time_ns() // 1000)
    commit_errors(lake, created.errors_sink, {tp: Range(position, to)}, error_rows([row]))


def _handle(entry: SinkEntry, lake: Lake) -> Sink:
    if entry.created is not None:
        return entry.created.sink
    return Sink(entry.name, entry.id, entry.table, str(lake.load(entry.table).metadata.table_uuid), entry.definition)


def cure_of(sink: str, trouble: Trouble) -> str:
    match trouble.kind:
        case "OUT_OF_RETENTION":
            return f"ALTER SINK {sink} SKIP PARTITION {trouble.tp[1]} TO {trouble.log_start}"
        case "AHEAD_OF_LOG":
            return f"ALTER SINK {sink} SKIP PARTITION {trouble.tp[1]} TO {trouble.log_end}"
        case "DECODER_CRASHED" | "DECODE_STUCK":
            return f"ALTER SINK {sink} SKIP PARTITION {trouble.tp[1]} TO {trouble.position + 1}"
        case "TOPIC_RECREATED":
            return f"ALTER SINK {sink} ACCEPT NEW TOPIC"
        case _:
            return f"RESUME SINK {sink} when the topic is back, or DROP SINK {sink} FORCE"


def written(action: str) -> str:
    longer = {"accept_new_cluster": "ACCEPT NEW CLUSTER OFFSETS", "recover_property": "RECOVER PROGRESS FROM PROPERTY"}
    return longer.get(action, action.replace("_", " ").upper())


def places(head: Head) -> str:
    return ", ".join(f"{topic}[{partition}]@{offset}" for (topic, partition), offset in sorted(head.cut().items()))
