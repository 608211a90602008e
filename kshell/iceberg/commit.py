"""The commit: rows and positions in one request, exactly once, whatever is known about earlier attempts.

    1  load the table fresh; another table under the name stops the sink
    2  our commit id among the ancestors of the head: an earlier attempt landed, APPLIED
    3  read the recorded state; another definition stops the sink
    4  every lower bound must EQUAL the recorded position: above it OVERTAKEN, below it REWOUND by statement or ROLLED_BACK
    5  another schema or partitioning than the batch was made for: RE_ENCODE; a clock behind the table's waits
    6  write the data files, once; every attempt uses the same
    7  stage: rows, state, commit record, tag and mirror; refused if head, table, schema or partitioning moved
    8  send. The only point of no return: an error says nothing about whether it landed, so look again at step 1

Invariant: success is a response, or the commit id in the ancestry. Failure is never inferred from an exception, and nothing is
deleted. Safety is the equality of step 4 on the very metadata that step 7's requirements are based on; step 2 only tells APPLIED
from OVERTAKEN."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table

from kshell.errors import Error, InternalError, UnreachableError
from kshell.iceberg import adapter, codec, files, outcome
from kshell.iceberg.compare import definition_changed
from kshell.iceberg.head import answered, describe, head_of
from kshell.iceberg.mapping import brief
from kshell.iceberg.state import current_state, landed, rewind_explained, rolled_back, state_lost
from kshell.iceberg.values import TP, Batch, Control, Left, Outcome, Phase, Progress, Range, Result, Sink, State, Stop, StopState
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

CLOCK_SKEW_MS_MAX = 60_000                    # other readers reject a snapshot log that is unsorted by more
PATIENT = Control()
_EMPTY = pa.table({})


class ClockSkew(OSError):
    """This machine's clock is behind the table's last commit."""


@dataclass(slots=True)
class _Attempt:
    """What a series of attempts shares."""

    number: int = 0
    bases: set[int | None] = field(default_factory=set)     # heads that requests were sent on
    unresolved: bool = False                  # one of those requests may still land, or has landed
    sending: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """Steps 3 to 7 gave a commit to send."""

    staged: adapter.Staged
    rows: int = 0
    files: int = 0
    bytes: int = 0


Plan = Callable[[Table], "Planned | Outcome"]
Holds = Callable[[Table, State], bool]


def commit(lake: Lake, sink: Sink, batch: Batch, control: Control = PATIENT, holds: Holds | None = None) -> Outcome:
    """Commit a batch. Returns APPLIED, OVERTAKEN, REWOUND or RE_ENCODE; raises Stop, or Left when `control` says to leave.

    `holds`: what else must be true of the metadata of every attempt, for a batch whose ranges alone do not say it; else OVERTAKEN."""
    return run(lake, sink, batch.cid, _Rows(sink, batch, control, holds).plan, control)


def run(lake: Lake, sink: Sink, cid: str, plan: Plan, control: Control = PATIENT) -> Outcome:
    """One commit with the id `cid`, attempted until its outcome is known. `plan` does steps 3 to 7 on a fresh table.

    There is no limit of attempts: while an outcome is unknown, nothing else may be committed to this table by this process."""
    attempt = _Attempt()
    planned: Planned | None = None
    for _ in _series(control, attempt):
        try:
            # Step 1. Fresh: the compare-and-set of step 8 is worth what the base of step 4 is worth.
            table = fresh(lake, sink)
            failpoint("commit.after_load")
            # Step 2.
            if landed(table.metadata, sink.id, cid):
                return _applied(table, sink, planned, attempt)
            base = table.metadata.current_snapshot_id
            attempt.unresolved = base in attempt.bases     # a request on a head that has moved can never land
            decided = plan(table)
            if isinstance(decided, Outcome):
                return replace(decided, attempts=attempt.number)
            planned = decided
            failpoint("commit.before_catalog")
            # Step 8. From here on the commit may have landed, whatever is raised.
            attempt.bases.add(base)
            attempt.unresolved = attempt.sending = True
            response = adapter.send(table, planned.staged)
            failpoint("commit.after_catalog")
            return _applied(answered(table, response), sink, planned, attempt)
        except (Error, MemoryError) as error:
            if not isinstance(error, UnreachableError):
                raise                         # a Stop, or what trying again does not change
            _after_error(error, control, attempt)
        except Exception as error:  # noqa: BLE001 - the outcome is unknown whatever it is, and the table is asked
            _after_error(error, control, attempt)
    raise Left(f"the commit of sink {sink.name} was left after {attempt.number} attempts", unresolved=attempt.unresolved)


def fresh(lake: Lake, sink: Sink) -> Table:
    """Step 1."""
    try:
        table = lake.fetch(sink.table)
    except NoSuchTableError as error:
        raise _replaced(sink, "it does not exist any more") from error
    except (Error, MemoryError):
        raise
    except Exception as error:                # whatever a proxy or a catalog answers to a read, the next read may succeed
        raise UnreachableError(f"reading table {lake.qualified(sink.table)} failed: {brief(error)}") from error
    if str(table.metadata.table_uuid) != sink.table_uuid:
        raise _replaced(sink, "another table stands under its name")
    return table


def _applied(table: Table, sink: Sink, planned: Planned | None, attempt: _Attempt) -> Outcome:
    size = planned or Planned(adapter.Staged((), ()))
    return Outcome(Result.APPLIED, head_of(table, sink), size.rows, size.files, size.bytes, attempt.number)


# ---- rows: steps 3 to 7 ------------------------------------------------------------------------------------------

@dataclass(slots=True)
class _Rows:
    """A batch on its way into files. The files outlive the attempts; rows are kept until they are files."""

    sink: Sink
    batch: Batch
    control: Control
    holds: Holds | None = None
    rows: pa.Table | None = None
    files: list[DataFile] | None = None
    tries: int = 0

    def plan(self, table: Table) -> Planned | Outcome:
        # Steps 3 and 4.
        state = recorded(table, self.sink)
        verdict = judge(table, self.sink, state, self.batch)
        if verdict is not None:
            return verdict
        if self.holds is not None and not self.holds(table, state):
            return Outcome(Result.OVERTAKEN, describe(table, state))
        # Step 5.
        if (table.metadata.current_schema_id, table.metadata.default_spec_id) != (self.batch.schema_id, self.batch.spec_id):
            return Outcome(Result.RE_ENCODE, describe(table, state))
        require_clock(table, self.control)
        failpoint("commit.after_validate")
        # Step 6.
        written = self._written(table, state)
        # Step 7.
        after = codec.after(state, self.batch)
        staged = stage(table, self.sink, after, self.batch, written)
        failpoint("commit.after_manifest")
        rows = sum(r.rows for r in self.batch.ranges.values())
        return Planned(staged, rows, len(written), sum(f.file_size_in_bytes for f in written))

    def _written(self, table: Table, state: State) -> list[DataFile]:
        if self.files is None:
            if self.rows is None:
                self.rows = self.batch.rows() if any(r.rows for r in self.batch.ranges.values()) else _EMPTY
            self.tries += 1
            self.files = files.write(table, self.rows, self.batch.cid, state, self.tries)
            failpoint("flush.after_parquet")
            self.rows = None                  # written: the memory is free again
        return self.files


def recorded(table: Table, sink: Sink) -> State:
    """Step 3."""
    state = current_state(table, sink)
    if state is None:
        raise state_lost(sink, "the table carries no progress of it")
    if state.definition != sink.definition:
        raise definition_changed(sink.name)
    return state


def judge(table: Table, sink: Sink, state: State, batch: Batch) -> Outcome | None:
    """Step 4. Never "commit if the upper bound is newer": that repeats rows when somebody committed a strict prefix."""
    verdict = None
    for (topic, partition), moved in batch.ranges.items():
        position = state.next(topic, partition)
        if (topic, partition) in batch.again and state.again(topic, partition) != batch.again[topic, partition]:
            return Outcome(Result.REWOUND, describe(table, state))          # equal offsets, other records
        if position == moved.lo:
            continue
        if position > moved.lo:
            verdict = verdict or Outcome(Result.OVERTAKEN, describe(table, state))
        elif rewind_explained(table.metadata, sink.id, (topic, partition), moved.lo, position):
            return Outcome(Result.REWOUND, describe(table, state))
        else:
            raise rolled_back(sink, f"{topic}[{partition}] is recorded at {position}, below {moved.lo} where this process goes on")
    return verdict


def require_clock(table: Table, control: Control) -> None:
    behind = table.metadata.last_updated_ms - int(control.clock() * 1000)
    if behind > CLOCK_SKEW_MS_MAX:
        raise ClockSkew(f"CLOCK_SKEW: this machine's clock is {behind // 1000} s behind the table's last commit")


def stage(table: Table, sink: Sink, after: State, batch: Batch, written: Sequence[DataFile] = (),
          properties: Mapping[str, str] = {}) -> adapter.Staged:
    """Step 7: the snapshot with state and commit record, the tag on it, the mirror, and every requirement."""
    return carrying(table, sink, after, adapter.stage_append(table, written, codec.summary(sink, after, batch)), properties)


def carrying(table: Table, sink: Sink, after: State, staged: adapter.Staged, properties: Mapping[str, str] = {}) -> adapter.Staged:
    """A staged snapshot with the tag on it, the mirror, and every requirement."""
    assert staged.snapshot_id is not None
    mirror = codec.encode_mirror(after, staged.snapshot_id, table.metadata.next_sequence_number())
    return adapter.with_progress(staged, table, codec.tag_name(sink.id), {codec.state_key(sink.id): mirror, **properties})


# ---- between attempts --------------------------------------------------------------------------------------------

def _series(control: Control, attempt: _Attempt) -> Iterator[None]:
    while not control.leave():
        attempt.number += 1
        attempt.sending = False
        control.report(Progress(Phase.COMMITTING, attempt.number))
        yield


def _after_error(error: Exception, control: Control, attempt: _Attempt) -> None:
    """The class of an error chooses wording and pause, and nothing else."""
    kind = outcome.classify(error, sending=attempt.sending)
    if kind is outcome.Kind.DEFECT:
        raise InternalError(f"a commit could not be made: {brief(error)}") from error
    phase = Phase.RESOLVING if attempt.unresolved and kind is not outcome.Kind.CONFLICT else Phase.RETRYING
    control.report(Progress(phase, attempt.number, brief(error), alarm=kind is outcome.Kind.ALARM))
    pause = outcome.pause_s(kind, attempt.number)
    if pause and not control.leave():
        control.wait(pause)


def _replaced(sink: Sink, why: str) -> Stop:
    return Stop(StopState.TABLE_REPLACED, f"sink {sink.name}: table {'.'.join(sink.table)}: {why}",
                f"DROP SINK {sink.name} FORCE, then CREATE SINK again")


def trim(ranges: Mapping[TP, Range], state: State) -> dict[TP, Range]:
    """After OVERTAKEN: what is left of each range above the recorded position. `rows` must be counted again where `lo` moved."""
    left = {}
    for tp, moved in ranges.items():
        position = state.next(*tp)
        if position < moved.hi:
            left[tp] = replace(moved, lo=max(moved.lo, position))
    return left
