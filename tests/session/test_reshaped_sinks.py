"""CREATE SINK ... AS SELECT: one topic fans out to several tables, each with its own progress and its own union."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kshell.errors import Error, ExistsError, NotFoundError, RefusedError
from kshell.iceberg import Stop
from kshell.session import Session
from tests.session.conftest import OpenSession, one, rows
from tests.support.producing import Recorder

EU = "SELECT id, upper(country) AS country FROM s WHERE region = 'EU'"
BIG = "SELECT id, amount::DECIMAL(10,2) AS amount, _kafka_timestamp FROM s x WHERE x.amount >= 5"


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder) -> str:
    name = kafka_topic(partitions=2)
    records = [f'{{"id": {i}, "country": "at", "region": "{"EU" if i % 3 == 0 else "US"}", "amount": {i}}}' for i in range(20)]
    producer.produce(name, records[:10], partition=0)
    producer.produce(name, [*records[10:], "{broken"], partition=1)
    return name


def source(session: Session, topic: str) -> None:
    columns = "id BIGINT, country VARCHAR, region VARCHAR, amount DOUBLE"
    session.sql(f"CREATE SOURCE s ({columns}) FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s")


def sink(session: Session, name: str, select: str) -> None:
    session.sql(f"CREATE SINK {name} AS {select} INTO ICEBERG local.web.{name} (COMMIT_INTERVAL '1h')")


def test_one_topic_fans_out_to_three_tables(session: Session, topic: str) -> None:
    source(session, topic)
    sink(session, "eu", EU)
    sink(session, "big", BIG)
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.everything (COMMIT_INTERVAL '1h')")
    counts = "SELECT (SELECT count(*) FROM eu), (SELECT count(*) FROM big), (SELECT count(*) FROM s)"
    before = rows(session, counts)
    session.sql("FLUSH ALL TIMEOUT '60s'")
    assert before == rows(session, counts) == [(7, 15, 20)]
    assert rows(session, "SELECT DISTINCT _tier FROM eu UNION ALL SELECT DISTINCT _tier FROM big") == [("lake",), ("lake",)]
    assert rows(session, "SELECT id, country FROM eu ORDER BY id LIMIT 2") == [(0, "AT"), (3, "AT")]
    assert one(session, "SELECT typeof(amount) FROM lake.big LIMIT 1") == "DECIMAL(10,2)"
    for name in ("eu", "big", "s_lake"):
        assert {(r[-2], r[-1]) for r in rows(session, f"CHECK SINK {name}")} == {(0, "ok"), (1, "ok")}
    assert one(session, "SELECT buffer_rows FROM kshell.sources") == 0


def test_each_table_knows_where_its_own_sink_goes_on(open_session: OpenSession, topic: str, producer: Recorder) -> None:
    first = open_session()
    source(first, topic)
    sink(first, "eu", EU)
    first.sql("FLUSH SINK eu")
    sink(first, "big", BIG)
    first.close(flush=False)
    producer.produce(topic, ['{"id": 30, "country": "de", "region": "EU", "amount": 9}'])
    second = open_session()
    source(second, topic)
    sink(second, "eu", EU)
    sink(second, "big", BIG)
    assert rows(second, "SELECT (SELECT count(*) FROM eu), (SELECT count(*) FROM big), (SELECT count(*) FROM s)") == [(8, 16, 21)]
    assert [r[1] for r in (second.sql("FLUSH SINK eu").fetchall() + second.sql("FLUSH SINK big").fetchall())] == [1, 16]
    assert rows(second, "SELECT count(*), count(DISTINCT id) FROM lake.eu") == [(8, 8)]


def test_tail_follows_a_sink_under_its_own_name(session: Session, topic: str, producer: Recorder) -> None:
    source(session, topic)
    sink(session, "eu", EU)
    session.sql("FLUSH SINK eu")
    assert rows(session, "SELECT count(*) FROM live.eu") == [(0,)]
    from_the_lake = session.sql("TAIL (SELECT id, country FROM eu) FROM BEGINNING LIMIT 7 TIMEOUT '30s'").fetchall()
    assert sorted(row[0] for row in from_the_lake) == [0, 3, 6, 9, 12, 15, 18]
    assert {row[1] for row in from_the_lake} == {"AT"}
    stream = session.sql("TAIL eu LIMIT 2 TIMEOUT '30s'")
    assert [c.name for c in stream.columns][:2] == ["id", "country"]
    producer.produce(topic, [f'{{"id": {i}, "country": "de", "region": "{region}"}}' for i, region in ((30, "US"), (31, "EU"), (32, "EU"))])
    assert [row[:2] for row in stream.fetchall()] == [(31, "DE"), (32, "DE")]
    session.sql("PAUSE SINK eu")
    assert [row[0] for row in session.sql("TAIL live.eu FROM BEGINNING LIMIT 2 TIMEOUT '30s'").fetchall()] == [31, 32]


def test_tail_of_a_sink_that_was_never_started_says_how_to_start_it(session: Session, topic: str) -> None:
    source(session, topic)
    session.sql(f"CREATE SINK eu AS {EU} INTO ICEBERG local.web.eu (PAUSED true)")
    with pytest.raises(RefusedError, match="sink eu is paused") as raised:
        session.sql("TAIL eu")
    assert raised.value.hint == "RESUME SINK eu, or TAIL s"


def test_another_query_is_another_definition(open_session: OpenSession, topic: str) -> None:
    first = open_session()
    source(first, topic)
    sink(first, "eu", EU)
    first.close()
    second = open_session()
    source(second, topic)
    sink(second, "eu", "SELECT   id, upper(country)  AS country FROM s WHERE (region = 'EU')")
    second.sql("DROP SINK eu")
    with pytest.raises(Stop, match="DEFINITION_CHANGED"):
        sink(second, "eu", EU.replace("'EU'", "'US'"))


def test_show_create_prints_the_query(open_session: OpenSession, topic: str) -> None:
    first = open_session()
    source(first, topic)
    sink(first, "eu", EU)
    text = rows(first, "SHOW CREATE SINK eu")[0][1]
    first.close()
    second = open_session()
    source(second, topic)
    second.sql(text)
    assert one(second, "SELECT count(*) FROM eu") == 7


@pytest.mark.parametrize(("select", "says"), [
    ("SELECT region, count(*) AS n FROM s GROUP BY region", "GROUP BY"),
    ("SELECT count(*) AS n FROM s", "aggregate"),
    ("SELECT id FROM s ORDER BY id", "ORDER BY"),
    ("SELECT id FROM s LIMIT 3", "LIMIT"),
    ("SELECT DISTINCT id FROM s", "DISTINCT"),
    ("SELECT s.id FROM s JOIN s t ON s.id = t.id", "join"),
    ("SELECT id FROM s WHERE id IN (SELECT 1)", "subquery"),
    ("SELECT id, row_number() OVER () AS n FROM s", "window"),
    ("SELECT unnest([1, 2]) AS n FROM s", "unnest"),
    ("SELECT id, _kafka_offset + 1 AS _kafka_offset FROM s", "_kafka_offset"),
    ("SELECT id AS _file FROM s", "_file"),
    ("SELECT id, country AS ID FROM s", "two columns"),
    ("SELECT nope FROM s", "nope"),
])
def test_what_is_not_row_by_row_is_refused_with_what_to_type(session: Session, topic: str, select: str, says: str) -> None:
    source(session, topic)
    with pytest.raises(Error, match=f"(?i){says}") as caught:
        sink(session, "bad", select)
    assert caught.value.exit == 1
    assert rows(session, "FROM kshell.sinks") == []
    if isinstance(caught.value, RefusedError):
        assert caught.value.hint


def test_the_name_of_such_a_sink_is_its_own(session: Session, topic: str) -> None:
    source(session, topic)
    session.sql("CREATE TABLE taken (a INT)")
    with pytest.raises(ExistsError):
        sink(session, "taken", EU)
    sink(session, "eu", EU)
    with pytest.raises(RefusedError, match="eu"):
        session.sql("DROP VIEW eu")
    session.sql("DROP SINK eu")
    with pytest.raises(NotFoundError):
        rows(session, "FROM eu")
    assert one(session, "SELECT count(*) FROM s") == 20
