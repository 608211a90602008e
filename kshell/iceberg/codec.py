"""Spelling of the recorded state: compact JSON with sorted keys, ASCII, one version number.

    kshell.<id>.state   complete positions after the commit           (snapshot summary; mirrored in a table property)
    kshell.<id>.commit  what this commit did                          (snapshot summary)
    kshell.<id>.compaction  which attempts made this replacement      (snapshot summary, without the two above)
    kshell_<id>         the last snapshot of this sink                (tag)

Invariant: the map is always complete and inline: one snapshot is enough to resume, and nothing has to be folded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kshell import version
from kshell.errors import RefusedError
from kshell.iceberg.values import TP, Batch, Jump, Range, Sink, State, TopicState

VERSION = 1
STATE_BYTES_MAX = 64 * 1024
RANGES_UP_TO_PARTITIONS = 256                 # above it the ranges are left out: they are the difference to the parent's map


def state_key(sink_id: str) -> str:
    return f"kshell.{sink_id}.state"


def commit_key(sink_id: str) -> str:
    return f"kshell.{sink_id}.commit"


def compaction_key(sink_id: str) -> str:
    return f"kshell.{sink_id}.compaction"


def tag_name(sink_id: str) -> str:
    return f"kshell_{sink_id}"


def definition_hash(parts: Mapping[str, object]) -> str:
    """16 hex digits of a definition. Equal parts give equal digits, whatever their order."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _dump(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


# ---- state -------------------------------------------------------------------------------------------------------

def encode_state(state: State) -> str:
    return _dump(_state_value(state))


def _state_value(state: State) -> dict[str, Any]:
    topics = {name: {"id": t.id, "epoch": t.epoch, "next": list(t.next), "leader": list(t.leader), "rows": list(t.rows),
                     **({"again": list(t.again)} if any(t.again) else {})} for name, t in state.topics.items()}
    return {"v": VERSION, "seq": state.seq, "def": state.definition, "cluster": state.cluster, "topics": topics}


def decode_state(text: str) -> State:
    return _state(_versioned(text))


def _state(value: Mapping[str, Any]) -> State:
    topics = {name: TopicState(id=t.get("id"), epoch=t.get("epoch", 0), next=tuple(t["next"]), leader=tuple(t.get("leader", ())),
                               rows=tuple(t.get("rows", ())), again=tuple(t.get("again", ()))) for name, t in value["topics"].items()}
    return State(seq=value["seq"], definition=value["def"], cluster=value["cluster"], topics=topics)


def _versioned(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    if value.get("v") != VERSION:
        raise RefusedError(f"the table was written by another version of kshell (state version {value.get('v')}, this one reads {VERSION})",
                           hint="use the version that wrote it, or a later one")
    return value


def after(state: State, batch: Batch) -> State:
    """The parent's map with the batch's partitions merged in; all others are copied verbatim."""
    topics = dict(state.topics)
    for (topic, partition), moved in batch.ranges.items():
        known = topics.get(topic, TopicState(id=batch.topic_ids.get(topic)))
        leader = batch.leaders.get((topic, partition), -1)
        rows = (known.rows[partition] if partition < len(known.rows) else 0) + moved.rows
        topics[topic] = replace(known, next=_put(known.next, partition, moved.hi, 0), rows=_put(known.rows, partition, rows, 0),
                                leader=_put(known.leader, partition, leader, -1) if leader >= 0 else known.leader)
    return replace(state, seq=state.seq + 1, topics=topics)


def moved(known: TopicState, partition: int, to: int, epoch: int | None = None) -> TopicState:
    """The topic with one partition at another position; with `epoch`, offsets from there on are used again in it."""
    # the record before it is another one than the last that was read: its leader is not known
    placed = replace(known, next=_put(known.next, partition, to, 0), leader=_put(known.leader, partition, -1, -1))
    return placed if epoch is None else replace(placed, epoch=epoch, again=_put(known.again, partition, epoch, 0))


def _put(values: tuple[int, ...], index: int, value: int, fill: int) -> tuple[int, ...]:
    grown = list(values) + [fill] * (index + 1 - len(values))
    grown[index] = value
    return tuple(grown)


# ---- commit record and mirror ------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class CommitRecord:
    id: str
    writer: str
    ranges: Mapping[TP, Range] | None         # None: left out, above 256 partitions
    jumps: tuple[Jump, ...]
    errors: int
    replayed: Mapping[TP, Range] = field(default_factory=dict)


def encode_commit(batch: Batch, sink: Sink, partitions: int) -> str:
    value: dict[str, Any] = {"v": VERSION, "id": batch.cid, "writer": sink.writer, "kshell": version.VERSION, "errors": batch.errors,
                             "jumps": [[j.topic, j.partition, j.lo, j.hi, j.kind, j.reason] for j in batch.jumps]}
    if partitions <= RANGES_UP_TO_PARTITIONS:
        value["ranges"] = _by_topic(batch.ranges)
    if batch.replayed:
        value["replayed"] = _by_topic(batch.replayed)
    return _dump(value)


def _by_topic(ranges: Mapping[TP, Range]) -> dict[str, list[list[int]]]:
    value: dict[str, list[list[int]]] = {}
    for (topic, partition), r in sorted(ranges.items()):
        value.setdefault(topic, []).append([partition, r.lo, r.hi, r.rows])
    return value


def _by_partition(value: Mapping[str, list[list[int]]]) -> dict[TP, Range]:
    return {(t, p): Range(lo, hi, n) for t, rs in value.items() for p, lo, hi, n in rs}


def decode_commit(text: str) -> CommitRecord:
    value = _versioned(text)
    ranges = _by_partition(value["ranges"]) if "ranges" in value else None
    return CommitRecord(value["id"], value["writer"], ranges, tuple(Jump(*j) for j in value["jumps"]), value["errors"],
                        _by_partition(value.get("replayed", {})))


def encode_mirror(state: State, snapshot_id: int, sequence: int) -> str:
    return _dump({"state": _state_value(state), "snapshot": snapshot_id, "sequence": sequence})


def decode_mirror(text: str) -> tuple[State, int, int]:
    value = json.loads(text)
    return _state(value["state"]), value["snapshot"], value["sequence"]


def partition_count(state: State) -> int:
    return sum(len(t.next) for t in state.topics.values())


def summary(sink: Sink, state: State, batch: Batch) -> dict[str, str]:
    """The two entries of a snapshot summary. Iceberg wants text and its own keys for itself."""
    entries = {state_key(sink.id): encode_state(state), commit_key(sink.id): encode_commit(batch, sink, partition_count(state))}
    assert all(isinstance(v, str) and k.startswith("kshell.") for k, v in entries.items())
    return entries


def compaction_summary(sink: Sink, cid: str) -> dict[str, str]:
    """The entry of a replacement's summary. Positions stay those of the snapshot before it."""
    return {compaction_key(sink.id): _dump({"v": VERSION, "id": cid, "writer": sink.writer, "kshell": version.VERSION})}
