"""A record that ends the process which decodes it: its partition stops by name, what stands before it lands, a statement goes past it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kshell.errors import ConflictError
from tests.session.conftest import Notes, OpenSession, events, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder


@pytest.fixture
def topic(kafka_topic: Callable[..., str], producer: Recorder, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two partitions; the fifth record of the first ends whoever decodes it."""
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", "decode.in_child=kill@~poison")
    name = kafka_topic(partitions=2, retention_ms=-1)
    producer.produce(name, [*events(4), '{"id":4,"url":"poison"}', *events(5, 5)], partition=0)
    producer.produce(name, events(20, 100), partition=1)
    return name


@pytest.mark.fault("F81")
def test_the_partition_stops_by_name_and_a_statement_goes_past_the_record(open_session: OpenSession, topic: str, notes: Notes) -> None:
    session = open_session()
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}', UNTRUSTED true)")
    session.sql("CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h')")
    wait_until(lambda: one(session, "SELECT state FROM kshell.sinks") == "DECODER_CRASHED", timeout_s=60)
    assert rows(session, "SELECT resolve_with FROM kshell.sinks") == [("ALTER SINK s_lake SKIP PARTITION 0 TO 5",)]
    assert f"DECODER_CRASHED: {topic}[0]@4: the decoding process ended by signal 9" in notes
    with pytest.raises(ConflictError, match=r"^DECODER_CRASHED: (?!DECODER_CRASHED)"):
        session.sql("FLUSH SINK s_lake")
    assert rows(session, "SELECT id FROM lake.s WHERE _kafka_partition = 0 ORDER BY id") == [(0,), (1,), (2,), (3,)]
    session.sql("ALTER SINK s_lake SKIP PARTITION 0 TO 5; WAIT SOURCE s TIMEOUT '60s'; FLUSH SINK s_lake TIMEOUT '60s'")
    assert rows(session, "SELECT count(*), count(DISTINCT id) FROM lake.s") == [(29, 29)]
    assert rows(session, "SELECT count(*), count(DISTINCT id) FROM s") == [(29, 29)]
    skipped = rows(session, "SELECT _kafka_offset, code, message FROM local.web.s__errors")
    assert [(offset, code, "offsets 4 to 4" in message) for offset, code, message in skipped] == [(4, "SKIPPED", True)]


def test_without_a_sink_the_other_partitions_go_on(open_session: OpenSession, topic: str, producer: Recorder) -> None:
    session = open_session()
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}', UNTRUSTED true)")
    wait_until(lambda: "DECODER_CRASHED" in str(one(session, "SELECT last_error FROM kshell.sources")), timeout_s=60)
    producer.produce(topic, events(5, 200), partition=1)
    counted = "SELECT _kafka_partition, count(*)::INTEGER FROM s GROUP BY 1 ORDER BY 1"
    wait_until(lambda: rows(session, counted) == [(0, 4), (1, 25)], timeout_s=60)
    session.sql("ALTER SOURCE s SEEK TO MAP {0: 5, 1: 0}")
    wait_until(lambda: rows(session, counted) == [(0, 5), (1, 25)], timeout_s=60)
