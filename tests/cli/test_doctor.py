"""`kshell doctor`: every check is told whatever the others found, with its repair, and the exit code says which kind of fault it was."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kshell.cli import main
from tests.parts.kafka import Broker
from tests.parts.rest import RestCatalog
from tests.support import create_topic
from tests.support.producing import Recorder
from tests.support.stub_http import Answer, StubHttp
from tests.support.topics import admin

Examine = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def examine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Examine:
    for name, folder in (("HOME", ""), ("XDG_CONFIG_HOME", "config"), ("KSHELL_DATA", "data")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.chdir(tmp_path)

    def run(*flags: str) -> tuple[int, dict[str, dict[str, Any]]]:
        capfd.readouterr()
        code = main(["doctor", "--ndjson", *flags])
        found = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        return code, {check["name"]: check for check in found}

    return run


MACHINE = {"python", "duckdb", "librdkafka", "pyiceberg", "extension avro", "extension iceberg", "extension httpfs", "extension quack",
           "configuration", "schema registry", "catalog local", "disk", "memory"}


def test_with_the_broker_gone_every_other_check_is_still_told_and_it_exits_3(examine: Examine) -> None:
    code, found = examine("--brokers", "127.0.0.1:1")
    assert code == 3
    assert found["brokers kafka"]["state"] == "unreachable"
    assert found["brokers kafka"]["repair"]
    assert set(found) >= MACHINE
    assert {found[name]["state"] for name in MACHINE} <= {"ok", "skipped", "warning"}


def test_nothing_is_written_without_write(examine: Examine, tmp_path: Path) -> None:
    code, _ = examine()
    assert code == 0
    assert not (tmp_path / "data").exists()


def test_write_makes_reads_and_drops_a_table_in_each_catalog(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "script.sql").write_text(
        f"ATTACH 'sqlite:///{tmp_path}/c.db' AS c (TYPE iceberg, CATALOG sql, WAREHOUSE 'file://{tmp_path}/wh');\nSELECT error('ran');")
    code, found = examine("--write", "-f", "script.sql")
    assert code == 0, found
    assert "a table was written, read and dropped" in found["catalog local"]["text"]
    assert "a table was written, read and dropped" in found["catalog c"]["text"]
    assert not list(tmp_path.rglob("*.parquet"))
    assert examine("--write", "-f", "script.sql")[1]["catalog c"]["text"].startswith("sql sqlite:///")


def test_a_failed_check_is_worse_than_an_unreachable_broker(examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duckdb.__version__", "1.4.0")
    code, found = examine("--brokers", "127.0.0.1:1")
    assert code == 1
    assert (found["duckdb"]["state"], found["duckdb"]["repair"]) == ("failed", "pip install duckdb==1.5.5")


def test_a_check_that_breaks_hides_none(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("the disk is upside down")

    monkeypatch.setattr("shutil.disk_usage", breaks)
    code, found = examine()
    assert code == 1
    assert "upside down" in found["disk"]["text"]
    assert "memory" in found


def test_a_budget_above_the_memory_is_a_fault(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "config" / "kshell").mkdir(parents=True)
    (tmp_path / "config" / "kshell" / "config.toml").write_text('buffer_bytes = "900TB"')
    code, found = examine()
    assert code == 1
    assert "set buffer_bytes" in found["memory"]["repair"]


def test_brokers_topics_groups_and_the_clock(own_kafka: Broker, examine: Examine) -> None:
    topic = create_topic(admin(own_kafka.bootstrap), "clock", 1)
    code, found = examine("--brokers", own_kafka.bootstrap)
    assert code == 0
    assert {found[f"{name} kafka"]["state"] for name in ("brokers", "topics", "groups")} == {"ok"}
    Recorder(own_kafka.bootstrap).produce(topic, ["x"], timestamp_ms=round(time.time() * 1000) + 1_200_000)
    _, found = examine("--brokers", own_kafka.bootstrap)
    assert found["clock kafka"]["state"] == "warning"
    assert "in the future" in found["clock kafka"]["text"]


@pytest.fixture
def our_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """`our_clock(-94)`: this machine's clock is 94 s behind."""
    def set_(seconds: float) -> None:
        ours = SimpleNamespace(time=lambda: time.time() + seconds, monotonic=time.monotonic)
        monkeypatch.setattr("kshell.clocks.time", ours)
        monkeypatch.setattr("kshell.session.doctor.time", ours)

    return set_


def test_the_clock_is_compared_with_that_of_brokers_which_stamp_records(own_kafka: Broker, examine: Examine,
                                                                        our_clock: Callable[[float], None]) -> None:
    topic = create_topic(admin(own_kafka.bootstrap), "stamped", 1, message_timestamp_type="LogAppendTime")
    Recorder(own_kafka.bootstrap).produce(topic, ["x"])
    assert examine("--brokers", own_kafka.bootstrap)[1]["clock kafka"]["state"] == "ok"
    our_clock(-94)
    code, found = examine("--brokers", own_kafka.bootstrap)
    assert (code, found["clock kafka"]["state"]) == (1, "failed")
    assert re.fullmatch(r"clock is \d\d s behind the brokers", found["clock kafka"]["text"])


@pytest.mark.parametrize(("ours", "code", "state", "text"), [
    (0, 0, "ok", "within 5 s of {url}"), (-94, 1, "failed", "clock is 94 s behind {url}"),
    (40, 0, "warning", "clock is 40 s ahead of {url}"), (94, 1, "failed", "clock is 94 s ahead of {url}")])
def test_the_clock_is_compared_with_that_of_a_registry(examine: Examine, our_clock: Callable[[float], None], ours: float, code: int,
                                                       state: str, text: str) -> None:
    our_clock(ours)
    with StubHttp() as registry:
        registry.answers["/subjects"] = Answer([])
        found_code, found = examine("--schema-registry", registry.url)
        check = found["clock schema registry"]
        shown = re.sub(r"\b(93|95|39|41) s", lambda m: {"93": "94 s", "95": "94 s"}.get(m.group(1), "40 s"), check["text"])
        assert (found_code, check["state"], shown) == (code, state, text.format(url=registry.url))
        assert (check["repair"] is None) == (state == "ok")


def test_the_clock_is_compared_with_that_of_a_rest_catalog(rest_catalog: RestCatalog, examine: Examine, our_clock: Callable[[float], None],
                                                           tmp_path: Path) -> None:
    (tmp_path / "script.sql").write_text(f"ATTACH '{rest_catalog.uri}' AS c (TYPE iceberg, CATALOG rest);")
    assert examine("-f", "script.sql")[1]["clock c"]["state"] == "ok"
    our_clock(-94)
    found = examine("-f", "script.sql")[1]
    assert (found["catalog c"]["state"], found["clock c"]["state"]) == ("ok", "failed")
    assert re.match(r"clock is 9\d s behind http://", found["clock c"]["text"])


def test_a_registry_is_asked_and_what_is_wrong_with_it_is_said(examine: Examine) -> None:
    with StubHttp() as registry:
        registry.answers["/subjects"] = Answer(["a-value", "b-value"])
        code, found = examine("--schema-registry", registry.url)
        assert (code, found["schema registry"]["state"]) == (0, "ok")
        assert "2 subjects" in found["schema registry"]["text"]
        registry.answers["/subjects"] = Answer({"error_code": 401, "message": "Unauthorized"}, 401)
        code, found = examine("--schema-registry", registry.url)
    assert (code, found["schema registry"]["state"]) == (3, "unreachable")
    assert "CREATE SECRET sr (TYPE schema_registry" in found["schema registry"]["repair"]


def test_people_read_one_line_per_check(examine: Examine, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) >= len(MACHINE)
    assert all(line.split()[0] in ("ok", "warning", "skipped") for line in lines)
