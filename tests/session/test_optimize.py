"""OPTIMIZE SINK, and what a sink merges by itself: fewer files, the same answers, the same progress."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from kshell.errors import ConflictError, NotFoundError, RefusedError, StatementSyntaxError
from kshell.flush import housekeeping
from kshell.iceberg import data_files, tiers
from kshell.iceberg.compact import Merging
from kshell.session import Session
from tests.session.conftest import Notes, OpenSession, events, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder

SINK = "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s"
BY_HAND = "COMMIT_INTERVAL '1h'"


@pytest.fixture
def topic(kafka_topic: Callable[..., str]) -> str:
    return kafka_topic(partitions=2)


def begin(session: Session, topic: str, options: str = "") -> None:
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}'); {SINK} ({BY_HAND}{options})")


def commit(session: Session, producer: Recorder, topic: str, number: int, events_each: int = 3) -> None:
    producer.produce(topic, events(events_each, number * events_each), partition=number % 2)
    session.sql(f"WAIT SOURCE s UNTIL ROWS {(number + 1) * events_each} TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'")


def optimize(session: Session) -> dict[str, Any]:
    done = session.sql("OPTIMIZE SINK s_lake TIMEOUT '30s'")
    return dict(zip([column.name for column in done.columns], done.fetchall()[0], strict=True))


def table(session: Session) -> Any:
    """The table as another program opens it."""
    catalog = session._connections.catalog("local").lake
    return SqlCatalog(catalog.files_tables_as, **catalog.catalog.properties).load_table(("web", "s"))


def files(session: Session) -> int:
    return len(list(table(session).scan().plan_files()))


def test_small_files_become_one_and_every_reader_sees_the_same_rows(session: Session, topic: str, producer: Recorder) -> None:
    begin(session, topic, ", COMPACT false")
    for number in range(5):
        commit(session, producer, topic, number)
    producer.produce(topic, events(4, 15), partition=0)
    session.sql("WAIT SOURCE s UNTIL ROWS 19 TIMEOUT '30s'")
    question = "SELECT count(*), sum(id)::BIGINT, count(DISTINCT (_kafka_partition, _kafka_offset)) FROM s"
    before, checked = rows(session, question), rows(session, "CHECK SINK s_lake")
    done = optimize(session)
    assert (done["sink"], done["files_rewritten"], done["files_written"], done["rows"]) == ("s_lake", 5, 1, 15)
    assert done["bytes_after"] < done["bytes_before"]
    assert files(session) == 1
    assert rows(session, question) == before == [(19, 171, 19)]
    assert rows(session, "CHECK SINK s_lake") == checked
    assert one(session, f"SELECT count(*) FROM iceberg_scan('{table(session).metadata_location}')") == 15
    assert table(session).scan().to_arrow().num_rows == 15
    assert one(session, "SELECT last_snapshot_id FROM kshell.sinks") == done["snapshot_id"]
    assert rows(session, "SELECT snapshot_id, rows, files FROM kshell.commits WHERE kind = 'compaction'") == [(done["snapshot_id"], 0, 1)]
    assert optimize(session) == {"sink": "s_lake", "files_rewritten": 0, "files_written": 0, "rows": 0, "bytes_before": 0, "bytes_after": 0,
                                 "snapshot_id": None}
    session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    assert rows(session, question) == before


def test_a_sink_keeps_its_files_few_and_says_so(session: Session, topic: str, producer: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "FAN", 3)
    begin(session, topic)
    for number in range(14):
        commit(session, producer, topic, number)
    wait_until(lambda: files(session) <= 3 * 2)
    kinds = dict(rows(session, "SELECT kind, count(*) FROM kshell.commits GROUP BY ALL"))
    assert kinds["rows"] == 14
    assert kinds["compaction"] >= 3
    assert one(session, "SELECT sum(rows) FROM kshell.commits") == 42
    assert rows(session, "SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM s") == [(42, 42)]
    assert {r[-1] for r in rows(session, "CHECK SINK s_lake")} == {"ok"}
    assert ("compacts", "True") in rows(session, "DESCRIBE SINK s_lake")


def test_a_commit_that_falls_due_comes_between_two_steps_of_a_compaction(session: Session, topic: str, producer: Recorder,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "FAN", 3)
    monkeypatch.setattr(data_files, "_BATCH_ROWS", 1)
    monkeypatch.setattr(housekeeping, "STEP_S", 0.0)
    began, go_on = threading.Event(), threading.Event()
    commits: list[int] = []
    step = Merging.step

    def watched(merging: Merging, seconds: float) -> None:
        commits.append(sum(c.kind == "rows" for c in flusher.commits))
        began.set()
        assert go_on.wait(30.0)
        step(merging, seconds)

    monkeypatch.setattr(Merging, "step", watched)
    begin(session, topic)
    flusher = next(iter(session._sinks)).flusher
    for number in range(3):
        commit(session, producer, topic, number)
    assert began.wait(30.0)
    producer.produce(topic, events(3, 9), partition=0)
    session.sql("WAIT SOURCE s UNTIL ROWS 12 TIMEOUT '30s'")
    asked = flusher.request()
    go_on.set()
    assert asked.done.wait(30.0)
    wait_until(lambda: any(c.kind == "compaction" for c in flusher.commits), 20.0)
    assert commits[0] == 3
    assert commits[1:], "there were more steps"
    assert set(commits[1:]) == {4}, "the commit did not wait for the second step"
    assert rows(session, "SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM s") == [(12, 12)]


def test_no_select_is_wrong_while_files_are_exchanged(session: Session, topic: str, producer: Recorder,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "FAN", 2)
    begin(session, topic)
    commit(session, producer, topic, 0)
    wrong: list[Any] = []
    over, asked = threading.Event(), 0

    def read() -> None:
        nonlocal asked
        cursor = session._engine.cursor()
        least = 0
        while not over.is_set():
            count, distinct = cursor.execute(
                "SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM memory.main.s").fetchall()[0]
            if count != distinct or count < least:
                wrong.append((count, distinct, least))
            least, asked = count, asked + 1

    reader = threading.Thread(target=read, name="reader")
    reader.start()
    for number in range(1, 12):
        commit(session, producer, topic, number)
    over.set()
    reader.join(20)
    assert asked > 10
    assert wrong == []
    assert one(session, "SELECT count(*) FROM kshell.commits WHERE kind = 'compaction'") >= 3


def test_what_is_written_down_survives_a_restart(open_session: OpenSession, topic: str, producer: Recorder) -> None:
    first = open_session()
    begin(first, topic, ", COMPACT false")
    assert "COMPACT FALSE" in rows(first, "SHOW CREATE SINK s_lake")[0][1]
    first.sql("DROP SINK s_lake; DROP SOURCE s")
    first.close()
    again = open_session()
    begin(again, topic)
    assert ("compacts", "False") in rows(again, "DESCRIBE SINK s_lake")


def test_a_table_that_was_there_before_is_left_as_it_is_unless_it_is_written_down(session: Session, topic: str) -> None:
    from pyiceberg.schema import Schema
    from pyiceberg.types import LongType, NestedField

    catalog = session._connections.catalog("local").lake.catalog
    catalog.create_namespace("web")
    catalog.create_table(("web", "s"), Schema(NestedField(1, "id", LongType(), required=False)))
    begin(session, topic)
    assert ("compacts", "False") in rows(session, "DESCRIBE SINK s_lake")
    session.sql(f"DROP SINK s_lake; {SINK} ({BY_HAND}, COMPACT true)")
    assert ("compacts", "True") in rows(session, "DESCRIBE SINK s_lake")


def test_snapshots_expire_when_a_tenth_too_many_stand(session: Session, topic: str, producer: Recorder) -> None:
    begin(session, topic, ", KEEP_SNAPSHOTS 4")
    for number in range(8):
        commit(session, producer, topic, number)
        wait_until(lambda: len(table(session).metadata.snapshots) <= 5)
    assert rows(session, "SELECT count(*) FROM s") == [(24,)]


def test_wrong_words_and_sinks_that_stand_still(session: Session, topic: str, producer: Recorder) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        session.sql("OPTIMIZE SINK nowhere")
    with pytest.raises(StatementSyntaxError, match="SINK"):
        session.sql("OPTIMIZE s_lake")
    begin(session, topic)
    session.sql("PAUSE SINK s_lake")
    with pytest.raises(RefusedError, match="paused"):
        session.sql("OPTIMIZE SINK s_lake")
    session.sql("RESUME SINK s_lake")
    for number in range(3):
        commit(session, producer, topic, number)
    outside = table(session)
    outside.manage_snapshots().set_current_snapshot(snapshot_id=outside.current_snapshot().parent_snapshot_id).commit()
    with pytest.raises(ConflictError, match="ROLLED_BACK"):
        session.sql("OPTIMIZE SINK s_lake TIMEOUT '30s'")
    with pytest.raises(ConflictError, match="ROLLED_BACK"):
        session.sql("OPTIMIZE SINK s_lake")


def test_a_file_that_is_gone_is_named_and_ingestion_goes_on(session: Session, topic: str, producer: Recorder, notes: Notes) -> None:
    from pathlib import Path

    begin(session, topic)
    for number in range(2):
        commit(session, producer, topic, number)
    Path(next(iter(table(session).scan().plan_files())).file.file_path.removeprefix("file://")).unlink()
    with pytest.raises(RefusedError, match="cannot be read"):
        session.sql("OPTIMIZE SINK s_lake TIMEOUT '30s'")
    commit(session, producer, topic, 2)
    assert files(session) == 3
