"""Compaction: small data files of a sink's table exchanged for larger ones with the same rows, in one `replace` snapshot.

It moves no position and writes no state, so progress is read from the snapshot before it, which the tag goes on to name. Everything
else is a commit like any other: the same attempts, the same requirements on head, table, schema and partitioning, one request each, and
an unknown outcome is found by the compaction's id in the history.

Invariant: only plain files that kshell wrote, of the table's partitioning, are rewritten, and none in a partition that has a delete
file. A file that is rewritten is live in the very head that the compare-and-set is based on. Nothing is deleted: older snapshots keep
the files they name."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry
from pyiceberg.table import Table, TableProperties

from kshell.errors import DeadlineError, Error
from kshell.iceberg import adapter, codec, merged, tiers
from kshell.iceberg.commit import PATIENT, Planned, fresh, recorded, require_clock, run
from kshell.iceberg.files import NUMBERS_PER_TRY
from kshell.iceberg.head import describe
from kshell.iceberg.mapping import brief
from kshell.iceberg.merged import Sort
from kshell.iceberg.provision import compact_key
from kshell.iceberg.values import Compacted, Control, Head, Left, Outcome, Phase, Progress, Result, Sink
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

Choose = Callable[[Table, list[tiers.Standing]], tiers.Choice]
TRIES = 5
ROOM, QUIET_COMMITS = tiers.FAN, tiers.QUIET_COMMITS          # when to look again, in files and in snapshots
_OURS = re.compile(r".*/\d+-\d{6,}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.parquet")      # numbers begin at NUMBERS_PER_TRY


def wanted(head: Head, sink: Sink, *, written_down: bool | None = None) -> bool:
    """Whether the sink compacts its table: what its statement says, else what the table remembers."""
    return written_down if written_down is not None else head.properties.get(compact_key(sink.id)) == "true"


def compact(lake: Lake, sink: Sink, control: Control = PATIENT, *, sort: Sort | None = None) -> Compacted:
    """Merge what is crowded, all at once: the housekeeping of small tables."""
    return _carry_out(lake, sink, _crowded(sort), control, sort, ())


class Merging:
    """The same bit by bit: `step` reads and writes for a moment, `exchange` is the one request, and commits come in between. Where
    something moved under it meanwhile (one of the files, the schema, the partitioning, a delete file) nothing is exchanged."""

    def __init__(self, lake: Lake, sink: Sink, control: Control, *, sort: Sort | None = None) -> None:
        self._lake, self._patience = lake, _Patience(control)
        self._work = work = _Work(sink, _crowded(sort), self._patience.control(), sort, (), prepared=True)
        with self._telling():
            table = fresh(lake, sink)
            self.head = describe(table, recorded(table, sink))
            work.choose_from(table)
            self._steps = work.writing(table)
        self.seconds = 0.0                    # worked on it so far

    @property
    def room(self) -> int:
        return self._work.choice.room

    @property
    def empty(self) -> bool:
        """There is nothing to merge."""
        return not self._work.choice.groups

    @property
    def written(self) -> bool:
        return bool(self._work.files)

    def step(self, seconds: float) -> None:
        """Go on for about so long; a sort takes what it takes."""
        began = time.monotonic()
        try:
            with self._telling():
                for _ in self._steps:
                    if time.monotonic() - began >= seconds:
                        return
        finally:
            self.seconds += time.monotonic() - began

    def exchange(self) -> Compacted:
        """Once everything is written. `files` is 0 where something moved."""
        began = time.monotonic()
        try:
            return _exchanged(self._lake, self._work, self._patience)
        finally:
            self.seconds += time.monotonic() - began

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Nothing has been sent yet, so whatever goes wrong ends the compaction and no commit."""
        try:
            yield
        except (Error, MemoryError):
            raise
        except Exception as error:
            raise _given_up(self._lake, self._work.sink, f": {brief(error)}") from error


def optimize(lake: Lake, sink: Sink, control: Control = PATIENT, *, sort: Sort | None = None, done: Collection[str] = ()) -> Compacted:
    """Merge small files up to the table's target size, up to a portion; `files` is 0 when nothing is left. `done`: files that an earlier
    portion wrote."""
    def choose(table: Table, found: list[tiers.Standing]) -> tiers.Choice:
        return tiers.scattered(found, int(table.properties.get(TableProperties.WRITE_TARGET_FILE_SIZE_BYTES,
                                                               TableProperties.WRITE_TARGET_FILE_SIZE_BYTES_DEFAULT)))

    return _carry_out(lake, sink, choose, control, sort, done)


def _crowded(sort: Sort | None) -> Choose:
    def choose(table: Table, found: list[tiers.Standing]) -> tiers.Choice:
        return tiers.crowded(found, tiers.SORTED_BYTES if sort is not None and merged.sorts(table) else tiers.MOST_BYTES)

    return choose


def _carry_out(lake: Lake, sink: Sink, choose: Choose, control: Control, sort: Sort | None, done: Collection[str]) -> Compacted:
    patience = _Patience(control)
    return _exchanged(lake, _Work(sink, choose, patience.control(), sort, done), patience)


def _exchanged(lake: Lake, work: _Work, patience: _Patience) -> Compacted:
    sink = work.sink
    try:
        outcome = run(lake, sink, work.cid, work.plan, work.control)
    except Left as left:
        if not patience.up():
            raise
        raise _given_up(lake, sink, f" after {TRIES} attempts: {patience.why}") from left
    if outcome.result is not Result.APPLIED:
        return Compacted(outcome.head, room=work.choice.room)
    failpoint("compact.after_catalog")
    before = work.choice.files()
    return Compacted(outcome.head, len(before), sum(f.record_count for f in before), sum(f.file_size_in_bytes for f in before),
                     outcome.bytes, tuple(f.file_path for f in work.files), work.choice.room)


def _given_up(lake: Lake, sink: Sink, why: str) -> DeadlineError:
    return DeadlineError(f"merging files of {lake.qualified(sink.table)} was given up{why}",
                         hint=f"OPTIMIZE SINK {sink.name} tries again")


@dataclass(slots=True)
class _Patience:
    """Commits wait behind a compaction, so it is given up where it is known not to have landed and goes on failing."""

    given: Control
    failed: int = 0                           # attempts that did not land
    why: str | None = None

    def control(self) -> Control:
        return replace(self.given, cancelled=lambda: self.given.cancelled() or self.up(), report=self._report)

    def up(self) -> bool:
        return self.failed >= TRIES

    def _report(self, progress: Progress) -> None:
        if progress.error is not None:
            self.failed = progress.attempt if progress.phase is Phase.RETRYING else 0
            self.why = progress.error
        self.given.report(progress)


# ---- an attempt --------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class _Work:
    """A compaction on its way. What is written is used by every attempt whose head still has the files it was made of."""

    sink: Sink
    choose: Choose
    control: Control
    sort: Sort | None
    done: Collection[str]
    cid: str = field(default_factory=lambda: str(uuid.uuid4()))
    choice: tiers.Choice = field(default_factory=tiers.Choice)
    files: list[DataFile] = field(default_factory=list)
    made_for: tuple[int, int] = (-1, -1)      # schema and partitioning
    number: int = NUMBERS_PER_TRY
    prepared: bool = False                    # written before the first attempt, and never within one

    def plan(self, table: Table) -> Planned | Outcome:
        state = recorded(table, self.sink)
        self.choose_from(table)
        if not self.choice.groups:
            return Outcome(Result.UNCHANGED, describe(table, state))
        require_clock(table, self.control)
        if not self.files:
            for _ in self.writing(table):
                pass
        staged = adapter.stage_replace(table, self.files, self.choice.files(), codec.compaction_summary(self.sink, self.cid))
        failpoint("compact.before_catalog")
        return Planned(staged, 0, len(self.files), sum(f.file_size_in_bytes for f in self.files))

    def choose_from(self, table: Table) -> None:
        """Keep what is written while the head still has the files that it was made of; else choose, or have nothing."""
        standing = standing_files(table, self.done)
        shape = (table.metadata.current_schema_id, table.metadata.default_spec_id)
        live = {file for found in standing for file in found.files}
        if self.files and shape == self.made_for and live.issuperset(self.choice.files()):
            return
        self.choice = tiers.Choice(room=0) if self.files and self.prepared else self.choose(table, standing)
        self.files, self.made_for = [], shape

    def writing(self, table: Table) -> Iterator[None]:
        """Yields whenever something else may be done."""
        written = []
        for group in self.choice.groups:
            self.number += 1
            written.append((yield from merged.merge(table, group, f"00000-{self.number}-{self.cid}.parquet", self.control, self.sort)))
        self.files = written
        failpoint("compact.after_parquet")


def standing_files(table: Table, without: Collection[str] = ()) -> list[tiers.Standing]:
    """What may be rewritten at the head, partition by partition."""
    head = table.metadata.current_snapshot()
    manifests = head.manifests(table.io) if head else []
    data = _entries(table, (m for m in manifests if m.content == ManifestContent.DATA))
    deletes = _entries(table, (m for m in manifests if m.content == ManifestContent.DELETES))
    if any(len(e.data_file.partition) == 0 for e in deletes):
        return []                             # delete files of no partition are about every file
    taboo = {e.data_file.partition for e in deletes}
    spec = table.metadata.default_spec_id
    partitions: dict[object, list[ManifestEntry]] = {}
    newest: dict[object, int] = {}
    for entry in sorted(data, key=lambda e: (e.sequence_number or 0, e.data_file.file_path)):
        file = entry.data_file
        if file.spec_id != spec or file.partition in taboo:
            continue
        newest[file.partition] = max(newest.get(file.partition, 0), entry.sequence_number or 0)
        if _rewritable(file) and file.file_path not in without:
            partitions.setdefault(file.partition, []).append(entry)
    quiet = table.last_sequence_number - tiers.QUIET_COMMITS
    return [tiers.Standing(tuple(e.data_file for e in found), closed=newest[partition] < quiet and len(found[0].data_file.partition) > 0)
            for partition, found in partitions.items()]


def _entries(table: Table, manifests: Iterable[object]) -> list[ManifestEntry]:
    return [entry for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io)]  # type: ignore[attr-defined]


def _rewritable(file: DataFile) -> bool:
    plain = file.content == DataFileContent.DATA and file.file_format == FileFormat.PARQUET and file.record_count > 0
    return plain and _OURS.fullmatch(file.file_path) is not None
