"""Compaction: small data files of a sink's table exchanged for larger ones with the same rows, in one `replace` snapshot.

It moves no position and writes no state, so progress is read from the snapshot before it, which the tag goes on to name. Everything
else is a commit like any other: the same attempts, the same requirements on head, table, schema and partitioning, one request each, and
an unknown outcome is found by the compaction's id in the history.

Invariant: only plain files that kshell wrote, of the table's partitioning, are rewritten, and none in a partition that has a delete
file. A file that is rewritten is live in the very head that the compare-and-set is based on. Nothing is deleted: older snapshots keep
the files they name."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa
from pyiceberg.io.fileformat import FileFormatFactory
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry
from pyiceberg.schema import sanitize_column_names
from pyiceberg.table import Table, TableProperties

from kshell.errors import DeadlineError, Error, InternalError, RefusedError
from kshell.iceberg import adapter, codec, data_files, tiers
from kshell.iceberg.commit import PATIENT, Planned, recorded, require_clock, run
from kshell.iceberg.files import NUMBERS_PER_TRY
from kshell.iceberg.head import describe
from kshell.iceberg.mapping import brief
from kshell.iceberg.pages import writing
from kshell.iceberg.provision import compact_key
from kshell.iceberg.values import Compacted, Control, Head, Left, Outcome, Phase, Progress, Result, Sink
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

Choose = Callable[[Table, list[tiers.Standing]], tiers.Choice]
Sort = Callable[[pa.RecordBatchReader], pa.RecordBatchReader]
TRIES = 5
ROOM, QUIET_COMMITS = tiers.FAN, tiers.QUIET_COMMITS          # when to look again, in files and in snapshots
PARQUET = FileFormatFactory.get(FileFormat.PARQUET)
ROW_GROUP_BYTES = 8_000_000                   # held twice while it is written: a sink with a small budget compacts too
_OURS = re.compile(r".*/\d+-\d{6,}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.parquet")      # numbers begin at NUMBERS_PER_TRY


def wanted(head: Head, sink: Sink, *, written_down: bool | None = None) -> bool:
    """Whether the sink compacts its table: what its statement says, else what the table remembers."""
    return written_down if written_down is not None else head.properties.get(compact_key(sink.id)) == "true"


def compact(lake: Lake, sink: Sink, control: Control = PATIENT, *, sort: Sort | None = None) -> Compacted:
    """Merge what is crowded: the sink's own housekeeping."""
    return _carry_out(lake, sink, lambda _, found: tiers.crowded(found), control, sort, ())


def optimize(lake: Lake, sink: Sink, control: Control = PATIENT, *, sort: Sort | None = None, done: Collection[str] = ()) -> Compacted:
    """Merge small files up to the table's target size, up to a portion; `files` is 0 when nothing is left. `done`: files that an earlier
    portion wrote."""
    def choose(table: Table, found: list[tiers.Standing]) -> tiers.Choice:
        return tiers.scattered(found, int(table.properties.get(TableProperties.WRITE_TARGET_FILE_SIZE_BYTES,
                                                               TableProperties.WRITE_TARGET_FILE_SIZE_BYTES_DEFAULT)))

    return _carry_out(lake, sink, choose, control, sort, done)


def _carry_out(lake: Lake, sink: Sink, choose: Choose, control: Control, sort: Sort | None, done: Collection[str]) -> Compacted:
    patience = _Patience(control)
    work = _Work(sink, choose, patience.control(), sort, done)
    try:
        outcome = run(lake, sink, work.cid, work.plan, work.control)
    except Left as left:
        if not patience.up():
            raise
        raise DeadlineError(f"merging files of {lake.qualified(sink.table)} was given up after {TRIES} attempts: {patience.why}",
                            hint=f"OPTIMIZE SINK {sink.name} tries again") from left
    if outcome.result is not Result.APPLIED:
        return Compacted(outcome.head, room=work.choice.room)
    failpoint("compact.after_catalog")
    before = work.choice.files()
    return Compacted(outcome.head, len(before), sum(f.record_count for f in before), sum(f.file_size_in_bytes for f in before),
                     outcome.bytes, tuple(f.file_path for f in work.files), work.choice.room)


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

    def plan(self, table: Table) -> Planned | Outcome:
        state = recorded(table, self.sink)
        standing = standing_files(table, self.done)
        self._choose(table, standing)
        if not self.choice.groups:
            return Outcome(Result.UNCHANGED, describe(table, state))
        require_clock(table, self.control)
        self._write(table)
        staged = adapter.stage_replace(table, self.files, self.choice.files(), codec.compaction_summary(self.sink, self.cid))
        failpoint("compact.before_catalog")
        return Planned(staged, 0, len(self.files), sum(f.file_size_in_bytes for f in self.files))

    def _choose(self, table: Table, standing: list[tiers.Standing]) -> None:
        shape = (table.metadata.current_schema_id, table.metadata.default_spec_id)
        live = {file for found in standing for file in found.files}
        if not self.files or shape != self.made_for or not live.issuperset(self.choice.files()):
            self.choice, self.files, self.made_for = self.choose(table, standing), [], shape

    def _write(self, table: Table) -> None:
        if self.files:
            return
        written = []
        for group in self.choice.groups:
            self.number += 1
            written.append(_merged(table, group, f"00000-{self.number}-{self.cid}.parquet", self.control, self.sort))
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


# ---- rows of several files into one -------------------------------------------------------------------------------

def _merged(table: Table, group: Sequence[DataFile], name: str, control: Control, sort: Sort | None) -> DataFile:
    """One file with the rows of the group, in their order or in the table's sort order."""
    rows = _batches(table, group, control)
    if sort is not None and table.sort_order().fields:
        first = next(rows)
        rows = iter(sort(pa.RecordBatchReader.from_batches(first.schema, _again(first, rows))))
    spec, partition = table.spec(), group[0].partition
    folder = f"{spec.partition_to_path(partition, table.schema())}/" if len(partition) else ""
    location = table.location_provider().new_data_location(folder + name)
    output = table.io.new_output(location)
    pieces = _pieces(table, rows)
    first_piece = next(pieces)
    properties = writing(table.properties, first_piece)
    with PARQUET.create_writer(output, sanitize_column_names(table.schema()), properties) as writer:
        for piece in itertools.chain((first_piece,), pieces):
            writer.write(piece)
    found, owed = writer.result().record_count, sum(f.record_count for f in group)
    if found != owed:
        raise InternalError(f"a compaction read {found} of {owed} rows of {len(group)} files; nothing was exchanged")
    return DataFile.from_args(
        content=DataFileContent.DATA, file_path=location, file_format=FileFormat.PARQUET, partition=partition,
        file_size_in_bytes=len(output), sort_order_id=None, spec_id=table.metadata.default_spec_id, equality_ids=None, key_metadata=None,
        **writer.result().to_serialized_dict())


def _again(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    for batch in rest:
        yield batch if batch.schema == first.schema else batch.cast(first.schema)


def _batches(table: Table, group: Sequence[DataFile], control: Control) -> Iterator[pa.RecordBatch]:
    for file in group:
        try:
            for batch in data_files.read_file(table, file):
                if control.leave():
                    raise Left("a compaction was left before anything was sent", unresolved=False)
                yield batch
        except Error:
            raise
        except Exception as error:            # a file that is gone or broken stops the compaction, and no commit
            raise RefusedError(f"data file {file.file_path} cannot be read: {brief(error)}",
                               hint="the rows before and after it go on landing; the table is not compacted") from error


def _pieces(table: Table, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Row groups of a size that readers like, from batches of any size."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in rows:
        held.append(data_files.as_written(table, batch, PARQUET))
        size += batch.nbytes
        if size >= ROW_GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, size = [], 0
    if held:
        yield pa.Table.from_batches(held)


