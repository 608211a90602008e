"""Topic -> live buffer -> Iceberg -> one SELECT, each event once, also on another machine and beside another process."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from kshell.errors import CancelledError, ConflictError, Error, NotFoundError, RefusedError
from kshell.session import Session
from tests.session.conftest import Notes, OpenSession, events, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder

SINK = "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')"


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder) -> str:
    """Two partitions with 60 events."""
    name = kafka_topic(partitions=2)
    producer.produce(name, events(40), partition=0)
    producer.produce(name, events(20, 40), partition=1)
    return name


def source(session: Session, topic: str, options: str = "") -> None:
    session.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'{options}); WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")


def test_the_same_select_gives_the_same_answer_before_and_after_the_commit(session: Session, topic: str) -> None:
    source(session, topic)
    question = "SELECT count(*), sum(id)::BIGINT, count(DISTINCT (_kafka_partition, _kafka_offset)) FROM s"
    before = rows(session, question)
    assert before == [(60, 1770, 60)]
    session.sql(SINK)
    assert rows(session, "SELECT _tier, count(*) FROM s GROUP BY ALL") == [("live", 60)]
    flushed = session.sql("FLUSH SINK s_lake TIMEOUT '30s'").fetchall()
    assert flushed[0][:2] == ("s_lake", 60)
    assert rows(session, question) == before
    assert rows(session, "SELECT _tier, count(*) FROM s GROUP BY ALL") == [("lake", 60)]
    assert one(session, "SELECT count(*) FROM live.s") == 0
    assert one(session, "SELECT count(*) FROM lake.s") == 60
    assert one(session, "SELECT count(*) FROM local.web.s") == 60


def test_rows_that_come_after_the_commit_are_live(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    session.sql(f"{SINK}; FLUSH SINK s_lake")
    producer.produce(topic, events(5, 100), partition=1)
    session.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")
    assert rows(session, "SELECT _tier, count(*) FROM s GROUP BY ALL ORDER BY 1") == [("lake", 60), ("live", 5)]
    assert rows(session, "SELECT id FROM s(tier := 'live', \"partition\" := 1) ORDER BY id") == [(i,) for i in range(100, 105)]


def test_another_machine_goes_on_where_the_table_stands(open_session: OpenSession, topic: str, producer: Recorder) -> None:
    first = open_session()
    source(first, topic)
    first.sql(f"{SINK}; FLUSH SINK s_lake")
    first.close()
    producer.produce(topic, events(5, 100), partition=0)
    second = open_session()
    source(second, topic)
    second.sql(SINK)
    assert rows(second, "SELECT count(*), count(DISTINCT id) FROM s") == [(65, 65)]
    assert second.sql("FLUSH SINK s_lake").fetchall()[0][1] == 5
    assert rows(second, "SELECT count(*), count(DISTINCT id) FROM lake.s") == [(65, 65)]


def test_waiting_for_rows_counts_those_that_have_landed_before(open_session: OpenSession, topic: str) -> None:
    first = open_session()
    source(first, topic)
    first.sql(f"WAIT SOURCE s UNTIL ROWS 60 TIMEOUT '60s'; {SINK}; FLUSH SINK s_lake")
    first.close()
    second = open_session()
    second.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}'); {SINK}; WAIT SOURCE s UNTIL ROWS 60 TIMEOUT '60s'")
    assert one(second, "SELECT count(*) FROM s") == 60


def test_nothing_to_flush_makes_no_snapshot(session: Session, topic: str) -> None:
    source(session, topic)
    session.sql(f"{SINK}; FLUSH SINK s_lake")
    snapshot = one(session, "SELECT last_snapshot_id FROM kshell.sinks")
    assert session.sql("FLUSH SINK s_lake").fetchall() == [("s_lake", 0, None)]
    assert one(session, "SELECT last_snapshot_id FROM kshell.sinks") == snapshot


def test_two_sessions_with_the_same_sink_land_each_event_once(open_session: OpenSession, topic: str, producer: Recorder) -> None:
    one_, two = open_session(), open_session()
    for session in (one_, two):
        source(session, topic)
        session.sql(SINK)
    for round_ in range(4):
        producer.produce(topic, events(10, 1000 + 10 * round_), partition=round_ % 2)
        for session in (one_, two):
            session.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'")
    counts = "SELECT count(*), count(DISTINCT id), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM s"
    assert [rows(session, counts) for session in (one_, two)] == [[(100, 100, 100)]] * 2
    assert {r[-1] for r in rows(two, "CHECK SINK s_lake")} == {"ok"}


def test_commits_of_another_process_are_seen_without_being_asked(open_session: OpenSession, topic: str) -> None:
    one_, two = open_session(), open_session()
    for session in (one_, two):
        session.sql("SET kshell_refresh = '200ms'")
        source(session, topic)
        session.sql(SINK)
    one_.sql("FLUSH SINK s_lake")
    wait_until(lambda: rows(two, "SELECT _tier, count(*) FROM s GROUP BY ALL") == [("lake", 60)])


def test_bad_records_stand_in_the_error_table_and_nowhere_else(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, ["{broken", '{"id": 7777}'], partition=0)
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s; {SINK}; FLUSH SINK s_lake")
    errors = rows(session, "SELECT _kafka_partition, _kafka_offset, code, _kafka_value FROM local.web.s__errors")
    assert errors == [(0, 40, "JSON_SYNTAX", b"{broken")]
    assert rows(session, "SELECT _kafka_offset, code FROM kshell.errors WHERE source = 's'") == [(40, "JSON_SYNTAX")]
    assert rows(session, "SELECT count(*), max(id) FROM lake.s") == [(61, 7777)]
    checked = rows(session, "SELECT 1")
    assert checked
    assert {(r[1], r[-2], r[-1]) for r in rows(session, "CHECK SINK s_lake")} == {(0, 1, "ok"), (1, 0, "ok")}


def interrupted(session: Session, text: str) -> None:
    """Ctrl-C while the statement waits."""
    ended: list[BaseException] = []

    def run() -> None:
        try:
            session.sql(text)
        except Error as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: session.interrupt() or bool(ended) or not thread.is_alive())
    thread.join()
    assert [type(error) for error in ended] == [CancelledError], "the statement was over before it was interrupted"


def test_ctrl_c_ends_the_waiting_of_flush_and_the_commit_goes_on(session: Session, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source(session, topic)
    session.sql("CREATE SINK k FROM s INTO ICEBERG local.web.clicks (COMMIT_INTERVAL '1h')")
    count = one(session, "SELECT count(*) FROM s")
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", "commit.before_catalog=sleep:2@1")
    interrupted(session, "FLUSH SINK k TIMEOUT '60s'")
    wait_until(lambda: one(session, "SELECT count(*) FROM lake.s") == count)
    assert rows(session, "SELECT pending_rows, last_error FROM kshell.sinks") == [(0, None)]


def test_ctrl_c_ends_the_waiting_of_wait_and_the_source_reads_on(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    count = one(session, "SELECT count(*) FROM s")
    interrupted(session, "WAIT SOURCE s UNTIL ROWS 1000000 TIMEOUT '60s'")
    producer.produce(topic, events(3))
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == count + 3)


def test_ctrl_c_at_any_moment_is_an_interruption_and_opens_no_transaction(session: Session, topic: str) -> None:
    source(session, topic)
    others: list[Exception] = []

    def run() -> None:
        for _ in range(100):
            try:
                session.sql("SHOW SOURCES; WAIT SOURCE s UNTIL ROWS 1 TIMEOUT '5s'")
            except CancelledError:
                continue
            except Exception as error:  # noqa: BLE001  what it was is what is tested
                others.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        session.interrupt()
        thread.join(0.0002)
    assert others == []
    session.sql("BEGIN; COMMIT; SHOW SOURCES")


def test_leaving_without_a_flush_names_the_ranges_that_stay_in_kafka(session: Session, topic: str) -> None:
    source(session, topic)
    session.sql(SINK)
    assert session.close(flush=False) == [f"s_lake: 60 rows not committed: {topic}[0] 0-39, {topic}[1] 0-19"]


def test_leaving_flushes(open_session: OpenSession, topic: str) -> None:
    first = open_session()
    source(first, topic)
    first.sql(SINK)
    assert first.close() == []
    second = open_session()
    assert one(second, "SELECT count(*) FROM local.web.s") == 60


def test_a_dropped_source_takes_its_sinks_only_when_told(session: Session, topic: str) -> None:
    source(session, topic)
    session.sql(SINK)
    with pytest.raises(ConflictError, match="feeds the sink s_lake"):
        session.sql("DROP SOURCE s")
    session.sql("DROP SOURCE s CASCADE")
    with pytest.raises(NotFoundError):
        rows(session, "FROM s")
    assert one(session, "SELECT count(*) FROM local.web.s") == 60


def test_show_create_prints_what_makes_the_same_source_and_sink(open_session: OpenSession, topic: str) -> None:
    first = open_session()
    source(first, topic)
    first.sql(f"{SINK}; FLUSH SINK s_lake")
    texts = [rows(first, "SHOW CREATE SOURCE s")[0][1], rows(first, "SHOW CREATE SINK s_lake")[0][1]]
    first.close()
    second = open_session()
    second.sql(texts[0])
    second.sql("WAIT SOURCE s")
    second.sql(texts[1])
    assert rows(second, "SELECT count(*), count(DISTINCT id) FROM s") == [(60, 60)]


def test_statements_of_kshell_are_refused_inside_a_transaction(session: Session, topic: str) -> None:
    session.sql("BEGIN")
    with pytest.raises(RefusedError, match="not transactional"):
        source(session, topic)
    session.sql("ROLLBACK")
    source(session, topic)


def test_a_transaction_sees_one_moment_of_both_tiers(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    session.sql(f"{SINK}; BEGIN")
    before = one(session, "SELECT count(*) FROM s")
    producer.produce(topic, events(5, 100), partition=1)
    wait_until(lambda: session.status().sources[0].buffer_rows == 65)
    assert one(session, "SELECT count(*) FROM s") == before
    session.sql("COMMIT")
    assert one(session, "SELECT count(*) FROM s") == 65


def test_reading_joins_no_group_and_commits_nothing(session: Session, topic: str) -> None:
    before = set(rows(session, "FROM kafka_groups('kafka')"))
    source(session, topic)
    rows(session, f"SELECT count(*) FROM kafka_scan('{topic}', connection := 'kafka')")
    assert set(rows(session, "FROM kafka_groups('kafka')")) == before


def test_a_sink_leaves_advice_for_lag_tools(session: Session, topic: str) -> None:
    source(session, topic)
    session.sql(f"{SINK}; FLUSH SINK s_lake")
    group = one(session, "SELECT group_name FROM kshell.sinks")
    assert group.startswith("kshell-s_lake-")
    wait_until(lambda: group in {g for g, *_ in rows(session, "FROM kafka_groups('kafka')")})


def test_inferred_columns_yield_to_an_existing_table(open_session: OpenSession, kafka_topic: Callable[..., str], producer: Recorder,
                                                     notes: Notes) -> None:
    name = kafka_topic()
    producer.produce(name, ['{"n": 1.5}', '{"n": 2}'])
    first = open_session()
    first.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{name}'); WAIT SOURCE s; {SINK}; FLUSH SINK s_lake")
    first.sql("DROP SOURCE s CASCADE")
    producer.produce(name, ['{"n": 3}'] * 3)
    first.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{name}', SAMPLE 2); WAIT SOURCE s")
    assert one(first, "SELECT typeof(n) FROM s LIMIT 1") == "BIGINT"
    first.sql(SINK)
    assert rows(first, "SELECT DISTINCT typeof(n) FROM s") == [("DOUBLE",)]
    first.sql("FLUSH SINK s_lake TIMEOUT '60s'")
    assert rows(first, "SELECT count(*), sum(n) FROM lake.s") == [(5, 12.5)]
    assert "n has the type DOUBLE" in notes


def test_freed_memory_is_kept_in_proportion_to_what_the_sources_may_hold(session: Session, topic: str) -> None:
    def kept() -> object:
        return one(session, "SELECT current_setting('allocator_flush_threshold')")

    source(session, topic, ", RETAIN_BYTES '48MB'")
    tight = kept()
    session.sql("ALTER SOURCE s SET (RETAIN_BYTES '512MB')")
    ample = kept()
    assert ample != tight
    session.sql("SET kshell_buffer_bytes = '20MB'")
    assert kept() == tight, "all buffers together count"
    session.sql("RESET kshell_buffer_bytes")
    assert kept() == ample
    session.sql("DROP SOURCE s")
    assert kept() == tight
