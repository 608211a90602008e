"""Topics inside statements: every place a table may stand, every bound, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from kshell.errors import BadValueError, CancelledError, NotFoundError, RefusedError, StatementError, UnknownOptionError
from kshell.kafka.cluster import Cluster
from kshell.kafka.embedded import EmbeddedBroker
from kshell.lang.tokens import tokens
from kshell.options.position import Position
from kshell.query.arguments import ScanSpec
from kshell.query.bounds import settle
from kshell.query.locate import find, limit_of
from kshell.query.shapes import fields
from tests.parts.kafka import Broker
from tests.query.conftest import Desk
from tests.support import Acknowledged, Recorder, unique


@pytest.fixture
def topic(embedded: EmbeddedBroker) -> str:
    """Two partitions: {"id": 0} to {"id": 9} in the first, 100 to 102 in the second."""
    name = unique("orders")
    embedded.create_topic(name, 2)
    recorder = Recorder(embedded.bootstrap)
    recorder.produce(name, [f'{{"id":{i}}}' for i in range(10)])
    recorder.produce(name, [f'{{"id":{i}}}' for i in range(100, 103)], partition=1)
    return name


@pytest.mark.parametrize("statement", [
    "SELECT count(*) FROM {t}",
    "SELECT (SELECT count(*) FROM {t})",
    "WITH a AS (FROM {t}) SELECT count(*) FROM a",
    "SELECT count(*) FROM range(1) AS r, {t}",
    "SELECT count(*) FROM range(1) r JOIN {t} o ON true",
    "SELECT count(*) FROM ({t} JOIN range(1) r ON true)",
    "SELECT count(DISTINCT id) FROM {t} WHERE id IN (SELECT id FROM {t})",
    "FROM {t} SELECT count(*)",
    "SELECT count(*) FROM {t} -- FROM k.nothing\n WHERE 'FROM k.nothing' <> ''",
])
@pytest.mark.parametrize("written", ["k.{topic}", "kafka_scan('{topic}')", "kafka_scan('{topic}', connection := 'k')"])
def test_a_topic_is_a_table_wherever_a_table_may_stand(k: Desk, topic: str, statement: str, written: str) -> None:
    assert k.rows(statement.format(t=written.format(topic=topic))) == [(13,)]


def test_the_topic_gives_its_name_to_its_columns(k: Desk, topic: str) -> None:
    assert k.rows(f"SELECT max({topic}.id) FROM k.{topic}") == [(102,)]
    assert k.rows(f"SELECT max(kafka_scan.id) FROM kafka_scan('{topic}')") == [(102,)]
    assert k.rows(f"SELECT max(o.id) FROM k.{topic} o") == [(102,)]
    assert k.rows(f"SELECT max(emit.id) FROM k.{topic} emit") == [(102,)]


def test_payload_stands_first_and_metadata_last(k: Desk, topic: str) -> None:
    described = k.rows(f"DESCRIBE k.{topic}")
    assert [row[0] for row in described] == ["id", "_kafka_partition", "_kafka_offset", "_kafka_timestamp", "_kafka_key"]
    assert k.rows(f"SELECT column_name FROM (SUMMARIZE k.{topic})")[0] == ("id",)


@pytest.mark.parametrize(("arguments", "ids"), [
    ("partition := 0, start := 3, stop := 6", [3, 4, 5]),
    ("partition := [1]", [100, 101, 102]),
    ("start := MAP {0: 8, 1: 2}", [8, 9, 102]),
    ("start := MAP {1: 2}", [*range(10), 102]),
    ("stop := MAP {0: 1, 1: 1}", [0, 100]),
    ("partition := 1, last := 2", [101, 102]),
    ("partition := 0, start := 50", []),
    ("partition := 0, max_messages := 4", [0, 1, 2, 3]),
    ("partition = 0, stop => 2", [0, 1]),
])
def test_bounds_give_exactly_the_records_between_them(k: Desk, topic: str, arguments: str, ids: list[int]) -> None:
    assert k.rows(f"SELECT list(id::BIGINT ORDER BY id) FROM kafka_scan('{topic}', {arguments})") == [(ids or None,)]


def test_last_counts_over_all_partitions(k: Desk, topic: str) -> None:
    assert k.rows(f"SELECT count(*) FROM kafka_scan('{topic}', last := 5)") == [(5,)]


def test_a_scan_reaches_every_statement_that_reads(k: Desk, topic: str, tmp_path: Any) -> None:
    k.run(f"CREATE TABLE kept AS SELECT id FROM k.{topic}")
    k.run(f"INSERT INTO kept SELECT id FROM kafka_scan('{topic}', partition := 1)")
    k.run(f"COPY (FROM k.{topic}) TO '{tmp_path}/x.parquet' (FORMAT parquet)")
    assert k.rows("SELECT count(*) FROM kept") == [(16,)]
    assert k.rows(f"SELECT count(*) FROM '{tmp_path}/x.parquet'") == [(13,)]
    assert "SCAN" in str(k.rows(f"EXPLAIN SELECT count(*) FROM k.{topic}"))


def test_nothing_is_left_behind(k: Desk, topic: str) -> None:
    k.rows(f"SELECT * FROM k.{topic} JOIN kafka_scan('{topic}') USING (id)")
    assert k.temporary_tables() == []
    with pytest.raises(StatementError):
        k.run(f"SELECT nothing FROM k.{topic}")
    assert k.temporary_tables() == []
    k.run(f"FROM k.{topic}").close()
    assert k.temporary_tables() == []


def test_a_half_read_scan_stays_readable_while_the_next_statement_runs(k: Desk, topic: str) -> None:
    first = k.run(f"SELECT id FROM k.{topic}")
    assert k.rows("SELECT 1") == [(1,)]
    assert len(first.fetchall()) == 13


def test_a_transaction_of_the_user_survives_records_that_do_not_decode(k: Desk, embedded: EmbeddedBroker) -> None:
    name = unique("mixed")
    embedded.create_topic(name)
    Recorder(embedded.bootstrap).produce(name, ['{"id":1}', "not json", '{"id":2}'])
    k.run("CREATE TABLE t (id BIGINT)")
    k.run("BEGIN")
    k.run(f"INSERT INTO t SELECT id FROM k.{name}")
    k.run("COMMIT")
    assert k.rows("SELECT list(id ORDER BY id) FROM t") == [([1, 2],)]


def test_records_that_do_not_decode_are_counted_and_said(k: Desk, embedded: EmbeddedBroker) -> None:
    name = unique("mixed")
    embedded.create_topic(name)
    Recorder(embedded.bootstrap).produce(name, ['{"id":1}', "not json", '{"id":2}'])
    assert k.rows(f"SELECT count(*) FROM k.{name}") == [(2,)]
    assert f"{name}[0] offset 1" in k.warnings[0]
    assert "1 of 3" in k.warnings[0]
    assert k.rows(f"SELECT count(*) FROM kafka_scan('{name}', format := 'raw')") == [(3,)]


def test_declared_columns_and_included_metadata(k: Desk, embedded: EmbeddedBroker) -> None:
    name = unique("declared")
    embedded.create_topic(name)
    Recorder(embedded.bootstrap).produce(name, ['{"id":1,"b":"x"}'], key="k1", headers=[("h", b"v")])
    call = f"kafka_scan('{name}', columns := {{'id': 'BIGINT'}}, key_format := 'string', include := ['topic', 'headers', 'value'])"
    assert k.rows(f"SELECT id, _kafka_key, _kafka_topic, _kafka_headers, _kafka_value FROM {call}") == [
        (1, "k1", name, [{"key": "h", "value": b"v"}], b'{"id":1,"b":"x"}')]


def test_a_topic_with_dots_and_dashes_is_named_with_or_without_quotes(k: Desk, embedded: EmbeddedBroker) -> None:
    name = unique("web.clicks")
    embedded.create_topic(name)
    Recorder(embedded.bootstrap).produce(name, ['{"id":1}'])
    assert k.rows(f'SELECT id FROM k."{name}"') == k.rows(f"SELECT id FROM k.{name}") == [(1,)]


def test_an_empty_topic_has_metadata_and_no_rows(k: Desk, embedded: EmbeddedBroker) -> None:
    name = unique("empty")
    embedded.create_topic(name)
    result = k.run(f"FROM k.{name}")
    assert [c.name for c in result.columns] == ["_kafka_partition", "_kafka_offset", "_kafka_timestamp", "_kafka_key"]
    assert result.fetchall() == []


@pytest.mark.parametrize(("text", "error", "words"), [
    ("FROM kafka_scan('{t}', strt := 3)", UnknownOptionError, "start"),
    ("FROM kafka_scan('{t}', start := 3)", BadValueError, "partition"),
    ("FROM kafka_scan('{t}', partition := 0, start := 3, start := 4)", BadValueError, "twice"),
    ("FROM kafka_scan('{t}', partition := 7)", NotFoundError, "partition 7"),
    ("FROM kafka_scan('{t}', last := 3, since := INTERVAL '1 hour')", BadValueError, "since"),
    ("FROM kafka_scan()", BadValueError, "topic"),
    ("FROM kafka_scan('{t}'", StatementError, "closed"),
    ("FROM kafka_scan('{t}x')", NotFoundError, "{t}"),
    ("FROM k.{t}x", NotFoundError, "{t}"),
    ("CREATE VIEW v AS FROM k.{t}", RefusedError, "view"),
    ("CREATE OR REPLACE TEMP MACRO m() AS TABLE FROM kafka_scan('{t}')", RefusedError, "macro"),
    ("PREPARE p AS FROM k.{t}", RefusedError, "prepared"),
    ("DELETE FROM k.{t}", RefusedError, "read"),
])
def test_what_cannot_be_meant_is_refused_with_its_place(k: Desk, topic: str, text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as raised:
        k.run(text.format(t=topic))
    told = raised.value
    assert words.format(t=topic) in f"{told} {told.hint}"       # type: ignore[attr-defined]
    assert told.position is not None                            # type: ignore[attr-defined]
    assert k.temporary_tables() == []


@pytest.mark.parametrize(("arguments", "words"), [
    ("partition := 0, start := 50", "[0]: start 50 is beyond the end of the log, 10"),
    ("partition := 0, start := 5, stop := 2", "[0]: start 5 is after stop 2"),
    ("start := MAP {1: 9}", "[1]: start 9 is beyond the end of the log, 3"),
])
def test_bounds_with_nothing_between_them_are_pointed_out(k: Desk, topic: str, arguments: str, words: str) -> None:
    k.rows(f"SELECT count(*) FROM kafka_scan('{topic}', {arguments})")
    assert [words in warning for warning in k.warnings] == [True]


def test_a_time_after_the_one_it_should_come_before_is_pointed_out() -> None:
    cluster = Mock(describe=lambda names: {names[0]: Mock(partitions=(0,))}, log_starts=lambda tps: dict.fromkeys(tps, 0),
                   log_ends=lambda tps: dict.fromkeys(tps, 9), offsets_at=lambda tps, at: dict.fromkeys(tps, 3))
    february, january = Position("timestamp", 2000), Position("timestamp", 1000)
    assert settle(ScanSpec("t", since=february, until=january), cluster).empty == ("since is after until: nothing lies between",)
    assert settle(ScanSpec("t", since=january, until=february), cluster).empty == ()


@pytest.mark.parametrize("arguments", ["partition := 0, start := 10", "partition := 0, start := 5, stop := 5", "last := 3"])
def test_an_empty_piece_that_was_asked_for_is_no_reason_to_warn(k: Desk, topic: str, arguments: str) -> None:
    k.rows(f"SELECT count(*) FROM kafka_scan('{topic}', {arguments})")
    assert k.warnings == []


def test_a_column_without_a_name_is_named_after_what_was_typed(k: Desk, topic: str) -> None:
    found = k.run(f"SELECT (SELECT count(*) FROM k.{topic}), (SELECT max(id) FROM kafka_scan('{topic}', last := 1) AS o)")
    names = [column.name for column in found.columns]
    assert names == [f"(SELECT count_star() FROM k.{topic})", f"(SELECT max(id) FROM kafka_scan('{topic}', last := 1) AS o)"]
    assert found.arrow().schema.names == names


def test_a_missing_column_names_those_of_the_topic(k: Desk, topic: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        k.run(f"SELECT amount FROM k.{topic}")
    assert raised.value.hint == "columns here: id, _kafka_partition, _kafka_offset, _kafka_timestamp, _kafka_key"


def test_a_field_inside_of_a_column_is_named_with_its_way(k: Desk, embedded: EmbeddedBroker) -> None:
    name = unique("payments")
    embedded.create_topic(name, 1)
    Recorder(embedded.bootstrap).produce(name, ['{"payment": {"amount": 5, "by": {"card": 1}}, "day": 1}'])
    k.run(f"CREATE TABLE kept AS FROM k.{name}").close()
    for table in (f"k.{name}", "kept"):
        with pytest.raises(NotFoundError) as raised:
            k.run(f"SELECT Amount FROM {table}")
        assert raised.value.hint == "did you mean payment.Amount?"
        with pytest.raises(NotFoundError) as raised:
            k.run(f"SELECT dya FROM {table}")
        assert raised.value.hint == "did you mean day?"


@pytest.mark.parametrize(("type_", "names"), [
    ("STRUCT(a BIGINT, \"b c\" STRUCT(d INTEGER, e VARCHAR)[], F DECIMAL(10,2))", {"a", "b c", "f"}), ("VARCHAR", set()),
    ("STRUCT(", set()), ("MAP(VARCHAR, INTEGER)", set()),
])
def test_the_fields_of_a_struct_are_its_own(type_: str, names: set[str]) -> None:
    assert fields(type_) == names


def test_an_error_behind_a_scan_points_at_what_was_typed(k: Desk, topic: str) -> None:
    text = f"SELECT nothing FROM k.{topic} WHERE elsewhere = 1"
    with pytest.raises(NotFoundError) as raised:
        k.run(f"SELECT id FROM k.{topic} WHERE elsewhere = 1")
    assert raised.value.position == text.replace("nothing", "id").index("elsewhere")


@pytest.mark.parametrize("text", ["SELECT k.b FROM (SELECT 1 AS b) k", "CREATE TABLE k2 AS SELECT 'FROM k.orders' AS s",
                                  "SELECT '1'::VARCHAR AS \"k.x\"",
                                  "SELECT a, k.b FROM (SELECT 1 AS a) x, (SELECT 2 AS b) AS k WHERE k.b > 1 ORDER BY k.b"])
def test_a_name_that_is_no_table_is_left_alone(k: Desk, text: str) -> None:
    assert k.tables.rewrite(text, k.runner.cursor, lambda: None).text == text


def test_lists_of_the_cluster_are_tables(k: Desk) -> None:
    assert k.rows("SELECT argument FROM kafka_topics('k') WHERE function = 'kafka_topics'") == [("k",)]
    assert k.rows("SELECT count(*) FROM kafka_groups()") == [(1,)]


@pytest.mark.parametrize(("text", "limit"), [
    ("FROM k.o LIMIT 5", 5), ("FROM k.o LIMIT 5;", 5), ("SELECT a, o.b AS c FROM k.o AS o LIMIT 2", 2), ("FROM k.o SELECT a, b LIMIT 2", 2),
    ("SELECT * FROM kafka_scan('o', format := 'raw') LIMIT 3", 3),
    ("SELECT count(*) FROM k.o LIMIT 5", None), ("SELECT DISTINCT a FROM k.o LIMIT 5", None), ("FROM k.o ORDER BY a LIMIT 5", None),
    ("FROM k.o WHERE a LIMIT 5", None), ("FROM k.o, t LIMIT 5", None), ("FROM k.o JOIN t USING (a) LIMIT 5", None),
    ("FROM k.o, k.p LIMIT 5", None),
    ("SELECT a + 1 FROM k.o LIMIT 5", None), ("FROM k.o LIMIT 5 OFFSET 2", None), ("FROM k.o LIMIT n", None), ("FROM k.o", None),
    ("FROM k.o UNION FROM t LIMIT 5", None), ("SUMMARIZE k.o", None)])
def test_a_plain_limit_is_known_and_nothing_else_is_taken_for_one(text: str, limit: int | None) -> None:
    found = tokens(text)
    assert limit_of(found, find(found, ["k"])) == limit


def test_a_plain_limit_ends_the_reading_early(k: Desk, embedded: EmbeddedBroker) -> None:
    name = unique("large")
    embedded.create_topic(name)
    Recorder(embedded.bootstrap).produce(name, [f'{{"id":{i}}}' for i in range(60_000)])
    assert len(k.rows(f"FROM k.{name} LIMIT 3")) == 3
    result = k.run(f"FROM k.{name} LIMIT 3")
    assert k.runner.cursor.execute(f"SELECT count(*) < 60000 FROM temp.main.kshell_scan_{k.tables._made}").fetchone() == (True,)
    result.close()


def test_a_table_known_only_as_a_topic_is_an_error_that_says_how_to_read_it(k: Desk, topic: str) -> None:
    with pytest.raises(NotFoundError, match=f"Table {topic} does not exist") as raised:
        k.run(f"FROM {topic}")
    assert raised.value.hint == (f'topic "{topic}" exists in k: FROM k.{topic} reads it once, '
                                 f"CREATE SOURCE {topic} FROM KAFKA k keeps it live")


def test_a_scan_that_is_cancelled_ends_at_once(k: Desk, topic: str) -> None:
    def cancelled() -> None:
        raise CancelledError("interrupted")
    with pytest.raises(CancelledError):
        k.tables.rewrite(f"FROM k.{topic}", k.runner.cursor, cancelled)
    assert k.temporary_tables() == []


def test_times_are_judged_row_by_row_in_any_time_zone(kafka: Broker, kafka_topic: Callable[..., str],
                                                      produce: Callable[..., list[Acknowledged]],
                                                      make_desk: Callable[[dict[str, Cluster]], Desk]) -> None:
    name = kafka_topic(2)
    for i in range(10):
        produce(name, [f'{{"id":{i}}}'], partition=i % 2, timestamp_ms=1_700_000_000_000 + i * 60_000)
    desk = make_desk({"k": Cluster("k", kafka.bootstrap)})
    desk.run("SET TimeZone = 'America/New_York'")
    between = "since := TIMESTAMPTZ '2023-11-14 22:15:50+00', until := TIMESTAMPTZ '2023-11-14 22:19:50+00'"
    assert desk.rows(f"SELECT list(id::BIGINT ORDER BY id) FROM kafka_scan('{name}', {between})") == [([3, 4, 5, 6],)]
    local = "since := TIMESTAMP '2023-11-14 17:15:50', until := TIMESTAMP '2023-11-14 17:19:50'"
    assert desk.rows(f"SELECT list(id::BIGINT ORDER BY id) FROM kafka_scan('{name}', {local})") == [([3, 4, 5, 6],)]
    assert desk.rows(f"SELECT count(*) FROM kafka_scan('{name}', since := INTERVAL '1 hour')") == [(0,)]
    desk.run("SET VARIABLE wanted = INTERVAL '30 days'")
    assert desk.rows(f"SELECT count(*) FROM kafka_scan('{name}', since := getvariable('wanted'))") == [(0,)]


def test_an_open_or_aborted_transaction_ends_a_scan_and_shows_nothing(kafka: Broker, kafka_topic: Callable[..., str],
                                                                      make_desk: Callable[[dict[str, Cluster]], Desk]) -> None:
    name = kafka_topic()
    recorder = Recorder(kafka.bootstrap, {"transactional.id": unique("txn")})
    recorder.client.init_transactions(20)
    for end in (recorder.client.commit_transaction, recorder.client.abort_transaction):
        recorder.client.begin_transaction()
        recorder.produce(name, ['{"id":1}', '{"id":2}'])
        end(20)
    recorder.client.begin_transaction()
    recorder.produce(name, ['{"id":3}'])
    desk = make_desk({"k": Cluster("k", kafka.bootstrap)})
    assert desk.rows(f"SELECT count(*) FROM kafka_scan('{name}', timeout := '10s')") == [(2,)]
    recorder.client.abort_transaction(20)


def test_a_scan_takes_events_out_of_their_envelope(k: Desk, embedded: EmbeddedBroker) -> None:
    name = unique("events")
    embedded.create_topic(name, 1)
    recorder = Recorder(embedded.bootstrap)
    recorder.produce(name, ['{"amount":4}'], headers=[("ce_specversion", b"1.0"), ("ce_id", b"a")])
    recorder.produce(name, ['{"specversion":"1.0","id":"b","data":{"amount":5}}'])
    call = f"kafka_scan('{name}', envelope := 'cloudevents')"
    assert k.rows(f"SELECT ce_id, amount FROM {call} ORDER BY ce_id") == [("a", 4), ("b", 5)]
