"""ALTER SINK where it moves a position: each is one commit that records the jump.

Invariant: the sink does not run meanwhile; what is skipped leaves a row in the error table. A position goes back only where the log
ends below it: anywhere else its records would land twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kshell.buffer import TP, BadRow
from kshell.errors import Error, NotFoundError, RefusedError
from kshell.flush.batch import error_rows
from kshell.iceberg import Head, KafkaFacts, Range, Sink
from kshell.ingest import Trouble
from kshell.lang.statements import AlterSink
from kshell.query.bounded_read import BoundedRead
from kshell.session.sink import SinkEntry, errors_table_of

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

BUILT = frozenset({"skip", "accept_rollback", "recover_data"})
CUT = frozenset({"AHEAD_OF_LOG", "LOG_TRUNCATED"})
FETCH_S = 5.0                                 # for the bytes of a skipped record
Logs = Callable[[], KafkaFacts]               # as they are when it is called


def resolve(entry: SinkEntry, lake: Lake, logs: Logs, statement: AlterSink) -> Head:
    """Carry out one of BUILT. The head with the new positions."""
    from kshell.iceberg.resolve import accept_rollback, recover_from_data

    sink = _handle(entry, lake)
    if statement.action == "skip":
        return _skip(entry, lake, sink, logs, statement)
    if statement.action == "accept_rollback":
        return accept_rollback(lake, sink)
    return recover_from_data(lake, sink, logs())


def require(entry: SinkEntry, lake: Lake, logs: Logs, statement: AlterSink) -> None:
    """What cannot be carried out is refused while the sink still runs. A position of a partition that Kafka does not have would stop the
    sink, and no statement could take it back."""
    if statement.action != "skip":
        return
    _position(entry, lake, _handle(entry, lake), logs, statement)


def unbuilt(entry: SinkEntry, action: str) -> RefusedError:
    hint = f"SHOW SINKS shows the state of {entry.name}"
    if action == "accept_new_topic":
        hint = f"DROP SINK {entry.name} FORCE, then CREATE SINK into another table: this one has other records at these offsets"
    return RefusedError(f"ALTER SINK ... {written(action)} is not built yet", hint=hint)


def _position(entry: SinkEntry, lake: Lake, sink: Sink, logs: Logs, statement: AlterSink) -> tuple[TP, int]:
    """The partition that is meant and where the table has it, when it may be moved."""
    from kshell.iceberg.head import load_head

    topics = entry.source.current_topics()
    if len(topics) > 1:
        raise RefusedError(f"source {entry.source.name} reads several topics, and SKIP PARTITION names none",
                           hint="one source and sink per topic can be skipped")
    assert statement.partition is not None
    assert statement.offset is not None
    tp = topics[0], statement.partition
    # The table first: whatever it has committed is then below the end of a log that was not cut.
    position = load_head(lake, sink).cut().get(tp, 0)
    known = logs().topics.get(topics[0])
    if known is not None and statement.partition not in known.partitions:
        raise NotFoundError(f"topic {topics[0]} has no partition {statement.partition}",
                            hint=f"partitions: {', '.join(map(str, sorted(known.partitions)))}")
    end = known.log_end.get(statement.partition) if known is not None else None
    if end is not None:
        _require_place(entry, tp, position, statement.offset, end)
    return tp, position


def _require_place(entry: SinkEntry, tp: TP, position: int, to: int, end: int) -> None:
    place = f"{tp[0]}[{tp[1]}]"
    if to > end:
        raise RefusedError(f"the log of {place} ends at {end}: there is nothing to skip up to {to}",
                           hint=f"ALTER SINK {entry.name} SKIP PARTITION {tp[1]} TO {end} goes to its end")
    trouble = entry.source.ingest.status().troubles.get(tp)
    was_cut = (trouble is not None and trouble.kind in CUT) or (entry.stop is not None and str(entry.stop.state) in CUT)
    if to < position <= end and not was_cut:
        raise RefusedError(f"sink {entry.name} is at {position} of {place}, whose log goes on from there: what lies below would land twice",
                           hint="it goes back only where the log was cut; to read again: another sink into another table")


def _skip(entry: SinkEntry, lake: Lake, sink: Sink, logs: Logs, statement: AlterSink) -> Head:
    from kshell.iceberg.resolve import skip

    tp, position = _position(entry, lake, sink, logs, statement)
    assert statement.offset is not None
    errors = _errors(entry, lake, sink)
    if errors is not None and statement.offset > position:
        _record_skipped(entry, lake, errors, tp, Range(position, statement.offset))
    head = skip(lake, sink, *tp, statement.offset, "statement", errors=errors, seen=position)
    if statement.offset < position:           # what is buffered of it are records that Kafka has no more
        entry.source.ingest.rewind({tp: statement.offset}, again=(tp,))
    return head


def _errors(entry: SinkEntry, lake: Lake, sink: Sink) -> Sink | None:
    from kshell.iceberg.coverage import errors_sink_in

    if entry.created is not None:
        return entry.created.errors_sink
    named = errors_table_of(entry)
    found = errors_sink_in(lake, named, sink) if named is not None else None
    return replace(found, definition=entry.definition) if found is not None else None


def _record_skipped(entry: SinkEntry, lake: Lake, errors: Sink, tp: TP, skipped: Range) -> None:
    """One row in the error table names the offsets that the table will never have; of a single record it has the bytes."""
    from kshell.iceberg.errors_table import SKIPPED, commit_skipped

    told = f"offsets {skipped.lo} to {skipped.hi - 1} were skipped: ALTER SINK {entry.name} SKIP PARTITION {tp[1]} TO {skipped.hi}"
    found = _fetched(entry, tp, skipped.lo) if skipped.hi == skipped.lo + 1 else None
    row = BadRow(*tp, offset=skipped.lo, timestamp_us=None, key=None, headers=None, value=None, schema_id=None, code=SKIPPED, message=told,
                 seen_at_us=time.time_ns() // 1000)
    if found is not None:
        kind, at_ms = found.timestamp()
        row = replace(row, timestamp_us=at_ms * 1000 if kind else None, key=found.key(), headers=tuple(found.headers() or ()),
                      value=found.value())
    commit_skipped(lake, errors, tp, skipped, error_rows([row]))


def _fetched(entry: SinkEntry, tp: TP, offset: int) -> Any:
    """The record as Kafka has it. None: it has it no more, or does not give it."""
    read = BoundedRead(entry.source.cluster, {tp: (offset, offset + 1)}, timeout_s=FETCH_S, most=1, check=lambda: None)
    with suppress(Error):
        for messages in read.messages():
            for message in messages:
                return message
    return None


def _handle(entry: SinkEntry, lake: Lake) -> Sink:
    if entry.created is not None:
        return entry.created.sink
    return Sink(entry.name, entry.id, entry.table, str(lake.load(entry.table).metadata.table_uuid), entry.definition)


def cure_of(sink: str, trouble: Trouble) -> str:
    match trouble.kind:
        case "OUT_OF_RETENTION":
            return f"ALTER SINK {sink} SKIP PARTITION {trouble.tp[1]} TO {trouble.log_start}"
        case "AHEAD_OF_LOG" | "LOG_TRUNCATED":
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
