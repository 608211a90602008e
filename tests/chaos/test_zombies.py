"""Two processes with the same script over the same table, errors and false conflicts before and after landing, freezes, a kill, and a
neighbour: each record is in the table once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kshell.iceberg.catalogs import Lake, open_catalog
from kshell.session import Session
from tests.chaos.flow import Flow
from tests.chaos.liar import AFTER, BEFORE
from tests.chaos.outsider import Outsider
from tests.parts.kafka import Broker
from tests.parts.rest import RestCatalog
from tests.support import unique, wait_until

ERRORS = ";".join(f"commit.{point}=raise:OSError@p0.1" for point in ("after_load", "after_manifest", "before_catalog", "after_catalog"))
SECONDS = 5.0
END_S = 40.0


class Program:
    """`kshell run script.sql`, told 409 at times."""

    def __init__(self, folder: Path, script: Path, broker: Broker, seed: int) -> None:
        self.log = folder / f"said-{seed}.log"
        self._said = self.log.open("wb")
        env = {**os.environ, "KSHELL_TESTING": "1", "KSHELL_FAILPOINTS": ERRORS, "KSHELL_SEED": str(seed),
               "KSHELL_DATA": str(folder / "data")}
        self.process = subprocess.Popen([sys.executable, "-m", "tests.chaos.liar", "run", str(script), "--brokers", broker.bootstrap],
                                        stdin=subprocess.DEVNULL, stdout=self._said, stderr=self._said, env=env)

    def told(self) -> Counter[str]:
        """The false conflicts."""
        return Counter(line for line in self.log.read_text().splitlines() if line in (BEFORE, AFTER))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self, number: int) -> int:
        self.signal(signal.SIGCONT)
        self.signal(number)
        try:
            return self.process.wait(END_S)
        finally:
            self.process.kill()
            self.process.wait()
            self._said.close()


@pytest.fixture
def programs(tmp_path: Path, kafka: Broker) -> Iterator[Callable[[Path, int], Program]]:
    made: list[Program] = []

    def make(script: Path, seed: int) -> Program:
        made.append(Program(tmp_path, script, kafka, seed))
        return made[-1]

    yield make
    for program in made:
        program.end(signal.SIGKILL)


def statements(topic: str, table: str, attach: str) -> str:
    return (f"{attach} SET kshell_refresh = '500ms';"
            f"CREATE SOURCE s (seq BIGINT, who VARCHAR, pad VARCHAR) FROM KAFKA kafka (TOPIC '{topic}');"
            f"CREATE SINK s_lake FROM s INTO ICEBERG {table} (COMMIT_INTERVAL '10s', COMMIT_ROWS 400);")


def commits_of(lake: Lake, table: tuple[str, ...]) -> dict[str, int]:
    """Commits by the process that made them, among the snapshots that are left."""
    writers: Counter[str] = Counter()
    for snapshot in lake.catalog.load_table(table).metadata.snapshots:
        commit = snapshot.summary.additional_properties.get("kshell.s_lake.commit") if snapshot.summary else None
        if commit is not None:
            writers[json.loads(commit)["writer"]] += 1
    return writers


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("seed", "catalog"), [(1, "rest"), (2, "local"), (3, "rest"), (4, "local"), (5, "rest")])
@pytest.mark.fault("F15")
@pytest.mark.fault("F51")
@pytest.mark.fault("F52")
@pytest.mark.fault("F53")
@pytest.mark.fault("F54")
@pytest.mark.fault("F60")
@pytest.mark.fault("F61")
@pytest.mark.fault("F62")
def test_no_record_is_lost_or_twice(kafka: Broker, rest_catalog: RestCatalog, programs: Callable[[Path, int], Program],
                                    open_session: Callable[..., Session], flows: Callable[..., Flow], tmp_path: Path, seed: int,
                                    catalog: str) -> None:
    flow, draw = flows(kafka, rate=1000).start(), random.Random(seed)
    table = (unique("web"), "s")
    attach = f"ATTACH '{rest_catalog.uri}' AS c (TYPE iceberg, CATALOG rest);" if catalog == "rest" else ""
    text = statements(flow.topic, ".".join(("c" if catalog == "rest" else "local", *table)), attach)
    script = tmp_path / "script.sql"
    script.write_text(text)
    lake = open_catalog(catalog, "c" if catalog == "rest" else "local", rest_catalog.uri if catalog == "rest" else "",
                        data_dir=tmp_path / "data")
    running = [programs(script, 10 * seed), programs(script, 10 * seed + 1)]
    started = list(running)
    wait_until(lambda: all("sink s_lake" in program.log.read_text() for program in running), 60.0)
    outsider = Outsider(lake, table, seed)
    outsider.start()
    ends, rounds, writers = time.monotonic() + SECONDS, 0, set()
    while time.monotonic() < ends:
        victim = rounds % 2 if rounds % 3 < 2 else draw.randrange(2)     # in turn, so that each has to do without the other
        running[victim].signal(signal.SIGSTOP)
        before = commits_of(lake, table)
        wait_until(lambda seen=before: commits_of(lake, table) != seen, 30.0)  # type: ignore[misc]
        running[victim].signal(signal.SIGCONT)
        writers |= before.keys() | commits_of(lake, table).keys()
        rounds += 1
        if rounds == 2:                       # one of them dies, and another begins
            running[victim].end(signal.SIGKILL)
            running[victim] = programs(script, 10 * seed + 2)
            started.append(running[victim])
    sent = flow.stop()
    outsider.end()
    codes = [program.end(signal.SIGTERM) for program in running]
    session = open_session(kafka)
    session.sql(f"{text} WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'")
    question = ("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)), bool_and(seq = _kafka_offset) FROM {} "
                "WHERE _kafka_offset IS NOT NULL")
    told = sum((program.told() for program in started), Counter())
    print(f"{sent} records, {rounds} freezes, {len(writers)} writers, {dict(told)}, neighbour {dict(outsider.done)}, exit {codes}")
    for relation in ("s", "lake.s"):
        assert session.sql(question.format(relation)).fetchall() == [(sent, sent, True)]
    assert {row[-1] for row in session.sql("CHECK SINK s_lake").fetchall()} <= {"ok", "unverified"}
    assert len(writers) >= 2
    assert told.keys() == {BEFORE, AFTER}
    lake.close()


def test_a_commit_of_another_process_while_a_sink_is_created_is_no_contradiction(kafka: Broker, open_session: Callable[..., Session],
                                                                                 flows: Callable[..., Flow],
                                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """The log's end is asked, then the table moves beyond it: that is no AHEAD_OF_LOG."""
    flow = flows(kafka)
    text = statements(flow.topic, f"local.{unique('web')}.s", "")
    first, second = open_session(kafka), open_session(kafka)
    first.sql(text)
    ask = second._sinks._facts

    def and_then_the_other_commits(source: object) -> object:
        facts = ask(source)  # type: ignore[arg-type]
        flow.send(30)
        first.sql("WAIT SOURCE s; FLUSH SINK s_lake TIMEOUT '30s'")
        return facts

    monkeypatch.setattr(second._sinks, "_facts", and_then_the_other_commits)
    second.sql(text)
    assert second.sql("SELECT state FROM kshell.sinks").fetchall() == [("running",)]
