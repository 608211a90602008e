"""The program from outside with a schema registry: the flag and the variable make Avro readable, and a schema that grows is told once."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.parts.kafka import Broker
from tests.parts.registry import Registry
from tests.support.producing import Recorder
from tests.support.serializers import Serializers

Run = Callable[..., Ran]
Program = Callable[..., "subprocess.Popen[str]"]
EVOLVED = "note: source s: new column name VARCHAR; changed: id BIGINT\n"


@pytest.fixture
def serializers(registry: Registry) -> Iterator[Serializers]:
    with Serializers(registry.url) as made:
        yield made


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder, serializers: Serializers) -> str:
    """Two records of the first schema."""
    name = kafka_topic()
    old = serializers.avro(name, {"id": "int"})
    producer.produce(name, [old({"id": n}) for n in range(2)])
    return name


def grow(producer: Recorder, serializers: Serializers, topic: str) -> None:
    """A third record, whose schema has one more field and a wider one."""
    new = serializers.avro(topic, {"id": "long", "name": ["null", "string"]})
    producer.produce(topic, [new({"id": 2**40, "name": "b"})])


def test_flags_make_an_avro_topic_readable_without_a_format(run: Run, kafka: Broker, registry: Registry, topic: str) -> None:
    script = (f"CREATE SOURCE x FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE x UNTIL ROWS 2 TIMEOUT '60s'; "
              f"SELECT id, typeof(id) AS type FROM x ORDER BY id; SELECT count(*) AS n FROM kafka.\"{topic}\"")
    ran = run("--brokers", kafka.bootstrap, "--schema-registry", registry.url, "--ndjson", "-c", script)
    assert ran.code == 0, ran.err
    assert [json.loads(line) for line in ran.out.splitlines()] == [{"id": 0, "type": "INTEGER"}, {"id": 1, "type": "INTEGER"}, {"n": 2}]


def test_the_environment_does_the_same_and_a_flag_goes_before_it(run: Run, kafka: Broker, registry: Registry, topic: str,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_BOOTSTRAP_SERVERS", kafka.bootstrap)
    monkeypatch.setenv("KSHELL_SCHEMA_REGISTRY", registry.url)
    script = f"SELECT sum(id) AS n FROM kafka.\"{topic}\"; SHOW SUBJECTS LIKE '{topic}%'"
    assert run("-c", script) == Ran(0, f"n\n1\n\nsubject\n{topic}-value\n", "")
    ran = run("--schema-registry", "http://127.0.0.1:1", "-c", f"CREATE SOURCE x FROM KAFKA kafka (TOPIC '{topic}', FORMAT avro)")
    assert (ran.code, ran.out) == (3, "")
    assert "the schema registry http://127.0.0.1:1 refuses the connection" in ran.err


@pytest.mark.parametrize(("flags", "told"), [([], 1), (["--quiet"], 0)])
def test_a_script_tells_once_what_a_schema_has_brought(program: Program, kafka: Broker, registry: Registry, topic: str, producer: Recorder,
                                                       serializers: Serializers, flags: list[str], told: int) -> None:
    script = (f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s UNTIL ROWS 2 TIMEOUT '60s'; SELECT 'begun' AS word; "
              "WAIT SOURCE s UNTIL ROWS 3 TIMEOUT '60s'; SELECT max(id) AS id, max(name) AS name FROM s")
    process = program(*flags, "--brokers", kafka.bootstrap, "--schema-registry", registry.url, "--ndjson", "-c", script)
    assert process.stdout is not None
    assert "begun" in process.stdout.readline()
    grow(producer, serializers, topic)
    out, err = process.communicate(timeout=90)
    assert (process.returncode, json.loads(out)) == (0, {"id": 2**40, "name": "b"})
    assert err.count(EVOLVED) == told == err.count("new column")


def test_run_tells_once_what_a_schema_has_brought_and_the_table_has_it(
        program: Program, run: Run, kafka: Broker, registry: Registry, topic: str, producer: Recorder, serializers: Serializers,
        tmp_path: Path) -> None:
    (tmp_path / "p.sql").write_text(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s UNTIL ROWS 2 TIMEOUT '60s';\n"
                                    "CREATE SINK k FROM s INTO ICEBERG local.a.b (COMMIT_INTERVAL '1h');\n")
    process = program("run", "p.sql", "--brokers", kafka.bootstrap, "--schema-registry", registry.url)
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    assert any(line.startswith("note: sink k ") for line in lines)
    grow(producer, serializers, topic)
    assert any(line == EVOLVED for line in lines)
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=60)
    assert (process.returncode, "new column" in rest) == (0, False)
    assert run("-c", "SELECT max(id) AS id, max(name) AS name FROM local.a.b").out == f"id,name\n{2**40},b\n"
