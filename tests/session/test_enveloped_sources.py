"""Envelopes through the whole program: events land, fields that appear inside become columns, a kshell that starts again goes on."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from kshell.errors import ConflictError
from tests.session.conftest import OpenSession, one, rows
from tests.support.producing import Recorder

SINK = "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')"


def event(envelope: str, **fields: object) -> str:
    inside = {"connect": {"schema": {}, "payload": fields}, "debezium": {"schema": {}, "payload": {"op": "c", "after": fields}},
              "cloudevents": {"specversion": "1.0", "id": "e", "data": fields}}
    return json.dumps(inside[envelope])


@pytest.mark.parametrize(("envelope", "untrusted", "more"), [
    ("connect", "false", "more"), ("debezium", "false", "after.more"), ("cloudevents", "false", "more"), ("connect", "true", "more")])
def test_a_field_that_appears_inside_is_a_column_live_and_in_the_table(
        open_session: OpenSession, kafka_topic: Callable[..., str], producer: Recorder, envelope: str, untrusted: str, more: str) -> None:
    topic = kafka_topic(retention_ms=-1)
    producer.produce(topic, [event(envelope, id=i) for i in range(5)])
    session = open_session()
    session.sql(f"CREATE SOURCE s FROM KAFKA kafka (TOPIC '{topic}', ENVELOPE {envelope}, UNTRUSTED {untrusted}); {SINK}")
    session.sql("WAIT SOURCE s TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'")
    producer.produce(topic, [event(envelope, id=5, more="x"), '{"no": "envelope"}'])
    session.sql("WAIT SOURCE s TIMEOUT '30s'")
    assert rows(session, f"SELECT count(*), count({more}), max({more}) FROM s") == [(6, 1, "x")]
    session.sql("FLUSH SINK s_lake TIMEOUT '30s'")
    assert rows(session, f"SELECT count(*), count({more}), max({more}) FROM lake.s") == [(6, 1, "x")]
    assert rows(session, "SELECT code FROM local.web.s__errors") == [("ENVELOPE_MISSING",)]
    assert {r[-1] for r in rows(session, "CHECK SINK s_lake")} == {"ok"}


def test_another_envelope_is_another_definition(open_session: OpenSession, kafka_topic: Callable[..., str], producer: Recorder) -> None:
    topic = kafka_topic(retention_ms=-1)
    producer.produce(topic, [event("connect", id=i, op="c") for i in range(5)])
    first = open_session()
    columns = f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}', ENVELOPE "
    first.sql(f"{columns} connect); {SINK}; WAIT SOURCE s TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'")
    first.close()
    second = open_session()
    with pytest.raises(ConflictError, match="DEFINITION_CHANGED"):
        second.sql(f"{columns} debezium); {SINK}")
    second.sql(f"DROP SINK s_lake; CREATE OR REPLACE {columns.removeprefix('CREATE ')} connect); {SINK}")
    assert one(second, "SELECT count(*) FROM s") == 5
