"""V5: planted canaries are in no output, no log, no history, no data folder, no table's metadata and no argument of a process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kshell.shell.history import History
from tests.parts.kafka import Broker
from tests.session.conftest import events

REPOSITORY = Path(__file__).parents[2]
CANARY = re.compile(r"canary-?\d\d[-\w]*")

# Every way to write a secret down, each with a canary of its own; {b}: brokers, {t}: a topic, {d}: a folder.
STATEMENTS = """
CREATE SECRET one (TYPE kafka, SECURITY_PROTOCOL 'PLAINTEXT', SSL_KEY_PASSWORD 'canary-01-literal', SCOPE 'kafka://{b}');
CREATE SECRET two (TYPE kafka, SASL_USERNAME 'ann', SASL_PASSWORD 'canary-02-literal');
CREATE SECRET three (TYPE schema_registry, URL 'https://ann:canary-03-address@host', TOKEN 'canary-04-token');
CREATE SECRET four (TYPE iceberg_catalog, CREDENTIAL 'id:canary-05-credential', PROPERTIES MAP {'x.secret': 'canary-06-map'},
                    S3_ACCESS_KEY_ID 'key', S3_SECRET_ACCESS_KEY 'canary-07-s3');
CREATE SECRET five (TYPE kafka, SASL_USERNAME 'ann', SASL_PASSWORD getenv('CANARY_VARIABLE'));
CREATE SECRET six (TYPE kafka, SASL_USERNAME 'ann', SASL_PASSWORD FILE '{d}/canary-file');
CREATE PERSISTENT SECRET seven (TYPE kafka, SASL_USERNAME 'ann', SASL_PASSWORD 'canary-08-kept');
CREATE SECRET eight (TYPE s3, KEY_ID 'k', SECRET 'canary-09-duckdb');
CREATE SECRET nine (TYPE kafka, SASL_PASWORD 'canary-10-mistyped');
CREATE SECRET nine (TYPE kafka, SASL_PASSWORD canary12bare, NO_OPTION 'x');
CREATE SECRET nine (TYPE kafka, SASL_PASSWORD 'canary-13-plain', SECURITY_PROTOCOL PLAINTEXT);
CREATE SECRET two (TYPE kafka, SASL_PASSWORD 'canary-14-again');
CREAT SECRET nine (TYPE kafka, SASL_PASSWORD 'canary-15-typo');
ATTACH 'kafka://{b}' AS k (TYPE kafka, SECRET one, CONFIG MAP {'ssl.key.password': 'canary-16-config'});
ATTACH 'kafka://{b}' AS bad (TYPE kafka, CONFIG MAP {'sasl.pasword': 'canary-17-config'});
ATTACH 'kafka://127.0.0.1:1' AS away (TYPE kafka, SECRET two);
ATTACH 'kafka://ann:canary-18-address@127.0.0.1:1' AS away (TYPE kafka);
ATTACH 'sqlite:///{d}/c.db' AS c (TYPE iceberg, CATALOG sql, WAREHOUSE 'file://{d}/wh', SECRET four,
    PROPERTIES MAP {'token': 'canary-19-token'});
ATTACH 'http://ann:canary-20-address@127.0.0.1:1' AS r (TYPE iceberg, CATALOG rest, PROPERTIES MAP {'token': 'canary-21-token'});
CREATE SOURCE o (id BIGINT) FROM KAFKA k (TOPIC '{t}', CONFIG MAP {'ssl.key.password': 'canary-22-source'});
WAIT SOURCE o TIMEOUT '60s';
CREATE SINK o_lake FROM o INTO ICEBERG c.shop.o;
FLUSH SINK o_lake TIMEOUT '60s';
SHOW SECRETS EXTENDED; SHOW CONNECTIONS EXTENDED; SHOW CREATE CONNECTION k; SHOW CREATE CONNECTION c; SHOW CREATE SOURCE o;
SHOW CREATE SINK o_lake; DESCRIBE SOURCE o; DESCRIBE SINK o_lake EXTENDED; DESCRIBE TOPIC '{t}' FROM k;
FROM kshell.connections; FROM kshell.secrets; FROM kshell.sources; FROM kshell.sinks; FROM duckdb_secrets(); FROM duckdb_settings();
EXPLAIN FROM o; SELECT * FROM o;
.dump
.dump {d}/dumped.sql
.status
.schema
CALL kshell_serve('pgwire', pasword := 'canary-25-mistyped');
CALL kshell_serve('http', password := 'canary-26-elsewhere');
CALL kshell_serve('pgwire', password := canary27bare, port := 'x');
CALL kshell_serve('pgwire', port := 0, password := 'canary-28-served');
SHOW SERVERS EXTENDED; FROM kshell_servers(); FROM kshell.servers;
.status
CALL kshell_serve('http', port := 0, token := getenv('CANARY_VARIABLE'));
CALL kshell_serve('quack', port := 0, token := FILE '{d}/canary-file');
CALL kshell_serve('quack', token := 'canary-29-again');
.serve pgwire password=canary-30-dot
CREATE SECRET nine (TYPE kafka, SASL_PASSWORD 'canary-11-open, SASL_USERNAME 'x');
"""


@pytest.fixture
def script(kafka: Broker, kafka_topic: Callable[..., str], produce: Callable[..., object], tmp_path: Path) -> str:
    topic = kafka_topic()
    produce(topic, events(5))
    kept = tmp_path / "canary-file"
    kept.write_text("canary-23-file\n")
    kept.chmod(0o600)
    return STATEMENTS.replace("{b}", kafka.bootstrap).replace("{t}", topic).replace("{d}", str(tmp_path))


def _run(script: str, folder: Path, *flags: str) -> str:
    (folder / "script.sql").write_text(script)
    environment = {**os.environ, "HOME": str(folder), "KSHELL_DATA": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config"),
                   "XDG_STATE_HOME": str(folder / "state"), "CANARY_VARIABLE": "canary-24-variable", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "kshell", "-f", "script.sql", "--on-error", "continue", "--stats", "--log", "info", *flags]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
    try:
        output = process.communicate(timeout=120)[0]
    finally:
        process.kill()
    return output + arguments


@pytest.mark.parametrize("flags", [(), ("--ndjson",)])
def test_no_canary_is_in_any_output_or_file(script: str, tmp_path: Path, flags: tuple[str, ...]) -> None:
    output = _run(script, tmp_path, *flags)
    assert "committed" in output, output           # the sink has run: there is metadata to look at
    assert not CANARY.findall(output), output
    given = {tmp_path / "script.sql", tmp_path / "canary-file", tmp_path / "config" / "kshell" / "secrets.toml"}
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path not in given]
    assert {path.suffix for path in files} >= {".db", ".avro", ".parquet", ".sql"}
    for path in files:
        assert not CANARY.findall(path.read_bytes().decode("latin-1")), path


def test_no_canary_is_in_the_history(script: str, tmp_path: Path) -> None:
    from kshell import lang

    history = History(tmp_path / "history")
    stored = [history.add(piece.text) for piece in lang.split(script)]
    for line in script.splitlines():              # as half a statement is typed
        history.add(line)
    assert any(stored), "statements without secrets are kept"
    assert not CANARY.findall((tmp_path / "history").read_text())


def test_the_dump_can_run_again_with_its_look_ups(script: str, tmp_path: Path) -> None:
    _run(script, tmp_path)
    dumped = (tmp_path / "dumped.sql").read_text()
    assert "CREATE SECRET five (TYPE kafka, SASL_USERNAME 'ann', SASL_PASSWORD getenv('CANARY_VARIABLE'));" in dumped
    assert "FILE" in dumped
    assert dumped.index("CREATE SECRET one") < dumped.index("ATTACH") < dumped.index("CREATE SOURCE")


def test_an_error_object_is_as_discreet(tmp_path: Path) -> None:
    done = _run("CREATE SECRET n (TYPE kafka, SASL_PASWORD 'canary-30');", tmp_path, "--json")
    told = json.loads(next(line for line in done.splitlines() if line.startswith('{"code"')))
    assert told["code"] == "unknown_option"
    assert "canary" not in json.dumps(told)
