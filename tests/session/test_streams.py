"""TAIL, PRINT and their other names on a real broker: new rows, each once, in order, however rows move, and ended at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka.admin import NewPartitions

from kshell.errors import CancelledError, DeadlineError, Error, NotFoundError, RefusedError
from kshell.query import pace, tail, tail_topic
from kshell.query.result import Result
from kshell.session import Session
from tests.parts.kafka import Broker
from tests.session.conftest import Notes, events, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder
from tests.support.topics import admin, create_topic, delete_topic, topic_id

BOUND = "TIMEOUT '30s'"


@pytest.fixture
def topic(kafka_topic: Callable[..., str]) -> str:
    return kafka_topic(partitions=2)


def source(session: Session, topic: str, options: str = "") -> None:
    columns = "(id BIGINT, url VARCHAR, amount DOUBLE)"
    session.sql(f"CREATE SOURCE s {columns} FROM KAFKA kafka (TOPIC '{topic}'{options}); WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")


def take(result: Result, count: int) -> list[tuple[Any, ...]]:
    return [next(result) for _ in range(count)]


def places(found: list[tuple[Any, ...]]) -> dict[int, list[int]]:
    """partition -> offsets in the order in which they came; rows are (partition, offset, ...)."""
    by_partition: dict[int, list[int]] = {}
    for row in found:
        by_partition.setdefault(row[0], []).append(row[1])
    return by_partition


PLACE = "SELECT _kafka_partition, _kafka_offset"


# ---- a source ------------------------------------------------------------------------------------------------------------------

def test_new_rows_come_as_they_arrive_and_old_ones_do_not(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, events(5))
    source(session, topic)
    with session.sql(f"TAIL s LIMIT 4 {BOUND}") as result:
        assert [c.name for c in result.columns] == [c.name for c in session.sql("FROM s LIMIT 0").columns]
        producer.produce(topic, events(3, 100))
        assert [row[0] for row in take(result, 3)] == [100, 101, 102]
        producer.produce(topic, events(2, 200), partition=1)
        assert [row[0] for row in result] == [200]


def test_a_row_is_shown_within_a_fifth_of_a_second_of_being_readable(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    result = session.sql(f"TAIL s {BOUND}")
    seen: list[float] = []
    thread = threading.Thread(target=lambda: seen.extend(time.monotonic() for _ in take(result, 1)))
    thread.start()
    producer.produce(topic, events(1))
    wait_until(lambda: one(session, "SELECT count(*) FROM s") == 1)
    readable = time.monotonic()
    thread.join(10)
    assert seen[0] - readable < 0.2
    result.close()


@pytest.mark.parametrize(("start", "ids"), [
    ("FROM BEGINNING", {0, 1, 2, 3, 10, 11}), ("FROM END", set()), ("LAST 3", {3, 10, 11}), ("LAST 0", set()),
    ("LAST 100", {0, 1, 2, 3, 10, 11}),
    ("SINCE TIMESTAMPTZ '2026-01-01 00:00:02+00'", {2, 3, 10, 11}), ("SINCE INTERVAL '1 second'", set()),
    ("SINCE MAP {0: 2, 1: 1}", {2, 3, 11}), ("SINCE MAP {0: 4}", {10, 11}), ("SINCE MAP {0: 0, 1: 2}", {0, 1, 2, 3}),
])
@pytest.mark.parametrize("target", ["s", "'{topic}'", "kafka.{topic}", "live.s", "(SELECT id FROM s)",
                                    "(SELECT o.id FROM kafka.{topic} o)"])
def test_a_stream_begins_where_it_is_told(session: Session, topic: str, producer: Recorder, start: str, ids: set[int],
                                          target: str) -> None:
    base = 1_767_225_600_000                      # 2026-01-01
    for i in range(4):
        producer.produce(topic, events(1, i), timestamp_ms=base + i * 1000)
    for i in (10, 11):
        producer.produce(topic, events(1, i), partition=1, timestamp_ms=base + i * 1000)
    source(session, topic)
    result = session.sql(f"TAIL {target.format(topic=topic)} {start} LIMIT {len(ids) + 1} {BOUND}")
    producer.produce(topic, events(1, 99))
    assert {row[0] for row in result} == ids | {99}


def test_rows_committed_between_two_looks_are_shown_all_the_same(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')")
    result = session.sql(f"TAIL ({PLACE}, _tier FROM s) LIMIT 60 {BOUND}")
    for turn in range(3):
        producer.produce(topic, events(10, turn * 10), partition=0)
        producer.produce(topic, events(10, turn * 10), partition=1)
        session.sql("WAIT SOURCE s; FLUSH SINK s_lake")
    assert one(session, "SELECT count(*) FROM live.s") == 0
    found = list(result)
    assert places(found) == {0: list(range(30)), 1: list(range(30))}
    assert {row[2] for row in found} == {"lake"}


def test_every_row_is_shown_once_while_rows_arrive_and_commits_happen(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')")
    result = session.sql(f"TAIL ({PLACE} FROM s) LIMIT 2000 {BOUND}")
    found: list[tuple[Any, ...]] = []
    thread = threading.Thread(target=lambda: found.extend(result))
    thread.start()
    for turn in range(10):
        producer.produce(topic, events(100, turn * 100), partition=0)
        producer.produce(topic, events(100, turn * 100), partition=1)
        session.sql("FLUSH SINK s_lake")
    thread.join(30)
    assert places(found) == {0: list(range(1000)), 1: list(range(1000))}


def test_rows_that_a_ring_evicted_before_they_were_taken_are_counted(session: Session, topic: str, producer: Recorder,
                                                                     notes: Notes) -> None:
    source(session, topic, ", RETAIN_ROWS 1000")
    result = session.sql(f"TAIL ({PLACE} FROM s) LIMIT 5000 {BOUND}")
    for turn in range(5):
        producer.produce(topic, events(1000, turn * 1000))
        session.sql("WAIT SOURCE s")
    wait_until(lambda: one(session, "SELECT evicted_rows FROM kshell.sources") > 0)
    left = one(session, "SELECT count(*) FROM s")
    found = take(result, left)
    assert [row[1] for row in found] == list(range(5000 - left, 5000))
    result.close()
    skipped = f"{5000 - left:,}".replace(",", " ")
    assert f"s: {skipped} rows skipped" in notes


def test_a_consumer_slower_than_the_topic_skips_rows_and_they_are_counted(session: Session, topic: str, producer: Recorder, notes: Notes,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST_BEHIND_ROWS", 100)
    monkeypatch.setattr(tail_topic, "POLL_ROWS", 500)
    source(session, topic)
    for target in ("s", f"'{topic}'"):
        producer.produce(topic, events(1))
        before = len(notes.lines)
        result = session.sql(f"TAIL {target} {BOUND}")
        shown = 0
        for _ in range(4):                        # each time more has arrived than was shown
            producer.produce(topic, events(3000))
            session.sql("WAIT SOURCE s")
            shown += len(take(result, 1100))
        result.close()
        said = [line for line in notes.lines[before:] if "rows skipped" in line]
        assert said, target
        assert shown == 4400


def test_partitions_added_later_are_shown_from_their_first_row(session: Session, kafka: Broker, kafka_topic: Callable[..., str],
                                                              producer: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_topic, "METADATA_S", 0.2)
    name = kafka_topic()
    producer.produce(name, events(1))
    source(session, name, ", CONFIG MAP {'topic.metadata.refresh.interval.ms': '200'}")
    streams = [session.sql(f"TAIL {target} LIMIT 3 {BOUND}") for target in ("s", f"'{name}'")]
    client = admin(kafka.bootstrap)
    client.create_partitions([NewPartitions(name, 2)])[name].result(10)
    wait_until(lambda: len(client.list_topics(name).topics[name].partitions) == 2)
    Recorder(kafka.bootstrap).produce(name, events(3, 10), partition=1)
    for stream in streams:
        assert [row[0] for row in stream] == [10, 11, 12]


def test_a_bounded_source_ends_its_stream(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, events(5))
    source(session, topic, ", STOP 'latest'")
    assert [row[0] for row in session.sql("TAIL s FROM BEGINNING")] == [0, 1, 2, 3, 4]


def test_seeking_back_shows_no_row_twice(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, events(3))
    source(session, topic)
    result = session.sql(f"TAIL s FROM BEGINNING LIMIT 5 {BOUND}")
    take(result, 3)
    session.sql("ALTER SOURCE s SEEK TO 'earliest'; WAIT SOURCE s")
    producer.produce(topic, events(2, 50))
    assert [row[0] for row in result] == [50, 51]


def test_other_statements_run_beside_a_stream(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    result = session.sql(f"TAIL s {BOUND}")
    for i in range(3):
        producer.produce(topic, events(1, i))
        assert next(result)[0] == i
        session.sql("WAIT SOURCE s")
        assert one(session, "SELECT count(*) FROM s") == i + 1
    result.close()


def test_a_dropped_source_ends_its_stream_and_a_closed_session_does(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, events(2))
    source(session, topic)
    dropped = session.sql(f"TAIL s FROM BEGINNING {BOUND}")
    take(dropped, 2)
    session.sql("DROP SOURCE s")
    assert list(dropped) == []
    closed = session.sql(f"TAIL '{topic}' FROM BEGINNING {BOUND}")
    take(closed, 2)
    session.close()
    assert list(closed) == []


# ---- the query -----------------------------------------------------------------------------------------------------------------

def test_a_query_filters_and_shapes_row_by_row(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, events(10))
    source(session, topic)
    session.sql("SET VARIABLE least = 6")
    query = "SELECT o.id * 2 AS twice, upper(url) AS u FROM s AS o WHERE o.id % 2 = 0"
    result = session.sql(f"TAIL ({query}) FROM BEGINNING WHERE twice > getvariable('least') {BOUND}")
    assert take(result, 3) == [(8, "/P/4"), (12, "/P/6"), (16, "/P/1")]
    result.close()
    stream = session.sql("SELECT id FROM s WHERE id >= 100 EMIT CHANGES LIMIT 2")
    producer.produce(topic, events(3, 99))
    assert list(stream) == [(100,), (101,)]
    subscribed = session.sql("SUBSCRIBE TO s LAST 2 LIMIT 2")
    assert [row[0] for row in subscribed] == [100, 101]


@pytest.mark.parametrize(("query", "said", "hint"), [
    ("SELECT count(*) FROM s", "an aggregate needs all rows", ".watch 2 SELECT count(*) FROM s"),
    ("SELECT id, sum(amount) FROM s GROUP BY id", "GROUP BY", ".watch 2"), ("SELECT DISTINCT id FROM s", "DISTINCT", ".watch 2"),
    ("SELECT row_number() OVER () FROM s", "a window function", ".watch 2"), ("SELECT id FROM s ORDER BY id", "ORDER BY", ".watch 2"),
    ("SELECT id FROM s LIMIT 3", "LIMIT", "behind the parentheses"), ("SELECT 1 FROM s a JOIN s b USING (id)", "a join", "CREATE VIEW"),
    ("SELECT (SELECT 1) FROM s", "a subquery", "CREATE VIEW"), ("SELECT unnest([1]) FROM s", "unnest", "CREATE VIEW"),
    ("SELECT 1 FROM (FROM s)", "a subquery", "CREATE VIEW"), ("SELECT 1 FROM range(3)", "a table function", "CREATE VIEW"),
    ("SELECT 1", "no FROM", "CREATE VIEW"), ("WITH x AS (FROM s) FROM x", "WITH", "CREATE VIEW"),
    ("FROM s UNION ALL FROM s", "UNION", "CREATE VIEW"), ("FROM s USING SAMPLE 3", "SAMPLE", "CREATE VIEW"),
])
def test_what_needs_more_than_one_row_is_refused_with_what_to_type(session: Session, topic: str, query: str, said: str, hint: str) -> None:
    source(session, topic)
    with pytest.raises(RefusedError) as caught:
        session.sql(f"TAIL ({query})")
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.position == 6


@pytest.mark.parametrize(("text", "kind", "place", "hint"), [
    ("TAIL (SELECT id, nothing FROM s)", NotFoundError, "nothing", None), ("TAIL s WHERE nothing > 1", NotFoundError, "nothing", None),
    ("TAIL (SELECT id FROM s) WHERE url = 'x'", NotFoundError, "url", None), ("TAIL (SELEC 1)", Error, "SELEC", None),
    ("TAIL s WHERE id > ) 3", Error, None, None), ("TAIL nowhere", NotFoundError, "nowhere", "SHOW SOURCES"),
    ("TAIL t", RefusedError, "t", ".watch 2"), ("TAIL (FROM ss)", NotFoundError, "ss", "did you mean s?"),
    ("TAIL 'no_such_topic'", NotFoundError, "'no_such_topic'", None), ("TAIL kafka.no_such_topic", NotFoundError, "kafka", None),
    ("PRINT no_such_topic", NotFoundError, "no_such_topic", None), ("TAIL s WHERE count(*) > 1", Error, None, None),
    ("TAIL k.x", NotFoundError, "k.x", None),
])
def test_an_error_stands_at_its_place_in_what_was_typed(session: Session, topic: str, text: str, kind: type[Error], place: str | None,
                                                       hint: str | None) -> None:
    source(session, topic)
    session.sql("CREATE TABLE t (a INT)")
    with pytest.raises(kind) as caught:
        session.sql(text)
    assert place is None or caught.value.position == text.index(place, 5)
    assert hint is None or hint in (caught.value.hint or "")
    assert one(session, "SELECT 1") == 1


# ---- a topic without a source --------------------------------------------------------------------------------------------------

def test_print_shows_what_every_record_holds_as_text(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, ['{"a":1}'], key="k1")
    producer.produce(topic, [b"\x00\x00\x00\x00\x07\xff\xfe", None], key=None)
    producer.produce(topic, ["zw\u00f6lf\t"], key=(7).to_bytes(8, "big"))
    result = session.sql(f"PRINT '{topic}' FROM BEGINNING LIMIT 4")
    assert [c.name for c in result.columns] == ["partition", "offset", "timestamp", "key", "value"]
    found = [(p, o, k, v) for p, o, _, k, v in result]
    assert found == [(0, 0, "k1", '{"a":1}'), (0, 1, None, "\\x00\\x00\\x00\\x00\\x07\\xFF\\xFE"), (0, 2, None, None),
                     (0, 3, "\\x00" * 7 + "\\x07", "zw\u00f6lf\t")]


def test_print_takes_every_nth_record_and_knows_a_source_by_its_topic(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, events(10))
    source(session, topic)
    for target in (f"'{topic}'", topic, f"kafka.{topic}", "s"):
        assert [row[1] for row in session.sql(f"PRINT {target} FROM BEGINNING INTERVAL 3 LIMIT 4")] == [0, 3, 6, 9]


def test_a_topic_is_decoded_as_a_source_would(session: Session, topic: str, producer: Recorder, notes: Notes) -> None:
    producer.produce(topic, [*events(3), "no json", *events(1, 3)], key="k")
    result = session.sql(f"TAIL (SELECT id, _kafka_key, _kafka_offset FROM kafka.{topic}) FROM BEGINNING LIMIT 4 {BOUND}")
    assert list(result) == [(0, "k", 0), (1, "k", 1), (2, "k", 2), (3, "k", 4)]
    assert "1 records do not decode and are left out" in notes


def test_text_and_an_empty_topic(session: Session, topic: str, producer: Recorder) -> None:
    with pytest.raises(RefusedError, match="no record yet") as caught:
        session.sql(f"TAIL '{topic}'")
    assert f"PRINT '{topic}'" in (caught.value.hint or "")
    producer.produce(topic, ["one", "two"])
    assert [row[0] for row in session.sql(f"TAIL '{topic}' FROM BEGINNING LIMIT 2")] == ["one", "two"]


def test_a_topic_that_is_deleted_ends_its_stream(session: Session, kafka: Broker, topic: str, producer: Recorder,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_topic, "METADATA_S", 0.1)
    producer.produce(topic, events(3))
    result = session.sql(f"TAIL '{topic}' FROM BEGINNING {BOUND}")
    take(result, 3)
    delete_topic(admin(kafka.bootstrap), topic)
    with pytest.raises(NotFoundError, match="has no topic"):
        next(result)


def test_a_topic_made_again_is_shown_from_its_start(session: Session, kafka: Broker, topic: str, producer: Recorder, notes: Notes,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    watchers: list[tail_topic.Partitions] = []
    monkeypatch.setattr(tail_topic.Partitions, "_run", lambda self: watchers.append(self))     # looks when the test says so
    client = admin(kafka.bootstrap)
    producer.produce(topic, events(3))
    result = session.sql(f"PRINT '{topic}' FROM BEGINNING")
    take(result, 3)
    delete_topic(client, topic)
    wait_until(lambda: topic_id(client, topic) is None)
    create_topic(client, topic)
    Recorder(kafka.bootstrap).produce(topic, ["again"])
    watchers[0]._look()
    assert next(result)[4] == "again"
    assert "was made again" in notes
    result.close()


# ---- the end -------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def busy(session: Session, topic: str, producer: Recorder) -> Iterator[str]:
    """A source `s` and rows that keep arriving."""
    producer.produce(topic, events(10))
    source(session, topic)
    stop = threading.Event()
    own = Recorder(producer.bootstrap)

    def run() -> None:
        while not stop.wait(0.02):
            own.produce(topic, events(5))

    thread = threading.Thread(target=run)
    thread.start()
    yield topic
    stop.set()
    thread.join()


@pytest.mark.parametrize("text", ["TAIL s", "TAIL s WHERE false", "TAIL '{topic}'", "TAIL (SELECT id FROM s) FROM BEGINNING",
                                  "PRINT '{topic}'", "SELECT * FROM s EMIT CHANGES", "SUBSCRIBE s"])
def test_an_interrupt_ends_a_stream_within_a_second(session: Session, busy: str, text: str) -> None:
    result = session.sql(text.format(topic=busy))
    raised: list[BaseException] = []

    def read() -> None:
        try:
            for _ in result:
                pass
        except BaseException as error:  # noqa: BLE001  what it was is what is tested
            raised.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    wait_until(lambda: result.rows_read > 0 or "false" in text)
    began = time.monotonic()
    session.interrupt()
    thread.join(5)
    assert time.monotonic() - began < 1.0
    assert isinstance(raised[0], CancelledError)
    assert one(session, "SELECT 1") == 1


def test_a_timeout_that_runs_out_is_an_error_unless_the_limit_was_reached(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, events(3))
    source(session, topic)
    result = session.sql("TAIL s FROM BEGINNING TIMEOUT '300ms'")
    assert len(take(result, 3)) == 3
    with pytest.raises(DeadlineError, match=r"TAIL ended after 0\.3 s"):
        next(result)
    assert len(list(session.sql("TAIL s FROM BEGINNING LIMIT 3 TIMEOUT '300ms'"))) == 3
    assert list(session.sql("TAIL s LIMIT 0 TIMEOUT '300ms'")) == []


def test_a_stream_that_nobody_reads_costs_nothing_and_ends_with_its_result(session: Session, busy: str) -> None:
    before = {t.name for t in threading.enumerate()}
    result = session.sql(f"TAIL '{busy}'")
    next(result)
    result.close()
    wait_until(lambda: {t.name for t in threading.enumerate()} <= before)
    assert list(result) == []


def test_read_only_sessions_may_tail(session: Session, busy: str) -> None:
    session.read_only = True
    assert len(list(session.sql(f"TAIL s LIMIT 3 {BOUND}"))) == 3
    assert len(list(session.sql(f"PRINT '{busy}' LIMIT 3"))) == 3


def test_the_whole_family_joins_no_group_and_commits_nothing(session: Session, kafka: Broker, busy: str) -> None:
    client = admin(kafka.bootstrap)

    def groups() -> set[str]:
        return {g.group_id for g in client.list_consumer_groups(request_timeout=10).result().valid}

    before = groups()
    for text in (f"TAIL s LIMIT 3 {BOUND}", f"TAIL '{busy}' FROM BEGINNING LIMIT 3", f"TAIL kafka.{busy} LAST 2 LIMIT 2",
                 f"PRINT '{busy}' FROM BEGINNING LIMIT 3", "SUBSCRIBE TO s LIMIT 2", "SELECT id FROM s EMIT CHANGES LIMIT 2",
                 f"DESCRIBE TOPIC '{busy}' EXTENDED", "SHOW CONSUMER GROUPS EXTENDED", "SHOW TOPICS EXTENDED", "FROM kafka_groups()",
                 f"FROM kafka_offsets('{busy}')", f"SELECT count(*) FROM kafka.{busy}"):
        assert rows(session, text) is not None
    assert groups() == before


def test_slices_are_small_so_that_a_consumer_may_stop_between_them(session: Session, topic: str, producer: Recorder) -> None:
    producer.produce(topic, events(2000))
    source(session, topic)
    result = session.sql("TAIL s FROM BEGINNING LIMIT 2000")
    assert max(batch.num_rows for batch in result.batches()) <= tail.SLICE_ROWS


def test_a_stream_over_several_topics_goes_on_at_the_offset_of_each(session: Session, kafka_topic: Callable[..., str],
                                                                    producer: Recorder) -> None:
    one_topic, other = kafka_topic(prefix="several"), kafka_topic(prefix="several")
    for topic, first in ((one_topic, 0), (other, 10)):
        producer.produce(topic, events(4, first))
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPICS ['{one_topic}', '{other}'], INCLUDE ['topic']); "
                "WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")
    with session.sql(f"TAIL s SINCE MAP {{'{one_topic}/0': 3, '{other}/0': 2}} LIMIT 3 {BOUND}") as result:
        assert result.flow is not None
        assert dict(result.flow.begins) == {(one_topic, 0): 3, (other, 0): 2}
        assert sorted(row[0] for row in result) == [3, 12, 13]
