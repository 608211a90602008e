"""A neighbour that writes to the same table with PyIceberg, as anybody would: appends rows, deletes its own, expires snapshots."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, RESTError, ValidationException
from pyiceberg.table import Table
from sqlalchemy.exc import OperationalError

from kshell.iceberg.catalogs import Lake

_VERBS = ("append", "append", "forget", "expire")
_PAUSE_S = 0.3
_END_S = 30.0


class Outsider(threading.Thread):
    def __init__(self, lake: Lake, table: tuple[str, ...], seed: int) -> None:
        super().__init__(name="outsider", daemon=True)
        self.done: Counter[str] = Counter()
        self._lake, self._table, self._draw = lake, table, random.Random(seed)
        self._has_rows = False
        self._ending = threading.Event()

    def end(self) -> None:
        self._ending.set()
        self.join(_END_S)

    def run(self) -> None:
        while not self._ending.wait(_PAUSE_S * (0.5 + self._draw.random())):
            verb = self._draw.choice(_VERBS)
            try:
                getattr(self, verb)(self._lake.catalog.load_table(self._table))
                self.done[verb] += 1
            except (CommitFailedException, ValidationException, NoSuchTableError, OperationalError, OSError, RESTError):
                self.done["lost races"] += 1

    def append(self, table: Table) -> None:
        table.append(pa.table({"seq": pa.array([-1], pa.int64()), "who": pa.array(["outsider"])}))
        self._has_rows = True

    def forget(self, table: Table) -> None:
        if self._has_rows:                    # PyIceberg warns of a delete that finds nothing
            self._has_rows = False
            table.delete("who = 'outsider'")

    def expire(self, table: Table) -> None:
        named = {ref.snapshot_id for ref in table.metadata.refs.values()}
        gone = [s.snapshot_id for s in table.metadata.snapshots if s.snapshot_id not in named][:-2]
        if gone:
            table.maintenance.expire_snapshots().by_ids(gone).commit()
