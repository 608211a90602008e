"""A job with a topic and a lake of its own, the empty machines that it runs on, and the verdict on its tables."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.crash import reader
from tests.crash.judge import PLACE, as_it_is, judge
from tests.crash.processes import DuckDB
from tests.crash.scenarios import Place, Scenario
from tests.crash.waves import PARTITIONS, Aborters, Waves, payload
from tests.support.producing import Recorder
from tests.support.topics import admin, create_topic, unique


@dataclass
class Job:
    bootstrap: str
    folder: Path
    scenario: Scenario
    duckdb: DuckDB
    aborters: Aborters
    problems: list[str] = field(default_factory=list)
    machines: int = 0

    def __post_init__(self) -> None:
        topic = create_topic(admin(self.bootstrap), unique("crash"), PARTITIONS)
        lake = self.folder / "lake"
        (lake / "warehouse").mkdir(parents=True)
        self.place = Place(self.bootstrap, topic, lake)
        self.waves = Waves(topic, Recorder(self.bootstrap, {"linger.ms": 0}), self.aborters, self.scenario.poison,
                           self.scenario.poison_at_once, self.scenario.grows)
        self.scenario.prepare(self.place)

    def machine(self, waves: int) -> Path:
        """An empty folder with nothing but the script, which knows the brokers and the catalog."""
        self.machines += 1
        machine = self.folder / f"machine{self.machines}"
        machine.mkdir()
        place = replace(self.place, growing=self.waves.produced < waves)
        (machine / "job.sql").write_text(self.scenario.script(place, waves))
        return machine

    def judge(self, *, complete: bool) -> None:
        when = "after the restart" if complete else "after the crash"
        for table in self.scenario.tables:
            found = judge(self.place.lake, table, self.waves, complete=complete, shape=self.scenario.shapes.get(table, as_it_is))
            self.problems += [f"{when}: {line}" for line in found]
        if complete:
            self._compare_readers()

    def rows_of(self, table: str) -> int:
        """In the end: what the query of its sink makes of the good records and the cured ones."""
        shape = self.scenario.shapes.get(table, as_it_is)
        return sum(shape(payload(value)) is not None for value in (*self.waves.good.values(), *self.waves.cured.values()))

    def _compare_readers(self) -> None:
        stored = [reader.load(self.place.lake, name) for table in self.scenario.tables for name in (table, f"{table}__errors")]
        ours = [[len(rows), len(set(rows))] for rows in (s.rows(PLACE) for s in stored if s is not None)]
        theirs = self.duckdb.counts([s.location for s in stored if s is not None])
        expected = [[n] * 2 for table in self.scenario.tables for n in (self.rows_of(table), len(self.waves.bad))]
        if not ours == theirs == expected:
            self.problems.append(f"readers disagree: the log {expected}, files {ours}, DuckDB {theirs}")
