"""A catalog of a session that only reads: what would change it is refused here, whoever asks and however.

Invariant: a sealed catalog sends no request that changes anything, and the tables it gives open no file to write. Sealing is for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyiceberg.io import FileIO

from kshell.errors import ReadOnlyError
from kshell.iceberg.fileio import SealedFileIO

WRITES = (
    "commit_table", "create_namespace", "create_namespace_if_not_exists", "create_table", "create_table_if_not_exists",
    "create_table_transaction", "create_tables", "create_view", "drop_namespace", "drop_table", "drop_view", "purge_table",
    "register_table", "register_view", "rename_table", "update_namespace_properties",
)


class Sealable:
    """Stands before a class of PyIceberg's, so that it is asked first."""

    sealed = False

    def seal(self) -> None:
        self.sealed = True

    def _files(self, opened: FileIO) -> FileIO:
        return SealedFileIO(opened.properties) if self.sealed else opened


def _guarded(name: str) -> Callable[..., Any]:
    def asked(self: Sealable, *arguments: Any, **named: Any) -> Any:
        if self.sealed:
            raise ReadOnlyError(f"this session only reads: {name.replace('_', ' ')} is refused", hint="start without --read-only")
        return getattr(super(Sealable, self), name)(*arguments, **named)

    asked.__name__ = name
    return asked


for _name in WRITES:
    setattr(Sealable, _name, _guarded(_name))
