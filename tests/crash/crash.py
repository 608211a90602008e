"""A job is killed at a failpoint, then runs again on an empty machine; what is wrong afterwards, in words.

1. the job, wave by wave, until it is killed  2. the table as it lies there is a prefix of the log  3. the rest of the waves
4. the same script in an empty folder, to its end  5. the table is the log, and two other readers count the same"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from kshell.testing import parse
from tests.crash.job import Job
from tests.crash.processes import Child, Zygote, environment, errors, said, wait_for_end
from tests.crash.waves import ROWS
from tests.support import wait_until

WAVE_S = 60.0


@dataclass
class Crash:
    job: Job
    zygote: Zygote

    def once(self, failpoint: str, hit: int) -> list[str]:
        """Killed at that hit, which has to be reached; then to the end."""
        job, scenario = self.job, self.job.scenario
        wave, waves = 1, scenario.waves
        if scenario.clean_runs_first:
            for wave in range(1, hit):
                self._to_the_end(wave)
            wave, hit, waves = hit, 1, hit
        status = self._feed(f"{failpoint}=kill@{hit}", wave, waves)
        if status != -signal.SIGKILL:
            job.problems.append(f"{failpoint} was not reached {hit} times")
        job.judge(complete=False)
        self._to_the_end(scenario.waves)
        job.judge(complete=True)
        return job.problems

    def again_and_again(self, plans: Sequence[str]) -> list[str]:
        """One wave more for each plan, killed there if it comes to that; then to the end."""
        job = self.job
        for wave, plan in enumerate(plans, start=1):
            status = self._feed(plan, wave, wave)
            job.judge(complete=status == 0)
        self._to_the_end(job.scenario.waves)
        job.judge(complete=True)
        return job.problems

    def _feed(self, plan: str, wave: int, waves: int) -> int:
        """`wave` is there from the beginning; each later one up to `waves` is produced when the job is done with the one before."""
        parse(plan)
        self.job.waves.produce_up_to(wave)
        child = self._start(waves, plan)
        while wave < waves and _goes_on(child, wave):
            wave += 1
            self.job.waves.produce_up_to(wave)
        status = wait_for_end(child)
        if status not in (0, -signal.SIGKILL):
            self.job.problems.append(f"the run under {plan} ended with {status}: {errors(child)}")
        self._compare_answers(child)
        return status

    def _to_the_end(self, waves: int) -> None:
        problems = self.job.problems
        self.job.waves.produce_up_to(waves)
        child = self._start(waves)
        status = wait_for_end(child)
        if status != 0:
            problems.append(f"the restart ended with {status}: {errors(child)}")
        self._compare_answers(child)
        seen = [a["rows"] for a in said(child) if "reached" in a]
        owed = self.job.rows_of(self.job.scenario.tables[0])
        if not seen or seen[-1] != owed:
            problems.append(f"the last SELECT of {waves} waves saw {seen[-1:]} of {owed} rows")
        problems += [f"CHECK SINK says {a}" for a in said(child) if a.get("result", "ok") != "ok"]

    def _start(self, waves: int, failpoints: str = "") -> Child:
        machine = self.job.machine(waves)
        return self.zygote.fork(machine, self.job.scenario.call, ["--ndjson", "-f", "job.sql"], environment(machine, failpoints))

    def _compare_answers(self, child: Child) -> None:
        """A SELECT over both tiers: no row twice, and no row of a wave that is done is missing."""
        for answer in said(child):
            if "reached" in answer and answer["rows"] != answer["distinct_rows"]:
                self.job.problems.append(f"a SELECT saw a row twice: {answer}")
            what, _, number = str(answer.get("reached", "")).partition(" ")
            if what == "wave" and int(str(answer["rows"])) < ROWS * int(number):
                self.job.problems.append(f"a SELECT missed rows: {answer}")


def _goes_on(child: Child, wave: int) -> bool:
    """Whether the child is done with this wave and waits for the next one, or has ended."""
    wait_until(lambda: child.ended() is not None or len(said(child)) >= wave, WAVE_S)
    return child.ended() is None
