"""The main job, statement by statement as the README has it, as a script of the program and through `kshell.connect()`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import kshell
from tests.parts.kafka import Broker
from tests.session.conftest import events
from tests.support.producing import Recorder

JOB = """\
ATTACH 'kafka://{bootstrap}' AS k (TYPE kafka);
SHOW TOPICS FROM k;
CREATE SOURCE clicks FROM KAFKA k (TOPIC '{topic}', FORMAT json);          -- columns inferred
WAIT SOURCE clicks UNTIL CAUGHT UP TIMEOUT '30s';
FROM clicks LIMIT 5;
SELECT count(*) FROM clicks(since := INTERVAL '5 minutes', "partition" := 0); -- the topic as a table function
CREATE SINK clicks_lake FROM clicks INTO ICEBERG local.web.clicks (PARTITION_BY ['day(_kafka_timestamp)'], COMMIT_INTERVAL '10s');
FLUSH SINK clicks_lake TIMEOUT '30s';
SELECT _tier, count(*) AS n, max(_kafka_timestamp) AS newest FROM clicks GROUP BY ALL;
SELECT * FROM kafka_scan('{topic}', connection := 'k', last := 10);        -- the topic, once, nothing registered
CHECK SINK clicks_lake;
SHOW SINKS;
"""
VERDICT = """
SELECT (SELECT count(*) FROM lake.clicks) AS landed, (SELECT count(*) FROM live.clicks) AS live, (SELECT count(*) FROM clicks) AS n;
"""
Program = Callable[..., "subprocess.Popen[str]"]


def by_file(script: str, folder: Path, program: Program) -> dict[str, int]:
    (folder / "job.sql").write_text(script)
    process = program("--ndjson", "-f", str(folder / "job.sql"))
    out, err = process.communicate(timeout=90)
    assert (process.returncode, "Traceback" in err) == (0, False), err
    last: dict[str, int] = json.loads(out.splitlines()[-1])
    return last


def by_connect(script: str, folder: Path, program: Program) -> dict[str, int]:
    with kshell.connect() as session:
        result = session.sql(script)
        return dict(zip(("landed", "live", "n"), result.fetchall()[0], strict=True))


@pytest.mark.parametrize("way", [by_file, by_connect], ids=["kshell -f", "kshell.connect"])
def test_the_main_job_lands_every_event_once(way: Callable[[str, Path, Program], dict[str, int]], kafka: Broker,
                                             kafka_topic: Callable[..., str], producer: Recorder, tmp_path: Path, program: Program,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_DATA", str(tmp_path / "data"))
    topic = kafka_topic(partitions=2)
    for partition in (0, 1):
        producer.produce(topic, events(30), partition=partition)
    found = way(JOB.format(bootstrap=kafka.bootstrap, topic=topic) + VERDICT, tmp_path, program)
    assert found == {"landed": 60, "live": 0, "n": 60}
