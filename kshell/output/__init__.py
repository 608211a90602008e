"""Output modes: one file per mode, found by the name users type, an alias, or the extension of a file.

Does: render Arrow batches as text or files, batch by batch. Does not: open files, know sessions, run anything.
Invariant: whatever reaches a terminal went through `printable`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from kshell.errors import UsageError, did_you_mean
from kshell.output._base import Settings, Stream, Writer, printable
from kshell.output._shape import OutColumn


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode as chosen: `name` is what was typed; `changes` are the settings an alias stands for."""

    name: str
    module: ModuleType
    changes: tuple[tuple[str, Any], ...] = ()

    @property
    def one_result(self) -> bool:
        """Whether a second result would spoil the output."""
        return bool(getattr(self.module, "ONE_RESULT", False))

    @property
    def binary(self) -> bool:
        return bool(getattr(self.module, "BINARY", False))

    @property
    def json(self) -> bool:
        """Errors go to stderr as JSON objects."""
        return self.module.__name__.rpartition(".")[2] in ("json", "ndjson")

    def writer(self, stream: Stream, columns: Sequence[OutColumn], settings: Settings) -> Writer:
        made: Writer = self.module.Writer(stream, columns, replace(settings, **dict(self.changes)))
        return made


def names() -> list[str]:
    """The modes, without aliases: the files of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def find(name: str) -> Mode:
    """The mode of a name or alias; UsageError with the nearest name."""
    wanted = name.lower()
    if wanted in names():
        return Mode(wanted, _load(wanted))
    aliases = {alias: (mode, changes) for mode in names() for alias, changes in getattr(_load(mode), "ALIASES", {}).items()}
    if wanted in aliases:
        mode, changes = aliases[wanted]
        return Mode(wanted, _load(mode), tuple(changes.items()))
    raise UsageError(f"there is no output mode {name}", hint=did_you_mean(name, [*names(), *aliases]) or f"one of {', '.join(names())}")


def for_path(path: str) -> Mode | None:
    """The mode of a file's extension, None for an extension that says nothing."""
    extension = Path(path).suffix.lower()
    for name in names() if extension else ():
        if getattr(_load(name), "EXTENSION", None) == extension:
            return Mode(name, _load(name))
    return None


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"kshell.output.{name}")


def write(columns: Sequence[OutColumn], batches: Iterable[pa.RecordBatch], mode: Mode, stream: Stream, settings: Settings) -> int:
    """Render a whole result; returns its number of rows. Nothing is written before the first batch is there: a query that
    fails at once leaves no header behind."""
    source = iter(batches)
    first = next(source, None)
    writer = mode.writer(stream, columns, settings)
    writer.begin()
    rows = 0
    for batch in chain(() if first is None else (first,), source):
        writer.batch(batch)
        rows += batch.num_rows
    writer.end()
    return rows


__all__ = ["Mode", "OutColumn", "Settings", "Stream", "Writer", "find", "for_path", "names", "printable", "write"]
