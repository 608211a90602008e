"""Which offsets a sink's table owes: from where it began up to its position, without what a statement left out.

Invariant: read-only, and everything comes from one metadata file. A beginning that no snapshot records any more is None, never a guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyiceberg.table import Table

from kshell.errors import NotFoundError
from kshell.iceberg import codec
from kshell.iceberg.head import describe
from kshell.iceberg.provision import leaves_out_key
from kshell.iceberg.state import ancestors, current_state, entry, other_ids, state_of
from kshell.iceberg.values import TP, Head, Identifier, Jump, Sink

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

Span = tuple[int, int]                        # [lo, hi)


@dataclass(frozen=True, slots=True)
class Coverage:
    head: Head
    starts: Mapping[TP, int | None]           # the first offset owed; None: the snapshot that recorded it is expired
    left_out: Mapping[TP, tuple[Span, ...]]   # offsets that a statement skipped
    again: Mapping[TP, tuple[Span, ...]]      # (offset, epoch): from this offset on, records are of this epoch or of a later one


def coverage(lake: Lake, sink: Sink) -> Coverage:
    """Of every covered partition. Raises Stop when the progress cannot be trusted, NotFoundError where none was ever recorded."""
    table = lake.load(sink.table)
    state = current_state(table, sink)
    if state is None:
        raise NotFoundError(f"table {lake.qualified(sink.table)} carries no progress of a sink {sink.id}",
                            hint="a sink writes it at its first commit; name the sink's table, or its ID")
    moves = list(_moves(table, sink))
    jumps = [jump for jump, _ in moves]
    whole = any(jump.kind == "START" for jump in jumps)
    tps = list(state.positions())
    again = {tp: tuple((j.hi, epoch) for j, epoch in moves if (j.topic, j.partition) == tp and j.kind == "EPOCH") for tp in tps}
    return Coverage(describe(table, state), {tp: _start(tp, jumps, whole) for tp in tps}, {tp: _left_out(tp, jumps) for tp in tps}, again)


def _moves(table: Table, sink: Sink) -> Iterator[tuple[Jump, int]]:
    """Jumps, the newest first, each with the epoch of its partition from there on."""
    for snapshot in ancestors(table.metadata):
        text, state = entry(snapshot, codec.commit_key(sink.id)), state_of(snapshot, sink.id)
        if text and state is not None:
            yield from ((jump, state.again(jump.topic, jump.partition)) for jump in codec.decode_commit(text).jumps)


def _start(tp: TP, jumps: Iterable[Jump], whole: bool) -> int | None:
    """A partition that appeared after the first commit has no START and is owed from 0."""
    recorded = [j.hi for j in jumps if (j.topic, j.partition) == tp and j.kind == "START"]
    return recorded[-1] if recorded else 0 if whole else None


def _left_out(tp: TP, jumps: Iterable[Jump]) -> tuple[Span, ...]:
    """Forward jumps but the first. What a later jump went back to was read after all."""
    spans: list[Span] = []
    back_to: int | None = None
    for jump in jumps:
        if (jump.topic, jump.partition) != tp or jump.kind == "START":
            continue
        if jump.hi < jump.lo:
            back_to = jump.hi if back_to is None else min(back_to, jump.hi)
            continue
        hi = jump.hi if back_to is None else min(jump.hi, back_to)
        if hi > jump.lo:
            spans.append((jump.lo, hi))
    return tuple(spans)


def sink_in(lake: Lake, identifier: Identifier, *, name: str, sink_id: str | None = None) -> Sink:
    """The sink whose progress a table carries, for looking only."""
    table = lake.load(identifier)
    if sink_id is None:
        ids = sorted(other_ids(table.metadata, ""))
        if not ids:
            raise NotFoundError(f"table {lake.qualified(identifier)} carries no progress of a sink",
                                hint="kshell verify takes a table that CREATE SINK writes")
        sink_id = ids[0]
    return Sink(name=name, id=sink_id, table=identifier, table_uuid=str(table.metadata.table_uuid), definition="")


def leaves_out(lake: Lake, sink: Sink) -> bool:
    """Whether the table says that some records have no row by order: a query filters, or ON_ERROR skip."""
    return lake.load(sink.table).properties.get(leaves_out_key(sink.id)) == "true"


def errors_sink_in(lake: Lake, identifier: Identifier, sink: Sink) -> Sink | None:
    """The same of its error table; None: there is none."""
    table = lake.find(identifier)
    if table is None or sink.id not in other_ids(table.metadata, ""):
        return None
    return Sink(name=sink.name, id=sink.id, table=identifier, table_uuid=str(table.metadata.table_uuid), definition="")
