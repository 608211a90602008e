"""A session that only reads: everything that writes is refused before it begins, and nothing anywhere has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

import kshell
from kshell.errors import NotFoundError, ReadOnlyError
from kshell.iceberg.sealed import WRITES
from kshell.session import Session
from tests.gate.conftest import DEFINED
from tests.gate.test_permitted import CHANGES, FILES
from tests.parts.kafka import Broker
from tests.session.conftest import OpenSession, events, rows
from tests.support.producing import Recorder

SINK = "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s"


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder) -> str:
    name = kafka_topic()
    producer.produce(name, events(20))
    return name


@pytest.fixture
def reader(open_session: OpenSession, topic: str) -> Session:
    """One that finds a table which another has made, and a source of its own; then the gate closes."""
    writer = open_session()
    writer.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'); {SINK}; FLUSH SINK s_lake TIMEOUT '30s'")
    writer.close()
    made = open_session()
    made.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s; {DEFINED}")
    made.read_only = True
    return made


@pytest.mark.fault("F90")
def test_the_whole_suite_of_writes_changes_no_file_and_calls_no_catalog(reader: Session, tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    reader.sql("FROM local.web.s")
    monkeypatch.chdir(tmp_path)
    lake = reader._connections.catalog("local").lake
    asked: list[str] = []
    for name in WRITES:
        monkeypatch.setattr(type(lake.catalog), name, lambda *_, name=name, **__: asked.append(name))
    before, state = _files(tmp_path), rows(reader, "SELECT table_name FROM information_schema.tables ORDER BY ALL")
    for text in (*CHANGES, *FILES, SINK, "CREATE OR REPLACE SOURCE s FROM KAFKA kafka (TOPIC 'x')", "DROP SOURCE s", "FLUSH ALL"):
        with pytest.raises(ReadOnlyError):
            reader.sql(text)
    assert _files(tmp_path) == before
    assert asked == []
    assert rows(reader, "SELECT table_name FROM information_schema.tables ORDER BY ALL") == state


def test_what_reads_works_as_before(reader: Session, topic: str) -> None:
    assert rows(reader, "SELECT count(*) FROM s") == [(20,)]
    assert rows(reader, "SELECT count(*) FROM local.web.s") == [(20,)]
    assert rows(reader, "SELECT count(*) FROM s(last := 5)") == [(5,)]
    assert len(rows(reader, "TAIL s FROM BEGINNING LIMIT 3")) == 3
    assert rows(reader, f"SELECT count(*) FROM kafka_scan('{topic}')") == [(20,)]
    assert rows(reader, f"SELECT count(*) FROM kafka.{topic}") == [(20,)]
    assert [row[0] for row in rows(reader, "SHOW SOURCES")] == ["s"]
    assert rows(reader, "EXPLAIN SELECT count(*) FROM s")
    reader.sql("SUMMARIZE s; DESCRIBE s; SHOW TABLES; PIVOT orders ON a IN (1) USING count(*)").close()


@pytest.mark.fault("F90")
def test_a_query_over_a_topic_of_many_parts_passes_the_gate_too(reader: Session, kafka_topic: Callable[..., str],
                                                                producer: Recorder) -> None:
    """DuckDB reads no name of five parts, so the gate sees the rest of the query only when a table stands in the topic's place."""
    topic = kafka_topic(prefix="gate.of.many.parts")
    producer.produce(topic, events(3))
    assert rows(reader, f"SELECT count(*) FROM kafka.{topic}") == [(3,)]
    with pytest.raises(ReadOnlyError, match="nextval advances a sequence") as refused:
        reader.sql(f"SELECT nextval('numbers') FROM kafka.{topic}")
    assert refused.value.position == len("SELECT ")


@pytest.mark.fault("F90")
def test_a_sealed_catalog_refuses_whoever_asks(reader: Session) -> None:
    from kshell.iceberg import provision

    lake = reader._connections.catalog("local").lake
    for name in WRITES:
        with pytest.raises(ReadOnlyError, match="this session only reads"):
            getattr(lake.catalog, name)(*((("web", "s"), (), ()) if name == "commit_table" else ()))
    table = lake.load(("web", "s"))
    with pytest.raises(ReadOnlyError, match="is not written"):
        table.io.new_output(f"{table.location()}/x").create()
    with pytest.raises(ReadOnlyError, match="no file is deleted"):
        table.io.delete(table.metadata_location)
    with pytest.raises(ReadOnlyError):
        provision.make_namespace(lake, ("other",))


def test_every_method_that_changes_a_catalog_is_sealed(reader: Session) -> None:
    from pyiceberg.catalog.rest import RestCatalog
    from pyiceberg.catalog.sql import SqlCatalog

    verbs = ("commit", "create", "drop", "purge", "register", "rename", "replace", "update", "write", "add", "remove", "alter", "publish")
    named = {name for made in (SqlCatalog, RestCatalog) for name in dir(made) if name.startswith(verbs)}
    assert named - set(WRITES) == set()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("KSHELL_DATA", str(tmp_path / "data"))
    (tmp_path / "kshell").mkdir()
    return tmp_path / "kshell"


@pytest.mark.fault("F90")
def test_an_init_script_makes_views_but_no_sink(home: Path, kafka: Broker, topic: str) -> None:
    (home / "init.sql").write_text(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'); CREATE VIEW v AS FROM s;\n")
    (home / "config.toml").write_text(f'[profiles.p]\nbrokers = "{kafka.bootstrap}"\nread_only = true\ninit = "init.sql"\n')
    with kshell.connect(profile="p") as session:
        session.sql("SELECT count(*) FROM v").close()
    (home / "init.sql").write_text(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'); {SINK};\n")
    with pytest.raises(ReadOnlyError, match="the session is read-only, and a sink writes"):
        kshell.connect(profile="p")
    assert not (home.parent / "data" / "iceberg").exists()


def _files(folder: Path) -> dict[str, str]:
    """Contents of everything below; what SQLite keeps beside an open database is no change of it."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.endswith(("-shm", "-wal"))}


def test_the_embedded_catalog_is_not_made_by_looking_for_it(home: Path, kafka: Broker) -> None:
    with kshell.connect(kafka.bootstrap, read_only=True) as session, pytest.raises(NotFoundError, match="catalog local does not exist yet"):
        session.sql("FROM local.web.s")
    assert not (home.parent / "data").exists()
