"""The neighbour: another engine on the same tables. Appends, deletes, expires, rolls back, changes the schema, and now and then the
cruel sequence: roll back, append, expire everything that no reference protects.

Invariant: it uses PyIceberg as anybody would, and touches rows of its own only."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.table import Table
from pyiceberg.types import StringType

from kshell.iceberg.catalogs import Lake
from tests.protocol.world import spec
from tests.protocol.writer import Shared

FIRST_ROLLBACK_AT_SNAPSHOT = 5


class Outsider(threading.Thread):
    def __init__(self, lake: Lake, shared: Shared, seed: int, verbs: Sequence[str], pause_s: float = 0.12) -> None:
        super().__init__(name="outsider", daemon=True)
        self.lake, self.gate, self.stop_event, self.pause_s = lake, shared.gate, shared.stop, pause_s
        self.draw, self.verbs = random.Random(seed), verbs
        self.done: dict[str, int] = {}

    def run(self) -> None:
        while not self.stop_event.wait(self.pause_s * (0.5 + self.draw.random())):
            table = self.lake.find(spec().table)
            if table is None or table.current_snapshot() is None:
                continue
            verb = self.draw.choice(self.verbs)
            try:
                if getattr(self, verb)(table) is not False:
                    self.done[verb] = self.done.get(verb, 0) + 1
            except (CommitFailedException, ValidationException, ValueError, OSError):
                continue                      # it lost a race; neighbours try again some other time

    def append(self, table: Table) -> None:
        table.append(pa.table({"seq": pa.array([-1], pa.int64()), "who": pa.array(["outsider"], pa.string())}))

    def delete(self, table: Table) -> None:
        table.delete("who = 'outsider'")

    def expire(self, table: Table) -> None:
        keep = {ref.snapshot_id for ref in table.metadata.refs.values()}
        gone = [s.snapshot_id for s in table.metadata.snapshots if s.snapshot_id not in keep][:-2]
        if gone:
            table.maintenance.expire_snapshots().by_ids(gone).commit()

    def rollback(self, table: Table) -> bool:
        return self._back(table, self.draw.randint(1, 2))

    def _back(self, table: Table, steps: int) -> bool:
        known = {s.snapshot_id: s for s in table.metadata.snapshots}
        if len(table.metadata.snapshots) < FIRST_ROLLBACK_AT_SNAPSHOT:
            return False
        target = table.current_snapshot()
        for _ in range(steps):
            target = known.get(target.parent_snapshot_id or -1) if target else None
        if target is None:
            return False
        table.manage_snapshots().set_current_snapshot(snapshot_id=target.snapshot_id).commit()
        return True

    def cruel(self, table: Table) -> bool:
        """While no kshell runs: rolled back, appended to, and the snapshots below expired. The tag is younger than it was."""
        with self.gate.shut():
            return self._cruel(self.lake.load(table.name()))

    def _cruel(self, table: Table) -> bool:
        if not self._back(table, self.draw.randint(2, 3)):
            return False
        table = self.lake.load(table.name())
        self.append(table)
        self._expire_all(self.lake.load(table.name()))
        return True

    def forget(self, table: Table) -> bool:
        """While no kshell runs: the tag removed, a foreign head, everything else expired. Nothing carries the progress any more."""
        with self.gate.shut():
            return self._forget(self.lake.load(table.name()))

    def _forget(self, table: Table) -> bool:
        tags = [n for n, r in table.metadata.refs.items() if r.snapshot_ref_type == "tag"]
        if len(table.metadata.snapshots) < FIRST_ROLLBACK_AT_SNAPSHOT:
            return False
        self.append(table)
        for tag in tags:
            self.lake.load(table.name()).manage_snapshots().remove_tag(tag).commit()
        self._expire_all(self.lake.load(table.name()))
        return True

    def _expire_all(self, table: Table) -> None:
        keep = {ref.snapshot_id for ref in table.metadata.refs.values()}
        gone = [s.snapshot_id for s in table.metadata.snapshots if s.snapshot_id not in keep]
        if gone:
            table.maintenance.expire_snapshots().by_ids(gone).commit()

    def widen(self, table: Table) -> None:
        with table.update_schema() as update:
            update.add_column((f"extra_{len(table.schema().fields)}",), StringType())
