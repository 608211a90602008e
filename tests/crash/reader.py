"""An Iceberg reader of its own: catalog database -> metadata file -> manifest list -> manifests -> Parquet files.

Invariant: it shares nothing with PyIceberg or DuckDB but the bytes on disk, so what it counts is a second opinion."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import fastavro
import pyarrow.parquet as pq

from tests.protocol.faulty import History

DELETED = 2                                   # status of a manifest entry
DATA = 0                                      # content of a manifest, and of a file


@dataclass(frozen=True)
class Stored:
    """A table as its catalog names it at this moment."""

    location: str                             # of the metadata file
    metadata: dict[str, Any]

    @property
    def head(self) -> int | None:
        head = self.metadata.get("current-snapshot-id")
        return None if head in (None, -1) else int(head)

    def rows(self, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        found = []
        for path in self._files():
            table = pq.ParquetFile(path).read()
            lacking = [None] * table.num_rows
            found.extend(zip(*(table[c].to_pylist() if c in table.column_names else lacking for c in columns), strict=True))
        return found

    def _files(self) -> Iterator[str]:
        snapshot = next((s for s in self.metadata["snapshots"] if s["snapshot-id"] == self.head), None)
        for manifest in _avro(snapshot["manifest-list"]) if snapshot else ():
            assert manifest["content"] == DATA, "nobody here writes delete files"
            for entry in _avro(manifest["manifest_path"]):
                if entry["status"] != DELETED:
                    assert entry["data_file"]["content"] == DATA
                    yield path_of(entry["data_file"]["file_path"])

    def history(self) -> History:
        """Every snapshot that a metadata file of the table's log names, also those that have expired since."""
        history = History()
        for location in (*(entry["metadata-file"] for entry in self.metadata.get("metadata-log", ())), self.location):
            for snapshot in json.loads(Path(path_of(location)).read_text()).get("snapshots", ()):
                parent = snapshot.get("parent-snapshot-id")
                known = history.snapshots.get(snapshot["snapshot-id"])
                history.snapshots[snapshot["snapshot-id"]] = known or (parent, snapshot["summary"])
        return history


def load(lake: Path, table: str, namespace: str = "shop") -> Stored | None:
    """None: there is no such table yet, or no catalog."""
    if not (lake / "catalog.db").exists():
        return None
    with contextlib.closing(sqlite3.connect(lake / "catalog.db", timeout=10)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'iceberg_tables'").fetchall():
            return None
        found = database.execute("SELECT metadata_location FROM iceberg_tables WHERE table_namespace = ? AND table_name = ?",
                                 [namespace, table]).fetchall()
    return Stored(found[0][0], json.loads(Path(path_of(found[0][0])).read_text())) if found else None


def path_of(location: str) -> str:
    return unquote(urlsplit(location).path)


def _avro(location: str) -> list[dict[str, Any]]:
    with Path(path_of(location)).open("rb") as file:
        return list(fastavro.reader(file))  # type: ignore[arg-type]
