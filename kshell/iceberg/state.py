"""Reading the recorded progress, and refusing it when it cannot be trusted.

Invariant: the nearest ancestor of the head that carries a state wins, and it must be the snapshot our tag names. Missing state is
never "start from nothing": the answer is then a Stop, unless the whole history is known and knows nothing of this sink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from kshell.iceberg import codec, lineage
from kshell.iceberg.values import TP, Sink, State, Stop, StopState


@dataclass(frozen=True, slots=True)
class Found:
    """What the metadata alone says."""

    state: State | None                       # None: this sink never committed here
    snapshot_id: int | None = None            # the snapshot that carries it
    by_tag: bool = False                      # the walk ended at an expired parent and the tag was taken: data must confirm it


def ancestors(metadata: TableMetadata) -> Iterator[Snapshot]:
    """From the head of main to the root, or to the last snapshot whose parent is expired."""
    known = {s.snapshot_id: s for s in metadata.snapshots}
    current = metadata.current_snapshot()
    while current is not None:
        yield current
        current = known.get(current.parent_snapshot_id) if current.parent_snapshot_id is not None else None


def entry(snapshot: Snapshot, key: str) -> str | None:
    return snapshot.summary.additional_properties.get(key) if snapshot.summary else None


def state_of(snapshot: Snapshot, sink_id: str) -> State | None:
    text = entry(snapshot, codec.state_key(sink_id))
    return codec.decode_state(text) if text is not None else None


def landed(metadata: TableMetadata, sink_id: str, cid: str) -> bool:
    """Step 2: whether a commit with this id is in the history of main. One that landed and was rolled back is not."""
    keys = (codec.commit_key(sink_id), codec.compaction_key(sink_id))
    summaries = (s.summary.additional_properties for s in ancestors(metadata) if s.summary)
    return any(cid in summary.get(key, "") for summary in summaries for key in keys)


def read_state(metadata: TableMetadata, sink: Sink) -> Found:
    """The state by metadata alone: what every attempt of a commit asks. Raises Stop."""
    walked: list[Snapshot] = []
    for snapshot in ancestors(metadata):
        walked.append(snapshot)
        state = state_of(snapshot, sink.id)
        if state is not None:
            _require_pointer(metadata, sink, snapshot)
            return Found(state, snapshot.snapshot_id)
    return _beyond_the_walk(metadata, sink, walked)


def _pointer(metadata: TableMetadata, sink_id: str) -> int | None:
    """The snapshot that our tag names; without a tag, the one of the mirror."""
    tag = metadata.refs.get(codec.tag_name(sink_id))
    if tag is not None:
        return tag.snapshot_id
    mirror = metadata.properties.get(codec.state_key(sink_id))
    return codec.decode_mirror(mirror)[1] if mirror else None


def _require_pointer(metadata: TableMetadata, sink: Sink, found: Snapshot) -> None:
    """Our last snapshot is an ancestor of the head and none later carries a state: else the table was rolled back."""
    pointer = _pointer(metadata, sink.id)
    if pointer is None or pointer == found.snapshot_id:
        return
    earlier = False
    for snapshot in ancestors(metadata):
        earlier = earlier or snapshot.snapshot_id == found.snapshot_id
        if snapshot.snapshot_id == pointer and earlier:
            return
    raise rolled_back(sink, f"its last commit (snapshot {pointer}) is not in the table, which stands at snapshot {found.snapshot_id}")


def _beyond_the_walk(metadata: TableMetadata, sink: Sink, walked: list[Snapshot]) -> Found:
    """No ancestor carries a state. What the tag or the mirror remembers must be explained, or the sink stops."""
    tag = metadata.refs.get(codec.tag_name(sink.id))
    if tag is None and codec.state_key(sink.id) not in metadata.properties:
        return Found(None)                    # never ours, as far as metadata can say; CREATE SINK also looks for rows with positions
    oldest = walked[-1] if walked else None
    if oldest is None or (oldest.parent_snapshot_id is None and (oldest.sequence_number or 0) <= 1):
        raise state_lost(sink, "the table was rolled back to before the first commit of this sink")
    # A parent that is None proves no root: PyIceberg's expiry cuts the link to a parent that it removes.
    snapshot = metadata.snapshot_by_id(tag.snapshot_id) if tag is not None else None
    state = state_of(snapshot, sink.id) if snapshot is not None else None
    if snapshot is None or state is None:
        raise state_lost(sink, "the snapshots that carried its progress are expired and its tag is gone")
    if (snapshot.sequence_number or 0) >= (oldest.sequence_number or 0):
        raise rolled_back(sink, f"its last commit (snapshot {snapshot.snapshot_id}) is not among the ancestors of the table's head")
    return Found(state, snapshot.snapshot_id, by_tag=True)


def current_state(table: Table, sink: Sink) -> State | None:
    """The state that may be built upon. Data is read only when the tag alone carries it, and once per head."""
    found = read_state(table.metadata, sink)
    if found.state is None:
        return None
    head = table.metadata.current_snapshot()
    assert head is not None
    if found.by_tag and not any(s.snapshot_id in sink.trusted for s in ancestors(table.metadata)):
        assert found.snapshot_id is not None
        if not lineage.contained(table, found.snapshot_id):
            raise rolled_back(sink, f"the rows of its last commit (snapshot {found.snapshot_id}) are not in the table any more")
    sink.trusted.clear()                      # one is enough: a head that descends from it is walked to it
    sink.trusted.add(head.snapshot_id)
    return found.state


def rewind_explained(metadata: TableMetadata, sink_id: str, tp: TP, lo: int, position: int) -> bool:
    """Whether a recorded jump moved this partition back from `lo` or beyond: then the position below it is an order, not an accident."""
    for snapshot in ancestors(metadata):
        text = entry(snapshot, codec.commit_key(sink_id))
        for jump in codec.decode_commit(text).jumps if text else ():
            if (jump.topic, jump.partition) == tp and jump.hi < jump.lo and jump.lo >= lo and jump.hi <= position:
                return True
    return False


def rolled_back(sink: Sink, why: str) -> Stop:
    return Stop(StopState.ROLLED_BACK, f"sink {sink.name}: {why}", f"ALTER SINK {sink.name} ACCEPT ROLLBACK")


def state_lost(sink: Sink, why: str) -> Stop:
    return Stop(StopState.STATE_LOST, f"sink {sink.name}: {why}", f"ALTER SINK {sink.name} RECOVER PROGRESS FROM DATA")


def other_ids(metadata: TableMetadata, sink_id: str) -> set[str]:
    """Ids of other sinks with progress in this table."""
    names: set[str] = {name.removeprefix("kshell_") for name in metadata.refs if name.startswith("kshell_")}
    sources: list[Mapping[str, str]] = [metadata.properties]
    sources += [s.summary.additional_properties for s in ancestors(metadata) if s.summary]
    names |= {key.split(".")[1] for source in sources for key in source if key.startswith("kshell.") and key.endswith(".state")}
    return names - {sink_id}
