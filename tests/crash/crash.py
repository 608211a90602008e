"""One cell: a job is killed at a failpoint, then runs again on an empty machine; what is wrong afterwards, in words.

1. the job, wave by wave, until it is killed  2. the table as it lies there is a prefix of the log  3. the rest of the waves
4. the same script in an empty folder, to its end  5. the table is the log, and two other readers count the same"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field, replace
from pathlib import Path

from kshell.testing import parse
from tests.crash import reader
from tests.crash.cells import Cell
from tests.crash.judge import PLACE, judge
from tests.crash.processes import Child, DuckDB, Zygote, environment, errors, said, wait_for_end
from tests.crash.scenarios import Place, Scenario
from tests.crash.waves import ROWS, Aborters, Waves
from tests.support import wait_until
from tests.support.producing import Recorder
from tests.support.topics import admin, create_topic, unique

WAVE_S = 60.0


@dataclass
class Crash:
    """A cell with its topic, its lake and the folders of its processes, all of its own."""

    bootstrap: str
    folder: Path
    scenario: Scenario
    zygote: Zygote
    duckdb: DuckDB
    aborters: Aborters
    problems: list[str] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        topic = create_topic(admin(self.bootstrap), unique("crash"), 3)
        lake = self.folder / "lake"
        (lake / "warehouse").mkdir(parents=True)
        self.place = Place(self.bootstrap, topic, lake)
        self.waves = Waves(topic, Recorder(self.bootstrap, {"linger.ms": 0}), self.aborters, self.scenario.poison)
        self.scenario.prepare(self.place)

    def run(self, cell: Cell) -> list[str]:
        first_wave = 1
        if self.scenario.clean_runs_first:
            for wave in range(1, cell.hit):
                self._to_the_end(wave)
            first_wave = cell.hit
        self._until_killed(cell, first_wave)
        self._judge(complete=False)
        self._to_the_end(self.scenario.waves)
        self._judge(complete=True)
        return self.problems

    # ---- the two runs ------------------------------------------------------------------------------------------------

    def _until_killed(self, cell: Cell, wave: int) -> None:
        hit = 1 if self.scenario.clean_runs_first else cell.hit
        waves = wave if self.scenario.clean_runs_first else self.scenario.waves
        plan = f"{cell.failpoint}=kill@{hit}"
        parse(plan)
        self.waves.produce_up_to(wave)
        child = self._start(waves, plan)
        while wave < waves and _goes_on(child, wave):
            wave += 1
            self.waves.produce_up_to(wave)
        status = wait_for_end(child)
        if status != -signal.SIGKILL:
            self.problems.append(f"{cell} was not reached: status {status}, {said(child)[-2:]}, {errors(child)}")
        self._compare_answers(child)

    def _to_the_end(self, waves: int) -> None:
        self.waves.produce_up_to(waves)
        child = self._start(waves)
        status = wait_for_end(child)
        answers = said(child)
        if status != 0:
            self.problems.append(f"the restart ended with {status}: {errors(child)}")
        self._compare_answers(child)
        seen = [a["rows"] for a in answers if "reached" in a]
        if not seen or seen[-1] != ROWS * waves:
            self.problems.append(f"the last SELECT of {waves} waves saw {seen[-1:]} of {ROWS * waves} rows")
        wrong = [a for a in answers if "result" in a and a["result"] != "ok"]
        self.problems += [f"CHECK SINK says {a}" for a in wrong]

    def _start(self, waves: int, failpoints: str = "") -> Child:
        """On an empty machine: nothing but the script, the brokers and the catalog."""
        place = replace(self.place, growing=self.waves.produced < waves)
        self.runs += 1
        machine = self.folder / f"machine{self.runs}"
        machine.mkdir()
        (machine / "job.sql").write_text(self.scenario.script(place, waves))
        return self.zygote.fork(machine, self.scenario.call, ["--ndjson", "-f", "job.sql"], environment(machine, failpoints))

    def _compare_answers(self, child: Child) -> None:
        """A SELECT over both tiers: no row twice, and no row of a wave that is done is missing."""
        for answer in said(child):
            if "reached" in answer and answer["rows"] != answer["distinct_rows"]:
                self.problems.append(f"a SELECT saw a row twice: {answer}")
            what, _, number = str(answer.get("reached", "")).partition(" ")
            if what == "wave" and int(str(answer["rows"])) < ROWS * int(number):
                self.problems.append(f"a SELECT missed rows: {answer}")

    # ---- the verdict -------------------------------------------------------------------------------------------------

    def _judge(self, *, complete: bool) -> None:
        when = "after the restart" if complete else "after the crash"
        for table in self.scenario.tables:
            self.problems += [f"{when}: {line}" for line in judge(self.place.lake, table, self.waves, complete=complete)]
        if complete:
            self._compare_readers()

    def _compare_readers(self) -> None:
        stored = [reader.load(self.place.lake, name) for table in self.scenario.tables for name in (table, f"{table}__errors")]
        ours = [[len(rows), len(set(rows))] for rows in (s.rows(PLACE) for s in stored if s is not None)]
        theirs = self.duckdb.counts([s.location for s in stored if s is not None])
        expected = [[len(self.waves.good)] * 2, [len(self.waves.bad)] * 2] * len(self.scenario.tables)
        if not ours == theirs == expected:
            self.problems.append(f"readers disagree: the log {expected}, files {ours}, DuckDB {theirs}")


def _goes_on(child: Child, wave: int) -> bool:
    """Whether the child is done with this wave and waits for the next one, or has ended."""
    wait_until(lambda: child.ended() is not None or len(said(child)) >= wave, WAVE_S)
    return child.ended() is None
