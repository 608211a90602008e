"""Which small files of a table are merged, so that their number grows with the logarithm of the commits.

A file's tier is the number of digits of its row count in base FAN. FAN files of one tier make a file of the next, so a row is rewritten
once per tier, and what is left is fewer than FAN files a tier.

Invariant: pure values. Files of one group have one partition and one spec, stand in the order of their commits, and are two or more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from pyiceberg.manifest import DataFile, ManifestFile

FAN = 16
MOST_BYTES = 128_000_000                      # read by one compaction
SORTED_BYTES = 16_000_000                     # the same where rows are sorted: commits do not come in between, they wait for the sort
FULL_BYTES = MOST_BYTES // 2                  # a file of this size is left as it is by the sink's own compaction
QUIET_COMMITS = 64                            # a partition that this many commits left alone counts as closed
STRAGGLERS = 4                                # and is merged whole when it has so many small files


MERGE_ABOVE_MANIFESTS = 8                     # iceberg_scan reads every manifest at every query: 0.3 to 0.7 ms each
FEW_MANIFESTS, FEW_ENTRIES = 3, 256           # so few entries cost less to merge than their manifests cost every query


@dataclass(frozen=True, slots=True)
class Standing:
    """The files of one partition that may be rewritten, the oldest first."""

    files: tuple[DataFile, ...]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    groups: tuple[tuple[DataFile, ...], ...] = ()
    room: int = FAN                           # how many files may be added before it is worth looking again

    def files(self) -> list[DataFile]:
        return [file for group in self.groups for file in group]


@dataclass(slots=True)
class _Portion:
    """Groups up to a number of bytes."""

    most: int
    groups: list[tuple[DataFile, ...]] = field(default_factory=list)
    bytes: int = 0

    def add(self, files: Iterable[DataFile]) -> bool:
        """Whether all of them went in."""
        taken: list[DataFile] = []
        for file in files:
            if self.bytes + file.file_size_in_bytes > self.most:
                break
            self.bytes += file.file_size_in_bytes
            taken.append(file)
        else:
            self._keep(taken)
            return True
        self._keep(taken)
        return False

    def _keep(self, taken: Sequence[DataFile]) -> None:
        if len(taken) > 1:
            self.groups.append(tuple(taken))


def crowded(partitions: Iterable[Standing], most_bytes: int = MOST_BYTES) -> Choice:
    """What a sink merges by itself: tiers that are full, and partitions that are closed. Files of half of `most_bytes` are left as they
    are, so two always fit."""
    portion, room = _Portion(most_bytes), FAN
    for standing in partitions:
        small = [f for f in standing.files if f.file_size_in_bytes < most_bytes // 2]
        chosen = small if standing.closed and len(small) >= STRAGGLERS else _full_tiers(small)
        if chosen and not portion.add(chosen):
            return Choice(tuple(portion.groups), 0)
        left = set(small) - set(chosen)
        room = min(room, FAN - _fullest(left) - bool(chosen))
    return Choice(tuple(portion.groups), max(1, room))


def scattered(partitions: Iterable[Standing], target_bytes: int) -> Choice:
    """What OPTIMIZE SINK merges: every small file, in order, into files of about the table's target size."""
    portion = _Portion(max(MOST_BYTES, target_bytes))
    for standing in partitions:
        for files in _packed([f for f in standing.files if f.file_size_in_bytes < target_bytes * 3 // 4], target_bytes):
            if len(files) > 1 and not portion.add(files):
                return Choice(tuple(portion.groups))
    return Choice(tuple(portion.groups))


def many(manifests: Sequence[ManifestFile]) -> bool:
    """Whether a commit merges the manifests of its head."""
    entries = sum((m.added_files_count or 0) + (m.existing_files_count or 0) for m in manifests)
    return len(manifests) > MERGE_ABOVE_MANIFESTS or (len(manifests) > FEW_MANIFESTS and entries <= FEW_ENTRIES)


def tier(rows: int) -> int:
    return next(n for n in count() if rows < FAN ** (n + 1))


def _by_tier(files: Iterable[DataFile]) -> dict[int, list[DataFile]]:
    tiers: dict[int, list[DataFile]] = {}
    for file in files:
        tiers.setdefault(tier(file.record_count), []).append(file)
    return dict(sorted(tiers.items()))


def _fullest(files: Iterable[DataFile]) -> int:
    return max((len(found) for found in _by_tier(files).values()), default=0)


def _full_tiers(files: Sequence[DataFile]) -> list[DataFile]:
    """The files of the lowest full tier, with those below it, and of each tier above that the merged file would fill."""
    merged: set[DataFile] = set()
    below: set[DataFile] = set()
    for number, found in _by_tier(files).items():
        arrives = bool(merged) and tier(sum(f.record_count for f in merged)) == number
        below |= set(found)
        if len(found) + arrives >= FAN:
            merged, below = merged | below, set()
    return [file for file in files if file in merged]


def _packed(files: Sequence[DataFile], target_bytes: int) -> list[list[DataFile]]:
    bins: list[list[DataFile]] = []
    held = 0
    for file in files:
        if not bins or held + file.file_size_in_bytes > target_bytes:
            bins.append([])
            held = 0
        bins[-1].append(file)
        held += file.file_size_in_bytes
    return bins
