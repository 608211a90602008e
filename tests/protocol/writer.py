"""One writer of a run: the steps of a flush without Kafka and DuckDB, on all partitions, as if every writer believed it owned them."""

from __future__ import annotations

import random
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kshell.errors import DeadlineError
from kshell.iceberg.catalogs import Lake
from kshell.iceberg.commit import commit, trim
from kshell.iceberg.compact import compact
from kshell.iceberg.create import create_sink
from kshell.iceberg.errors_table import commit_errors
from kshell.iceberg.head import load_head
from kshell.iceberg.resolve import accept_rollback, recover_from_data
from kshell.iceberg.values import TP, Batch, Control, Created, Head, Range, Result, Sink, Stop, StopState
from tests.protocol.faulty import Died
from tests.protocol.world import TOPIC, World, bad_rows, rows, spec

GATE_S_MAX = 5.0
LONGEST_WAIT_S = 0.02                         # backoff grows to 30 s; a run is a few seconds


class Gate:
    """Lets the neighbour act while no kshell runs: writers stop at it, and begin a new life behind it."""

    def __init__(self, writers: int) -> None:
        self._writers, self._idle, self._shut = writers, 0, False
        self._changed = threading.Condition()

    def arrive(self) -> bool:
        """Of a writer between two flushes. True: the gate was shut, begin again."""
        with self._changed:
            waited = self._shut
            self._idle += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._shut, GATE_S_MAX)
            self._idle -= 1
        return waited

    @contextmanager
    def shut(self) -> Iterator[None]:
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: self._idle >= self._writers, GATE_S_MAX)
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()


@dataclass
class Shared:
    """What the threads of a run have in common."""

    world: World
    gate: Gate
    stop: threading.Event = field(default_factory=threading.Event)
    repair: threading.Lock = field(default_factory=threading.Lock)
    surprises: list[str] = field(default_factory=list)
    stops: dict[str, int] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)

    def count(self, where: dict[str, int], what: str) -> None:
        where[what] = where.get(what, 0) + 1


class Writer(threading.Thread):
    def __init__(self, number: int, lake: Lake, shared: Shared) -> None:
        super().__init__(name=f"writer-{number}", daemon=True)
        self.number, self.lake, self.shared, self.world = number, lake, shared, shared.world
        self.draw = random.Random(shared.world.seed * 101 + number)
        self.control = Control(cancelled=shared.stop.is_set, wait=lambda s: shared.stop.wait(min(s, LONGEST_WAIT_S)))

    def run(self) -> None:
        while not self.shared.stop.is_set():
            try:
                self._live()
            except Died:
                self.shared.count(self.shared.results, "died")
            except Stop as stop:
                self._resolve(stop)
            except Exception as error:  # noqa: BLE001 - whatever it is, the run reports it
                if not self.shared.stop.is_set():
                    self.shared.surprises.append(f"{self.name}: {error!r:.300} {traceback.format_exc(limit=-3, chain=False)[-900:]}")
                    self.shared.stop.set()

    def _live(self) -> None:
        """One life of a process: run CREATE SINK, then flush until something ends it."""
        created = create_sink(self.lake, spec(), self.world.facts(), self._starts, self.control)
        head, positions = created.head, created.head.cut()
        while not self.shared.stop.is_set():
            if self.shared.gate.arrive():
                raise Died
            ranges = self._ranges(positions)
            if not ranges:
                if self._finished(created):
                    return
                head = self._look(created)
                positions = head.cut()
                continue
            head = self._flush(created, head, ranges, positions)

    def _starts(self) -> dict[TP, int]:
        """`latest`, as this writer sees it: a start that is not recorded once differs from writer to writer."""
        return {tp: start + 3 * self.number for tp, start in self.world.starts.items()}

    def _ranges(self, positions: dict[TP, int]) -> dict[TP, Range]:
        chosen = [tp for tp in self.world.logs if positions.get(tp, 0) < self.world.logs[tp].end and self.draw.random() < 0.7]
        return {tp: Range(lo, min(self.world.logs[tp].end, lo + self.draw.randint(3, 30)))
                for tp, lo in ((tp, positions.get(tp, 0)) for tp in chosen)}

    def _flush(self, created: Created, head: Head, ranges: dict[TP, Range], positions: dict[TP, int]) -> Head:
        """Errors, then rows. `positions` becomes where this writer goes on."""
        assert created.errors_sink is not None
        bad = [(tp[1], o) for tp, r in ranges.items() for o in self.world.logs[tp].within(r.lo, r.hi) if o in self.world.logs[tp].bad]
        judged = commit_errors(self.lake, created.errors_sink, ranges, bad_rows(bad), self.control)
        final = {(p, o) for _, p, o in judged.already}
        good = [(tp[1], o) for tp, r in ranges.items() for o in self.world.logs[tp].within(r.lo, r.hi)
                if o in self.world.logs[tp].good and (tp[1], o) not in final]
        counted = {tp: Range(r.lo, r.hi, sum(1 for p, _ in good if p == tp[1])) for tp, r in ranges.items()}
        batch = Batch(counted, lambda: rows(good, self.name), head.schema_id, head.spec_id, errors=len(bad))
        done = commit(self.lake, created.sink, batch, self.control)
        self.shared.count(self.shared.results, done.result)
        assert done.state is not None
        if done.result is Result.APPLIED:
            positions.update({tp: r.hi for tp, r in ranges.items()})
            self._compact(created.sink)
        elif done.result is Result.OVERTAKEN:
            left = trim(ranges, done.state)
            positions.update({tp: left[tp].lo if tp in left else done.state.next(*tp) for tp in ranges})
        else:
            positions.update(done.state.positions())
        return done.head

    def _compact(self, sink: Sink) -> None:
        """As the flush thread does after a commit. The other writers do not wait for it."""
        try:
            merged = compact(self.lake, sink, self.control)
        except DeadlineError:
            return                            # given up, or the run is over
        if merged.files:
            self.shared.count(self.shared.results, "compacted")

    def _look(self, created: Created) -> Head:
        self.shared.stop.wait(0.01)
        return load_head(self.lake, created.sink)

    def _finished(self, created: Created) -> bool:
        state = self._look(created).state
        if state is not None and all(state.next(*tp) >= log.end for tp, log in self.world.logs.items()):
            self.shared.stop.set()
        return self.shared.stop.is_set()

    def _resolve(self, stop: Stop) -> None:
        """What a person would type. One at a time; who comes second finds it done."""
        self.shared.count(self.shared.stops, stop.state)
        with self.shared.repair:
            for table in (spec().errors_table, spec().table):
                assert table is not None
                self.repair(self.sink(table))

    def sink(self, table: tuple[str, ...]) -> Sink:
        return Sink("orders_lake", "orders_lake", table, str(self.lake.load(table).metadata.table_uuid), "d1")

    def repair(self, sink: Sink) -> None:
        try:
            load_head(self.lake, sink)
        except Stop as stop:
            if stop.state is StopState.STATE_LOST or not self._accepted(stop, sink):
                recover_from_data(self.lake, sink, self.world.facts(), self.control)

    def _accepted(self, stop: Stop, sink: Sink) -> bool:
        if stop.state is not StopState.ROLLED_BACK:
            raise stop
        try:
            accept_rollback(self.lake, sink, self.control)
        except Stop as lost:
            if lost.state is not StopState.STATE_LOST:
                raise
            return False
        return True


__all__ = ["TOPIC", "Shared", "Writer"]
