"""A process whose files are locked for the sake of its clients: kshell's own work goes on, and what it has given up is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kshell.errors import RefusedError
from kshell.session import Session
from tests.session.conftest import OpenSession, events, one, rows
from tests.support.producing import Recorder

SINK = "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')"

FILES = ("COPY s TO '{folder}/x.csv'", "FROM read_csv('{folder}/y.csv')", "FROM '{folder}/y.csv'", "ATTACH '{folder}/x.db'",
         "FROM read_text('{table}/../../../catalog.db')", "EXPORT DATABASE '{folder}/x'")
SETTINGS = ("SET threads = 1", "SET memory_limit = '1GB'", "SET enable_external_access = true", "SET lock_configuration = false",
            "SET allowed_directories = ['/']", "RESET allowed_configs", "SET python_enable_replacements = true")


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder) -> str:
    """Two partitions with 60 events and one record that does not decode."""
    name = kafka_topic(partitions=2)
    producer.produce(name, [*events(40), "{not json"], partition=0)
    producer.produce(name, events(20, 40), partition=1)
    return name


@pytest.fixture
def locked(session: Session, topic: str) -> Session:
    """A source and a sink with one commit, then the lock."""
    session.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}', ON_ERROR quarantine); WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")
    session.sql(f"{SINK}; FLUSH SINK s_lake TIMEOUT '30s'; FROM local.web.s LIMIT 1")
    session.lock_files()
    return session


def more(session: Session, producer: Recorder, topic: str, first: int, count: int = 30) -> None:
    producer.produce(topic, events(count, first), partition=1)
    session.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")


def test_rows_are_read_and_committed_and_change_sides_as_before(locked: Session, topic: str, producer: Recorder) -> None:
    for first in (100, 200, 300):
        more(locked, producer, topic, first)
        assert locked.sql("FLUSH SINK s_lake TIMEOUT '30s'").fetchall()[0][:2] == ("s_lake", 30)
    more(locked, producer, topic, 400)
    assert rows(locked, "SELECT _tier, count(*) FROM s GROUP BY ALL ORDER BY 1") == [("lake", 150), ("live", 30)]
    assert one(locked, "SELECT count(DISTINCT (_kafka_partition, _kafka_offset)) FROM s") == 180
    locked.sql("REFRESH CATALOG local")
    assert one(locked, "SELECT count(*) FROM local.web.s") == 150


def test_files_are_merged_checked_and_replayed_as_before(locked: Session, topic: str, producer: Recorder) -> None:
    for first in (100, 200, 300):
        more(locked, producer, topic, first)
        locked.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    locked.sql("OPTIMIZE SINK s_lake TIMEOUT '60s'").close()
    assert {row[-1] for row in locked.sql("CHECK SINK s_lake").fetchall()} != set()
    assert one(locked, "SELECT count(*) FROM local.web.s__errors") == 1
    locked.sql("REPLAY ERRORS OF SINK s_lake").close()
    assert one(locked, "SELECT count(*) FROM s") == 150


def test_sources_views_settings_and_secrets_can_still_be_made(locked: Session, topic: str, kafka_topic: Callable[..., str]) -> None:
    other = kafka_topic()
    locked.sql(f"CREATE SOURCE other FROM KAFKA kafka (TOPIC '{other}', FORMAT raw)").close()
    locked.sql("CREATE VIEW minutes AS SELECT date_trunc('minute', _kafka_timestamp) AS m FROM s; SET TimeZone = 'Asia/Tokyo'")
    assert one(locked, "SELECT current_setting('TimeZone')") == "Asia/Tokyo"
    locked.sql("USE live; SET search_path = 'live,memory.main'; SET kshell_buffer_bytes = '64MB'")
    locked.sql("CREATE OR REPLACE SECRET store (TYPE s3, KEY_ID 'a', SECRET 'b'); CREATE TABLE mine AS FROM minutes; DROP SOURCE other")
    locked.sql(f"CREATE OR REPLACE SECRET store (TYPE s3, KEY_ID 'c', SECRET 'd'); SELECT count(*) FROM kafka_scan('{topic}')")


def test_a_stream_goes_on(locked: Session, topic: str, producer: Recorder) -> None:
    with closing(locked.sql("TAIL s FROM BEGINNING WHERE id < 5 LIMIT 3")) as stream:
        assert len(stream.fetchall()) == 3
    with closing(locked.sql(f"TAIL '{topic}' FROM BEGINNING LIMIT 3")) as stream:
        assert len(stream.fetchall()) == 3


def test_a_sink_that_was_paused_goes_on(session: Session, topic: str) -> None:
    session.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}', ON_ERROR quarantine); {SINK}; FLUSH SINK s_lake TIMEOUT '30s'")
    session.sql("PAUSE SINK s_lake")
    session.lock_files()
    session.sql("RESUME SINK s_lake; FLUSH SINK s_lake TIMEOUT '30s'")
    assert one(session, "SELECT count(*) FROM s") == 60


@pytest.mark.fault("F90")
def test_a_sink_outside_the_list_is_refused_and_makes_nothing(locked: Session, tmp_path: Path) -> None:
    before = sorted(str(path) for path in (tmp_path / "data").rglob("*"))
    for table in ("local.web.other", "local.elsewhere.other"):
        with pytest.raises(RefusedError, match="OUTSIDE_ALLOWED") as refused:
            locked.sql(f"CREATE SINK later AS SELECT id FROM s INTO ICEBERG {table}")
        assert "before the first CALL kshell_serve" in str(refused.value.hint)
    assert sorted(str(path) for path in (tmp_path / "data").rglob("*")) == before
    assert one(locked, "SELECT count(*) FROM kshell.sinks") == 1


def test_a_sink_into_a_table_that_is_in_the_list_is_made(locked: Session) -> None:
    locked.sql("DROP SINK s_lake")
    locked.sql(f"{SINK}; FLUSH SINK s_lake TIMEOUT '30s'")
    assert one(locked, "SELECT count(*) FROM s") == 60


@pytest.mark.fault("F91")
def test_the_local_prompt_is_told_what_is_closed(locked: Session, tmp_path: Path) -> None:
    (tmp_path / "y.csv").write_text("a\n1\n")
    table = tmp_path / "data" / "iceberg" / "warehouse" / "web" / "s"
    for text in FILES:
        with pytest.raises(RefusedError, match="a process that serves uses no files but those of its tables") as refused:
            locked.sql(text.format(folder=tmp_path, table=table))
        assert "another kshell" in str(refused.value.hint)
    assert not (tmp_path / "x.csv").exists()
    for text in SETTINGS:
        with pytest.raises(RefusedError, match="a process that serves keeps DuckDB's settings"):
            locked.sql(text)


def test_the_list_holds_tables_and_nothing_above_them(locked: Session, tmp_path: Path) -> None:
    table = (tmp_path / "data" / "iceberg" / "warehouse" / "web").as_uri()
    assert sorted(locked.lock_files()) == [f"{table}/s", f"{table}/s__errors"]


def test_what_a_later_server_keeps_secret_may_not_lie_in_a_table(locked: Session, tmp_path: Path) -> None:
    table = tmp_path / "data" / "iceberg" / "warehouse" / "web" / "s"
    with pytest.raises(RefusedError, match="lies where clients read tables"):
        locked.lock_files([table / "token"])
    locked.lock_files([tmp_path / "token"])


def test_a_table_that_was_not_in_use_is_named(locked: Session, open_session: OpenSession, topic: str) -> None:
    with closing(open_session()) as neighbour:
        neighbour.sql(f"CREATE SOURCE n FROM KAFKA kafka (TOPIC '{topic}', ON_ERROR quarantine); "
                      "CREATE SINK n_lake FROM n INTO ICEBERG local.web.n; FLUSH SINK n_lake TIMEOUT '30s'")
    with pytest.raises(RefusedError, match=r"OUTSIDE_ALLOWED: table local\.web\.n was not in use"):
        locked.sql("FROM local.web.n")


@pytest.mark.parametrize(("place", "what"), [
    ("{data}/iceberg/warehouse", "the whole warehouse of local"), ("{data}/iceberg", "the whole warehouse"),
    ("{secrets}", "a file of the secret store"), ("{tokens}", "the secret token")])
def test_a_folder_that_holds_more_than_a_table_stays_closed(session: Session, topic: str, tmp_path: Path, place: str, what: str) -> None:
    for name in ("secrets", "tokens"):
        (tmp_path / name).mkdir()
    (tmp_path / "secrets" / "ca.pem").write_text("x")
    password = _private(tmp_path / "secrets" / "password")
    session.sql(f"CREATE SECRET store (TYPE kafka, SASL_USERNAME 'u', SASL_PASSWORD FILE '{password}')")
    where = place.format(data=tmp_path / "data", secrets=tmp_path / "secrets", tokens=tmp_path / "tokens")
    session.sql("SHOW CONNECTIONS")
    session.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}', ON_ERROR quarantine); "
                f"CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (PROPERTIES MAP {{'write.data.path': 'file://{where}'}})")
    with pytest.raises(RefusedError, match=what):
        session.lock_files([tmp_path / "tokens" / "token"])
    assert session._engine.allowed is None


def test_a_place_that_a_prefix_does_not_close_is_not_opened(session: Session, topic: str) -> None:
    session.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}', ON_ERROR quarantine); "
                "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (PROPERTIES MAP {'write.data.path': 'http://host/wh/s'})")
    with pytest.raises(RefusedError, match="cannot open that place alone"):
        session.lock_files()


def test_a_secret_in_a_setting_keeps_the_files_open(session: Session) -> None:
    session._engine.need("httpfs")
    session.sql("SET GLOBAL s3_secret_access_key = 'hush'")
    with pytest.raises(RefusedError, match="s3_secret_access_key is set where every client could read it"):
        session.lock_files()
    session.sql("RESET GLOBAL s3_secret_access_key")
    assert session.lock_files() == session.lock_files() == ()


def _private(path: Path) -> Path:
    path.write_text("hush")
    path.chmod(0o600)
    return path
