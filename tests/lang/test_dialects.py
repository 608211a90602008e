"""Who types another dialect is told what to type here, and nothing is changed."""

from __future__ import annotations

import duckdb
import pytest

from kshell.errors import StatementSyntaxError
from kshell.lang import parse
from kshell.lang.dialects import hint_for
from kshell.lang.statements import Print, Show, Tail
from tests.lang.marked import mark, unmark

_INSIDE = "Use FORMAT json inside the options; brokers belong to ATTACH 'kafka://...' AS k (TYPE kafka)"


@pytest.mark.parametrize(("marked", "hint"), [
    ("CREATE «STREAM» s (a INT) WITH (kafka_topic='t', value_format='json')",
     "Use: CREATE SOURCE s (...) FROM KAFKA (TOPIC 't', FORMAT json)"),
    ("CREATE OR REPLACE «STREAM» IF NOT EXISTS s WITH (KAFKA_TOPIC = 'x')", "Use: CREATE SOURCE s FROM KAFKA (TOPIC 'x', FORMAT json)"),
    ("CREATE SOURCE s «WITH» (connector='kafka', topic='t') FORMAT PLAIN ENCODE JSON", _INSIDE),
    ("CREATE SOURCE s (a INT) «WITH» (connector='kafka')", _INSIDE),
    ("CREATE SOURCE s FROM KAFKA k (TOPIC 't') «FORMAT» PLAIN ENCODE JSON", _INSIDE),
    ("CREATE SOURCE s FROM KAFKA k (TOPIC 't') «KEY» FORMAT JSON VALUE FORMAT JSON", _INSIDE),
    ("CREATE SOURCE s FROM KAFKA k (TOPIC 't') «ENVELOPE» DEBEZIUM", _INSIDE),
    ("CREATE SOURCE s FROM KAFKA «CONNECTION» k (TOPIC 't')", "Use: FROM KAFKA k (...)"),
    ("CREATE «CONNECTION» c TO KAFKA (BROKER 'b:9092')", "Use: ATTACH 'kafka://b:9092' AS c (TYPE kafka)"),
    ("CREATE «MATERIALIZED» VIEW v AS SELECT 1", "Use: CREATE VIEW v (computed when read), or CREATE SINK v AS ... INTO ICEBERG ..."),
    ("CREATE «MATERIALIZED» VIEW IF NOT EXISTS v AS SELECT 1", "Use: CREATE VIEW v "),
    ("«TERMINATE» q", "Use: PAUSE SINK q, or DROP SINK q"),
    ("DROP «STREAM» IF EXISTS q", "Use: PAUSE SINK q, or DROP SINK q"),
    ("CREATE «STREAM»", "Use: CREATE SOURCE name FROM KAFKA"),
])
def test_a_statement_of_another_dialect_is_answered_with_ours(marked: str, hint: str) -> None:
    text, position, length = unmark(marked)
    with pytest.raises(StatementSyntaxError) as caught:
        parse(text)
    assert caught.value.hint is not None
    assert hint in caught.value.hint
    assert (caught.value.position, caught.value.length) == (position, length), mark(text, caught.value)


def test_what_other_dialects_call_it_is_accepted() -> None:
    assert isinstance(parse("LIST TOPICS"), Show)
    turned = parse("SHOW TOPICS LIKE 'a%' FROM k EXTENDED")
    assert isinstance(turned, Show)
    assert (turned.cluster, turned.like, turned.extended) == ("k", "a%", True)
    assert isinstance(parse("PRINT 't' FROM BEGINNING"), Print)
    assert isinstance(parse("SUBSCRIBE TO t"), Tail)
    assert isinstance(parse("SELECT * FROM t EMIT CHANGES"), Tail)


def _message(text: str) -> str:
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE orders (_kafka_partition INT, _kafka_offset BIGINT, _kafka_timestamp TIMESTAMPTZ)")
        with pytest.raises(duckdb.Error) as caught:
            connection.execute(text)
    return str(caught.value)


@pytest.mark.parametrize(("text", "hint"), [
    ("SELECT offset FROM orders", "the Kafka offset column is _kafka_offset"),
    ("SELECT max(offset), 1 FROM orders", "the Kafka offset column is _kafka_offset"),
    ("SELECT 1 FROM orders WHERE offset > 5", "the Kafka offset column is _kafka_offset"),
    ("SELECT 1 FORM orders LIMIT 1 OFFSET 5", None),
    ("SELECT _partition FROM orders", "the column is _kafka_partition"),
    ("SELECT o._offset FROM orders o", "the column is _kafka_offset"),
    ("SELECT ROWTIME FROM orders", "the column is _kafka_timestamp"),
    ("SELECT 1 FROM orders WHERE _rw_kafka_offset > 5", "the column is _kafka_offset"),
    ("CREATE TABLE t (a INT) WITH ('connector'='kafka', 'topic'='x')", "CREATE SOURCE t FROM KAFKA"),
    ("CREATE TABLE IF NOT EXISTS t (a INT) WITH (kafka_topic='x')", "CREATE SOURCE t FROM KAFKA"),
    ("ATTACH 'kafka://b:9092' AS k", "add the type: ATTACH 'kafka://b:9092' AS k (TYPE kafka)"),
    ("COPY orders TO 'x' (FORMAT kafka)", "kshell reads from Kafka"),
    ("FROM 'kafka://b/orders'", "ATTACH 'kafka://...' AS k (TYPE kafka)"),
    ("SELECT amount FROM orders", None),
    ("SELECT partitio FROM orders", None),
    ("FROM nowhere", None),
    ("SELEC 1", None),
])
def test_an_error_of_duckdb_gets_the_hint_it_deserves(text: str, hint: str | None) -> None:
    found = hint_for(text, _message(text))
    assert found == hint if hint is None else hint in (found or "")


def test_a_catalog_without_its_kind_is_told_to_add_it() -> None:
    hint = hint_for("ATTACH 'w' AS c (TYPE iceberg)", "any")
    assert hint is not None
    assert "add CATALOG rest" in hint
