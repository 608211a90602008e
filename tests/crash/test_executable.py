"""`python -m kshell run FILE` as a service keeper runs it: killed at a failpoint while it commits on its own, then started on an empty
machine, then stopped by SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash import reader
from tests.crash.conftest import MakeJob
from tests.crash.job import Job
from tests.crash.judge import PLACE
from tests.crash.processes import Executable, environment, errors, wait_for_end
from tests.crash.scenarios import Place, Scenario, attach, sink, source
from tests.support import wait_until

WAVES = 3
WAVE_S = 60.0
Start = Callable[..., Executable]


def _service(place: Place, waves: int) -> str:
    """No FLUSH: it commits when a row is there."""
    return attach(place) + source("orders", place) + sink("orders_lake", "orders", "orders", ", COMMIT_ROWS 1")


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job(Scenario(_service, WAVES))


@pytest.fixture
def start(job: Job) -> Iterator[Start]:
    """`start("name=kill@1")` -> the service on another empty machine; ended with the test."""
    started: list[Executable] = []

    def run(failpoints: str = "") -> Executable:
        machine = job.machine(WAVES)
        started.append(Executable(machine, ["run", "job.sql"], environment(machine, failpoints)))
        return started[-1]

    yield run
    for child in started:
        child.signal(signal.SIGKILL)
        wait_for_end(child)


def feed(job: Job, child: Executable) -> None:
    """A wave whenever the table has the one before, until the service ends if it does."""
    for wave in range(1, WAVES + 1):
        job.waves.produce_up_to(wave)
        wait_until(lambda: child.ended() is not None or rows(job.place.lake) == len(job.waves.good), WAVE_S, every_s=0.05)
        if child.ended() is not None:
            break


def rows(lake: Path) -> int:
    stored = reader.load(lake, "orders")
    return len(stored.rows(PLACE)) if stored is not None and stored.head is not None else 0


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("plan", ["errors.after_commit=kill@2", "flush.after_parquet=kill@3", "commit.before_catalog=kill@4",
                                  "commit.after_catalog=kill@4", "publish.after_views=kill@2", "kafka.before_offset_commit=kill@3"])
def test_a_service_that_is_killed_goes_on_where_its_table_stands(plan: str, job: Job, start: Start) -> None:
    first = start(plan)
    feed(job, first)
    assert wait_for_end(first) == -signal.SIGKILL, errors(first)
    job.judge(complete=False)
    second = start()
    feed(job, second)
    wait_until(lambda: second.ended() is not None or "sink orders_lake goes on" in errors(second), WAVE_S)
    second.signal(signal.SIGTERM)
    assert wait_for_end(second) == 0, errors(second)
    job.judge(complete=True)
    assert job.problems == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("plan", "what"), [("flush.before_parquet=raise:KeyError", "sink orders_lake: KeyError"),
                                            ("ingest.after_decode=raise:KeyError", "decoding orders failed: KeyError")])
def test_a_service_whose_thread_has_failed_says_so_and_ends(plan: str, what: str, job: Job, start: Start) -> None:
    """Alive and idle it would look well to whoever keeps it."""
    job.waves.produce_up_to(1)
    child = start(plan)
    assert wait_for_end(child) == 1, errors(child)
    assert f"error: {what}" in errors(child)
    assert "Traceback" not in errors(child)
    assert rows(job.place.lake) == 0
