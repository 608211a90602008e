"""A catalog whose answers lie, and a record of what really landed.

Invariant: it checks requirements and nothing else, as a REST catalog does: the sequence number is the server's to give, so a commit
without requirements lands on any head."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Any

from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.update import AddSnapshotUpdate
from requests.exceptions import ConnectionError as Reset

from kshell.iceberg.catalogs import FILE_IO, Lake
from kshell.iceberg.sql_client import OurSqlCatalog


class Died(BaseException):
    """The process was killed here."""


@dataclass
class History:
    """Every snapshot that landed in any table, with its parent: expiry does not remove anything here."""

    snapshots: dict[int, tuple[int | None, dict[str, str]]] = field(default_factory=dict)
    tables: dict[int, str] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)          # snapshots written under a schema that was not the table's any more
    sent: int = 0


@dataclass(frozen=True)
class Chances:
    """How often a commit fails, per kind; `hold` is a pause before the request is looked at."""

    before: float = 0.06
    after: float = 0.06
    false_409: float = 0.02
    late_409: float = 0.02
    die_before: float = 0.015
    die_after: float = 0.015
    hold: float = 0.15
    hold_s: float = 0.06


CALM = Chances(0, 0, 0, 0, 0, 0, 0)


class FaultyCatalog(OurSqlCatalog):
    def __init__(self, uri: str, warehouse: str, history: History, chances: Chances = CALM, seed: int = 0) -> None:
        super().__init__("faulty", **{**FILE_IO, "uri": uri, "warehouse": warehouse, "init_catalog_tables": "true"})
        self.history, self.chances = history, chances
        self._draw = random.Random(seed)
        self._lock = threading.Lock()

    def commit_table(self, table: Table, requirements: tuple[Any, ...], updates: tuple[Any, ...]) -> CommitTableResponse:
        chances, roll = self.chances, self._draw.random
        self.history.sent += 1
        if roll() < chances.hold:
            threading.Event().wait(roll() * chances.hold_s)
        if roll() < chances.die_before:
            raise Died
        if roll() < chances.before:
            raise self._draw.choice([OSError("EIO"), Reset("reset"), CommitStateUnknownException("504")])
        if roll() < chances.false_409:
            raise CommitFailedException("a conflict that there was not")
        response = self._land(table, requirements, updates)
        if roll() < chances.die_after:
            raise Died
        if roll() < chances.after:
            raise self._draw.choice([OSError("EIO"), Reset("reset"), CommitStateUnknownException("500")])
        if roll() < chances.late_409:
            raise CommitFailedException("the request was replayed: 409 to its own landing")
        return response

    def _land(self, table: Table, requirements: tuple[Any, ...], updates: tuple[Any, ...]) -> CommitTableResponse:
        with self._lock:
            sequence = self.load_table(table.name()).metadata.next_sequence_number()
        updates = tuple(_numbered(u, sequence) for u in updates)
        response = super().commit_table(table, requirements, updates)
        for update in updates:
            if isinstance(update, AddSnapshotUpdate):
                snapshot = update.snapshot
                summary = dict(snapshot.summary.additional_properties) if snapshot.summary else {}
                self.history.snapshots[snapshot.snapshot_id] = (snapshot.parent_snapshot_id, summary)
                self.history.tables[snapshot.snapshot_id] = table.name()[-1]
                current = response.metadata.current_schema_id
                if any(k.endswith(".commit") for k in summary) and snapshot.schema_id != current:
                    self.history.stale.append(f"{snapshot.snapshot_id}: schema {snapshot.schema_id}, not {current}")
        return response


def _numbered(update: Any, sequence: int) -> Any:
    if not isinstance(update, AddSnapshotUpdate):
        return update
    return AddSnapshotUpdate(snapshot=update.snapshot.model_copy(update={"sequence_number": sequence}))


def lake(folder: str, history: History, chances: Chances = CALM, seed: int = 0) -> Lake:
    uri, warehouse = f"sqlite:///{folder}/catalog.db", f"file://{folder}/warehouse"
    return Lake("faulty", "sql", uri, warehouse, FaultyCatalog(uri, warehouse, history, chances, seed), "faulty")
