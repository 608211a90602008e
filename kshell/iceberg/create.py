"""CREATE SINK: the table, the error table, and the first commit.

Invariant: START is resolved once, by the commit that records it. Where progress exists it is resumed and START is a note; where it
should exist and does not, nothing is written. Every step can be repeated: a crash between two of them leaves no half sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pyiceberg.table import Table

from kshell.columns import OFFSET
from kshell.errors import RefusedError
from kshell.iceberg import codec
from kshell.iceberg.commit import PATIENT, Planned, require_clock, run, stage
from kshell.iceberg.compare import compare, definition_changed
from kshell.iceberg.head import describe, load_head
from kshell.iceberg.mapping import mapped
from kshell.iceberg.provision import errors_table, fit, own_properties, require_makeable, sink_of, sink_table
from kshell.iceberg.resolve import redefine
from kshell.iceberg.state import current_state, state_lost
from kshell.iceberg.values import (
    TP,
    Batch,
    Control,
    Created,
    Head,
    Jump,
    KafkaFacts,
    Outcome,
    Result,
    Sink,
    SinkSpec,
    State,
    TopicState,
)
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

Starts = Callable[[], Mapping[TP, int]]


def create_sink(lake: Lake, spec: SinkSpec, facts: KafkaFacts, starts: Starts, control: Control = PATIENT) -> Created:
    """Make what is missing and resume what is there. `starts` resolves START; it is called at most once, and only for a new progress.

    Raises Stop when the table's own progress cannot be trusted; contradictions with Kafka are in `Created.stops`."""
    notes: list[str] = []
    table, columns = sink_table(lake, spec, notes, control)
    failpoint("create.after_table")
    sink = sink_of(spec, table, spec.table)
    state = _progress(table, sink, spec)
    first = state if state is not None else _first_state(spec, facts, starts())
    _require_size(first)
    errors = _errors(lake, spec, first, resumed=state is not None, control=control) if spec.errors_table else (None, None)
    failpoint("create.after_errors_table")
    resumed = state is not None
    if state is None:
        resumed = not _commit_first(lake, sink, first, "START", control, own_properties(spec))
        failpoint("create.after_start")
    elif state.definition != spec.definition or not own_properties(spec).items() <= table.properties.items():
        redefine(lake, sink, control, own_properties(spec))
    head = load_head(lake, sink)
    stops = compare(head.state, facts, spec.name) if head.state and resumed else []
    return Created(sink, head, errors[0], errors[1], columns, resumed, tuple(stops), tuple(notes))


def explain_sink(lake: Lake, spec: SinkSpec) -> list[str]:
    """What create_sink would do, one line each; changes nothing."""
    table = lake.find(spec.table)
    name = lake.qualified(spec.table)
    if table is None:
        require_makeable(lake, spec)
        names = ", ".join(f"{c.name} {c.type}" for c in spec.columns)
        return [f"create table {name} ({names})", f"first commit of sink id {spec.id}"]
    notes: list[str] = []
    found = fit(table, spec, name, notes)
    state = _progress(table, sink_of(spec, table, spec.table), spec)
    return [f"use table {name}", *(f"add column {c.name} {c.type}" for c in found.missing), *notes,
            "resume the recorded progress" if state else f"first commit of sink id {spec.id}"]


# ---- progress ----------------------------------------------------------------------------------------------------

def _progress(table: Table, sink: Sink, spec: SinkSpec) -> State | None:
    state = current_state(table, sink)
    if state is None and _has_positions(table):
        raise state_lost(sink, "the table holds rows with Kafka positions and no progress that explains them")
    if state is not None and state.definition != spec.definition and not spec.replace:
        raise definition_changed(spec.name)
    return state


def _has_positions(table: Table) -> bool:
    if table.metadata.current_snapshot() is None or OFFSET not in table.schema().column_names:
        return False
    with mapped(f"reading table {'.'.join(table.name())}"):
        scan = table.scan(row_filter=f"{OFFSET} IS NOT NULL", selected_fields=(OFFSET,), limit=1)
        return bool(scan.to_arrow().num_rows)


def _first_state(spec: SinkSpec, facts: KafkaFacts, starts: Mapping[TP, int]) -> State:
    topics = {}
    for name, topic in facts.topics.items():
        known = {p: starts[name, p] for p in topic.partitions if (name, p) in starts}
        width = max(known, default=-1) + 1
        positions = tuple(known.get(p, -1) for p in range(width))
        topics[name] = TopicState(id=topic.id, next=positions, leader=(-1,) * width, rows=(0,) * width)
    return State(seq=0, definition=spec.definition, cluster=facts.cluster_id, topics=topics)


def _require_size(state: State) -> None:
    size = len(codec.encode_state(state))
    if size > codec.STATE_BYTES_MAX:
        raise RefusedError(f"STATE_TOO_LARGE: {codec.partition_count(state)} positions take {size >> 10} KiB in every snapshot",
                           hint="split the topic over several sinks: PARTITIONS [...] on their sources")


def _commit_first(lake: Lake, sink: Sink, first: State, kind: str, control: Control, properties: Mapping[str, str] = {}) -> bool:
    """Zero rows, START jumps. False: another process had recorded a start before."""
    jumps = tuple(Jump(t, p, 0, n, kind) for (t, p), n in sorted(first.positions().items()))
    batch = Batch(jumps=jumps)

    def plan(table: Table) -> Planned | Outcome:
        known = current_state(table, sink)
        if known is not None:
            return Outcome(Result.OVERTAKEN, describe(table, known))
        require_clock(table, control)
        return Planned(stage(table, sink, first, batch, properties=properties))

    return run(lake, sink, batch.cid, plan, control).result is Result.APPLIED


def _errors(lake: Lake, spec: SinkSpec, positions: State, *, resumed: bool, control: Control) -> tuple[Sink, Head]:
    assert spec.errors_table is not None
    table = errors_table(lake, spec, spec.errors_table)
    sink = sink_of(spec, table, spec.errors_table)
    state = current_state(table, sink)
    if state is not None and state.definition != spec.definition:
        redefine(lake, sink, control)         # before the main table's: a crash in between is repeated, not refused
    if state is None:
        # An error table that was dropped begins where the main table stands: its old rows are gone, and that is recorded.
        _commit_first(lake, sink, _without_rows(positions, spec.definition), "RECOVER" if resumed else "START", control)
    return sink, load_head(lake, sink)


def _without_rows(state: State, definition: str) -> State:
    topics = {name: replace(topic, rows=(0,) * len(topic.rows), again=()) for name, topic in state.topics.items()}
    return replace(state, seq=0, definition=definition, topics=topics)
