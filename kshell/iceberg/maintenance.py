"""Keeping a table small: snapshots beyond KEEP_SNAPSHOTS, and metadata files that nothing names any more.

Invariant: a snapshot with a reference is never expired, and so neither the head nor our tag; data files are never deleted. A
metadata file goes only when the table's log has dropped it, it is an hour old, and no view of ours pins it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table

from kshell.iceberg import adapter
from kshell.iceberg.mapping import mapped
from kshell.iceberg.provision import keep_key
from kshell.iceberg.values import Head, Sink
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

METADATA_AGE_S_MIN = 3600.0
_METADATA_FILE = re.compile(r"\d{5,}-[0-9a-f-]{36}(\.gz)?\.metadata\.json(\.gz)?")


def keeps(head: Head, sink: Sink) -> int | None:
    """How many snapshots the table keeps by its sink's word; None: all."""
    return _kept(head.properties, sink)


def _kept(properties: Mapping[str, str], sink: Sink) -> int | None:
    written = properties.get(keep_key(sink.id), "")
    return int(written) if written.isdecimal() else None


def expire(lake: Lake, sink: Sink) -> int:
    """Expire what KEEP_SNAPSHOTS does not keep, in one request of its own: how many went. A lost race expires nothing; the next call
    tries again. Never called while a commit is unresolved."""
    table = lake.load(sink.table)
    keep = _kept(table.properties, sink)
    doomed = expirable(table, keep) if keep is not None else []
    if not doomed:
        return 0
    failpoint("expire.before")
    with mapped(f"expiring snapshots of {lake.qualified(sink.table)}"):
        try:
            adapter.send(table, adapter.stage_expiry(table, doomed))
        except CommitFailedException:
            return 0
    failpoint("expire.after")
    return len(doomed)


def expirable(table: Table, keep: int) -> list[int]:
    """All but the `keep` newest snapshots and those that a branch or a tag names."""
    named = {ref.snapshot_id for ref in table.metadata.refs.values()}
    newest = sorted(table.metadata.snapshots, key=lambda s: (s.sequence_number or 0, s.timestamp_ms), reverse=True)
    return [s.snapshot_id for s in newest[max(keep, 1):] if s.snapshot_id not in named]


def delete_old_metadata(lake: Lake, table: Table, pinned: Collection[str] = (), *, now: float | None = None) -> int:
    """Delete metadata files that fell out of the table's log, as `write.metadata.delete-after-commit.enabled` promises. PyIceberg does it
    only in commits of its own. `pinned`: files that views of this process read. Local warehouses of sql catalogs only: how many went."""
    if lake.kind == "rest" or table.properties.get("write.metadata.delete-after-commit.enabled") != "true":
        return 0
    folder = _local_folder(table)
    if folder is None:
        return 0
    kept = {_path(entry.metadata_file) for entry in table.metadata.metadata_log} | {_path(p) for p in (*pinned, table.metadata_location)}
    oldest = (time.time() if now is None else now) - METADATA_AGE_S_MIN
    gone = 0
    with mapped(f"deleting old metadata of {lake.qualified(table.name())}"):
        for entry in os.scandir(folder):
            if _METADATA_FILE.fullmatch(entry.name) and entry.path not in kept and entry.stat().st_mtime < oldest:
                Path(entry.path).unlink(missing_ok=True)
                gone += 1
    return gone


def _local_folder(table: Table) -> str | None:
    location = urlsplit(table.metadata_location)
    return os.path.dirname(unquote(location.path)) if location.scheme in ("file", "") else None


def _path(location: str) -> str:
    return unquote(urlsplit(location).path)
