"""Statements that move positions: SKIP PARTITION, ACCEPT ROLLBACK, RECOVER PROGRESS, CREATE OR REPLACE SINK.

Invariant: one commit of zero rows each, which records the jump. Nothing else moves a position without rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pyiceberg.table import Table

from kshell.columns import EPOCH, Column
from kshell.errors import BadValueError, ConflictError
from kshell.iceberg import codec, lineage
from kshell.iceberg.commit import PATIENT, Planned, require_clock, run, stage
from kshell.iceberg.evolve import add_columns
from kshell.iceberg.state import ancestors, current_state, state_lost, state_of
from kshell.iceberg.values import TP, Batch, Control, Head, Jump, KafkaFacts, Outcome, Sink, State, TopicState

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

Move = Callable[[Table], tuple[State, list[Jump]]]


def _move(lake: Lake, sink: Sink, move: Move, control: Control, properties: Mapping[str, str] = {}) -> Head:
    """Commit the state that `move` makes of the table as it stands, with the jumps that lead there."""
    cid = str(uuid.uuid4())

    def plan(table: Table) -> Planned | Outcome:
        state, jumps = move(table)
        require_clock(table, control)
        after = replace(state, seq=state.seq + 1)
        return Planned(stage(table, sink, after, Batch(jumps=tuple(jumps), cid=cid), properties=properties))

    return run(lake, sink, cid, plan, control).head


def skip(lake: Lake, sink: Sink, topic: str, partition: int, to: int, reason: str = "", control: Control = PATIENT, *,
         errors: Sink | None = None, seen: int | None = None) -> Head:
    """Set one position. Below the recorded one, offsets will be used again: the topic then begins a new epoch, also in the error table.

    `seen`: the position that the caller had before it. ConflictError: the table stands elsewhere, and nothing was moved."""
    state = _required(lake.load(sink.table), sink)
    position = _position(state, sink, topic, partition)
    if seen is not None and position != seen:
        raise _moved_meanwhile(sink, (topic, partition), seen, position)
    epoch = _begin_epoch(lake, sink, errors, state.topics[topic].epoch, Jump(topic, partition, position, to, "EPOCH", reason), control) \
        if to < position else None

    def move(table: Table) -> tuple[State, list[Jump]]:
        state = _required(table, sink)
        if (found := state.next(topic, partition)) != position:
            raise _moved_meanwhile(sink, (topic, partition), position, found)
        jump = Jump(topic, partition, position, to, "SKIP" if epoch is None else "EPOCH", reason)
        return _jumped(state, jump, epoch), [jump]

    return _move(lake, sink, move, control)


def _begin_epoch(lake: Lake, sink: Sink, errors: Sink | None, epoch: int, jump: Jump, control: Control) -> int:
    """What has to be there before the table goes back: rows of the new epoch differ from the old ones in both tables, and the error table,
    whose rows are asked first, stands in it. One that is ahead because a process died in between is passed."""
    column = [Column(EPOCH, "INTEGER")]
    add_columns(lake, sink.table, column, control)
    if errors is None:
        return epoch + 1
    known = _required(add_columns(lake, errors.table, column, control), errors).topics.get(jump.topic)
    begun = max(epoch, known.epoch if known else 0) + 1

    def move(table: Table) -> tuple[State, list[Jump]]:
        state = _required(table, errors)
        return _jumped(state, jump, begun), [replace(jump, lo=state.next(jump.topic, jump.partition))]

    _move(lake, errors, move, control)
    return begun


def _jumped(state: State, jump: Jump, epoch: int | None) -> State:
    known = state.topics.get(jump.topic, TopicState(id=None))
    return replace(state, topics={**state.topics, jump.topic: codec.moved(known, jump.partition, jump.hi, epoch)})


def _moved_meanwhile(sink: Sink, tp: TP, before: int, after: int) -> ConflictError:
    return ConflictError(f"sink {sink.name}: {tp[0]}[{tp[1]}] moved from {before} to {after} meanwhile, and nothing was skipped",
                         hint="another process commits to this table: stop it, or see where the sink stands, and say it again")


def _position(state: State, sink: Sink, topic: str, partition: int) -> int:
    if topic not in state.topics:
        raise BadValueError(f"sink {sink.name} does not read topic {topic}")
    position = state.next(topic, partition)
    if position < 0:
        raise BadValueError(f"sink {sink.name} does not cover partition {partition} of {topic}")
    return position


def accept_rollback(lake: Lake, sink: Sink, control: Control = PATIENT) -> Head:
    """Go on from the state of the present head: data and positions agree there, so what was rolled back is read again.

    Error rows stay: their verdicts are final, and the batches that come again find them."""
    def move(table: Table) -> tuple[State, list[Jump]]:
        state = next((s for s in (state_of(a, sink.id) for a in ancestors(table.metadata)) if s is not None), None)
        if state is None:
            raise state_lost(sink, "the table was rolled back to where it carries no progress")
        before = _abandoned(table, sink)
        known = before.positions() if before else {}
        moved = ((tp, known.get(tp, n), n) for tp, n in sorted(state.positions().items()))
        jumps = [Jump(*tp, old, new, "REPLAY", "rollback") for tp, old, new in moved if old != new]
        return replace(state, definition=sink.definition), jumps

    return _move(lake, sink, move, control)


def _abandoned(table: Table, sink: Sink) -> State | None:
    """The state that the table does not stand at any more, as the tag or the mirror remembers it."""
    tag = table.metadata.refs.get(codec.tag_name(sink.id))
    snapshot = table.metadata.snapshot_by_id(tag.snapshot_id) if tag else None
    state = state_of(snapshot, sink.id) if snapshot else None
    mirror = table.metadata.properties.get(codec.state_key(sink.id))
    return codec.decode_mirror(mirror)[0] if state is None and mirror else state


def recover_from_data(lake: Lake, sink: Sink, facts: KafkaFacts, control: Control = PATIENT) -> Head:
    """Positions from the rows: the highest offset + 1 of each partition. A partition without rows begins at the log's start."""
    return _move(lake, sink, lambda table: _recovered(table, sink, facts), control)


def recovered_positions(lake: Lake, sink: Sink, facts: KafkaFacts) -> dict[TP, int]:
    """What recover_from_data would record, to be shown before."""
    return _recovered(lake.load(sink.table), sink, facts)[0].positions()


def _recovered(table: Table, sink: Sink, facts: KafkaFacts) -> tuple[State, list[Jump]]:
    head = table.metadata.current_snapshot()
    rows = lineage.furthest(table, head.snapshot_id) if head else {}
    topics = {}
    for name, topic in facts.topics.items():
        own = {key: value for key, value in rows.items() if key[0] in (name, None)}
        width = max([*topic.partitions, *(key[2] for key in own)], default=-1) + 1
        again = [max((key[1] for key in own if key[2] == p), default=0) for p in range(width)]      # a partition begins again by itself
        highest = {key[2]: value[0] for key, value in own.items() if key[1] == again[key[2]]}
        counts = [sum(value[1] for key, value in own.items() if key[2] == p) for p in range(width)]
        topics[name] = TopicState(id=topic.id, epoch=max(again, default=0), leader=(-1,) * width, rows=tuple(counts), next=tuple(
            highest[p] + 1 if p in highest else topic.log_start.get(p, 0) for p in range(width)), again=tuple(again))
    before = _abandoned(table, sink)
    state = State(seq=before.seq if before else 0, definition=sink.definition, cluster=facts.cluster_id, topics=topics)
    known = before.positions() if before else {}
    # Every partition, also where the number is the same: from here on the chain rests on the data.
    return state, [Jump(*tp, known.get(tp, 0), n, "RECOVER", "data") for tp, n in sorted(state.positions().items())]


def redefine(lake: Lake, sink: Sink, control: Control = PATIENT, properties: Mapping[str, str] = {}) -> Head:
    """Record the definition of `sink` and its options over an existing progress."""
    return _move(lake, sink, lambda table: (replace(_required(table, sink), definition=sink.definition), []), control, properties)


def _required(table: Table, sink: Sink) -> State:
    state = current_state(table, sink)
    if state is None:
        raise state_lost(sink, "the table carries no progress of it")
    return state
