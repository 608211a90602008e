"""Files that survive power loss on a local warehouse.

Invariant: when a stream is closed, the file and every directory that names it are on disk. PyIceberg closes each data file,
manifest, manifest list and metadata file before the catalog moves, so a catalog never points at something that is not there.
Tables with the property `kshell.durable` = false (DURABLE false), and places other than the local disk, are written as PyIceberg does."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import cast

from pyiceberg.io import InputFile, OutputFile, OutputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from kshell.errors import ReadOnlyError

DURABLE_PROPERTY = "kshell.durable"
BUFFER_BYTES = 1024 * 1024


class SyncedStream(io.BufferedWriter):
    """A buffered file that is synced, with its directory, when it is closed."""

    def __init__(self, path: str, *, overwrite: bool) -> None:
        _make_directories(Path(path).parent)
        super().__init__(io.FileIO(path, "wb" if overwrite else "xb"), BUFFER_BYTES)
        self._directory = os.path.dirname(path)

    def close(self) -> None:
        if self.closed:
            return
        try:
            self.flush()
            os.fsync(self.fileno())
        finally:
            super().close()
        sync_directory(self._directory)


class DurableFile(PyArrowFile):
    def create(self, overwrite: bool = False) -> OutputStream:
        return cast(OutputStream, SyncedStream(self._path, overwrite=overwrite))


class DurableFileIO(PyArrowFileIO):
    """Named by kshell in every catalog it opens, as `py-io-impl`."""

    def new_output(self, location: str) -> PyArrowFile:
        scheme, netloc, path = self.parse_location(location, self.properties)
        if scheme != "file" or self.properties.get(DURABLE_PROPERTY) == "false":
            return super().new_output(location)
        return DurableFile(fs=self.fs_by_scheme(scheme, netloc), location=location, path=path)


class SealedFileIO(DurableFileIO):
    """Of a session that only reads."""

    def new_output(self, location: str) -> PyArrowFile:
        raise ReadOnlyError(f"this session only reads: {location} is not written", hint="start without --read-only")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        raise ReadOnlyError("this session only reads: no file is deleted", hint="start without --read-only")


def sync_directory(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_directories(folder: Path) -> None:
    """mkdir -p, syncing the parent of each directory that was made."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_directory(str(path.parent))
