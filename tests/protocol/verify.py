"""The verifiers: what a run, or a table, must look like afterwards. They read the tables as any reader does, and the log.

V1 each record once, in the table or in the error table   V2 the chain of ranges has no break   V7 the table can be read"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyiceberg.table import Table

from kshell.iceberg import codec
from kshell.iceberg.values import TP, Jump, State
from tests.protocol.faulty import History
from tests.protocol.world import Log, seq

SINK = "orders_lake"


@dataclass
class Findings:
    duplicates: int = 0
    missing: int = 0
    wrong: int = 0                            # another value than the record's, or a record that never was
    both: int = 0                             # in the table and in the error table
    chain: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def clean(self) -> bool:
        return not (self.duplicates or self.missing or self.wrong or self.both or self.chain or self.unreadable)


def verify_rows(rows: list[tuple[int, int, int]], errors: list[tuple[int, int]], logs: Mapping[TP, Log], start: Mapping[TP, int],
                state: State, found: Findings) -> None:
    """V1. `rows`: partition, offset, seq. `errors`: partition, offset."""
    counted, failed = Counter((p, o) for p, o, _ in rows), Counter(errors)
    found.duplicates += sum(n - 1 for n in [*counted.values(), *failed.values()] if n > 1)
    found.both += len(counted.keys() & failed.keys())
    found.wrong += sum(1 for p, o, s in rows if s != seq(p, o))
    for (topic, partition), log in logs.items():
        position = state.next(topic, partition)
        mine = range(start.get((topic, partition), 0), position)
        found.missing += sum(1 for o in log.good if o in mine and (partition, o) not in counted)
        found.missing += sum(1 for o in log.bad if o in mine and (partition, o) not in failed)
        found.wrong += sum(1 for p, o in counted if p == partition and (o not in log.good or o >= position))


def verify_chain(history: History, head: int | None, found: Findings, *, gaps: bool = False) -> dict[TP, int]:
    """V2 along the ancestors: each range begins where the last one ended, except at recorded jumps. Returns the folded positions.

    `gaps`: an error chain, whose ranges may begin and end anywhere above its position."""
    path = []
    while head is not None and head in history.snapshots:
        parent, summary = history.snapshots[head]
        path.append((head, summary))
        head = parent
    positions: dict[TP, int] = {}
    seen: set[str] = set()
    last: State | None = None
    for snapshot, summary in reversed(path):
        if codec.commit_key(SINK) not in summary:
            continue
        record, state = codec.decode_commit(summary[codec.commit_key(SINK)]), codec.decode_state(summary[codec.state_key(SINK)])
        if record.id in seen:
            found.chain.append(f"{snapshot}: commit id {record.id} twice")
        seen.add(record.id)
        if last is not None and state.seq != last.seq + 1 and not _began_again(record.jumps) and not _idle(history, last, state):
            found.chain.append(f"{snapshot}: seq {state.seq} after {last.seq}")
        for jump in record.jumps:
            if jump.kind != "LATE":
                positions[jump.topic, jump.partition] = jump.hi
        for tp, moved in (record.ranges or {}).items():
            if positions.get(tp, 0) != moved.lo:
                found.chain.append(f"{snapshot}: {tp} begins at {moved.lo} after {positions.get(tp, 0)}")
            positions[tp] = moved.hi
        _compare_fold(snapshot, positions, state, found)
        _compare_count(snapshot, record, summary, found)
        last = state
    return positions


def _idle(history: History, last: State, state: State) -> bool:
    """Whether what was rolled back between these two moved no position: its tag then rightly explains the rows of the head."""
    states = [codec.decode_state(summary[codec.state_key(SINK)]) for _, summary in history.snapshots.values()
              if codec.state_key(SINK) in summary]
    return state.seq > last.seq and all(any(s.seq == seq and s.positions() == last.positions() for s in states)
                                        for seq in range(last.seq + 1, state.seq))


def _began_again(jumps: tuple[Jump, ...]) -> bool:
    return any(j.kind in ("RECOVER", "REPLAY") for j in jumps)


def _compare_fold(snapshot: int, positions: Mapping[TP, int], state: State, found: Findings) -> None:
    found.chain.extend(f"{snapshot}: {tp} is {state.next(*tp)}, the ranges say {position}"
                       for tp, position in positions.items() if state.next(*tp) != position)


def _compare_count(snapshot: int, record: codec.CommitRecord, summary: Mapping[str, Any], found: Findings) -> None:
    """A commit that marks error rows replaces whole files by files with as many rows."""
    rows = sum(r.rows for r in (record.ranges or {}).values())
    more = int(summary.get("added-records", "0")) - int(summary.get("deleted-records", "0"))
    if rows != more:
        found.chain.append(f"{snapshot}: {more} rows, the ranges say {rows}")


def positions_of(table: Table, *, with_seq: bool) -> list[tuple[int, ...]]:
    """Every row that has a Kafka position."""
    names = ("_kafka_partition", "_kafka_offset", *(("seq",) if with_seq else ()))
    rows = table.scan(selected_fields=names, row_filter="_kafka_offset IS NOT NULL").to_arrow()
    return list(zip(*(rows[n].to_pylist() for n in names), strict=True))
