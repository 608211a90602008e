"""The program from outside, against a broker: what a run leaves in Kafka, the next one commits; rows come as they arrive."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.parts.kafka import Broker
from tests.support.producing import Recorder

Run = Callable[..., Ran]
Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder) -> str:
    name = kafka_topic()
    producer.produce(name, [f'{{"id": {i}}}' for i in range(12)])
    return name


def test_rows_that_a_run_leaves_are_named_and_the_next_run_commits_them_once(run: Run, kafka: Broker, topic: str, tmp_path: Path,
                                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_DATA", str(tmp_path / "moved"))
    script = (f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s; "
              "CREATE SINK k FROM s INTO ICEBERG local.a.b (COMMIT_INTERVAL '1h'); ")
    left = run("--brokers", kafka.bootstrap, "--no-flush", "-c", script)
    assert (left.code, left.out) == (0, ""), "control statements give no rows"
    assert f"note: k: 12 rows not committed: {topic}[0] 0-11" in left.err
    committed = run("--brokers", kafka.bootstrap, "-c", script)
    assert (committed.code, "not committed" in committed.err) == (0, False)
    counted = run("--ndjson", "-c", "SELECT count(*) AS n, count(DISTINCT _kafka_offset) AS offsets FROM local.a.b")
    assert json.loads(counted.out) == {"n": 12, "offsets": 12}
    assert (tmp_path / "moved" / "iceberg" / "catalog.db").exists()


def test_a_cluster_of_the_flags_is_readable_without_registering(run: Run, kafka: Broker, topic: str) -> None:
    ran = run("--brokers", kafka.bootstrap, "-c", f'SELECT id FROM kafka."{topic}" LIMIT 1')
    assert (ran.code, ran.out) == (0, "id\n0\n")


def test_stats_are_those_of_what_each_statement_reads(run: Run, kafka: Broker, topic: str, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_DATA", str(tmp_path / "data"))
    script = (f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'); CREATE SOURCE alone FROM KAFKA kafka (TOPIC '{topic}'); WAIT ALL; "
              "CREATE SINK k FROM s INTO ICEBERG local.a.b (COMMIT_INTERVAL '1h'); FLUSH SINK k; CREATE VIEW behind AS FROM s; "
              "SELECT count(*) FROM alone; SELECT count(*) FROM behind; SELECT 1; CREATE TABLE t AS FROM alone LIMIT 3")
    ran = run("--brokers", kafka.bootstrap, "--quiet", "--stats", "-c", script)
    told = [json.loads(line) for line in ran.err.splitlines()]
    assert [t["statement"] for t in told] == list(range(1, 11)), "one line for each statement, and nothing else"
    alone, behind, nothing, made = told[6:]
    assert (alone["rows"], alone["live_rows"], alone["snapshot_id"]) == (1, 12, None)
    assert (behind["rows"], behind["live_rows"], behind["snapshot_id"] is not None) == (1, 0, True)
    assert 0 <= alone["freshness_seconds"] <= behind["freshness_seconds"] < 300, "also when all its rows are in the lake"
    assert (nothing["live_rows"], nothing["snapshot_id"], nothing["freshness_seconds"]) == (0, None, None)
    assert (made["rows"], made["live_rows"]) == (3, 12)
    assert all(t["seconds"] >= 0 for t in told)


def test_tail_into_a_pipe_writes_each_row_as_it_arrives(program: Program, kafka: Broker, topic: str, producer: Recorder) -> None:
    process = program("--brokers", kafka.bootstrap, "--ndjson", "-c", f"TAIL '{topic}' LAST 1 LIMIT 3")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["id"] == 11
    producer.produce(topic, ['{"id": 12}'])
    assert json.loads(process.stdout.readline())["id"] == 12, "before the next one is there"
    producer.produce(topic, ['{"id": 13}'])
    assert json.loads(process.stdout.readline())["id"] == 13
    assert process.wait(30) == 0
