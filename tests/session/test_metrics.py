"""kshell.metrics: one value for each name and label set, equal to what the other tables of the session say."""

from __future__ import annotations

import json
from collections.abc import Callable

from kshell.session import Session
from kshell.session.metrics import METRICS, Sample, metric
from kshell.session.serving import Nobody
from tests.session.conftest import events, one, rows
from tests.support import wait_until
from tests.support.producing import Recorder

Found = dict[tuple[str, str], float]


def listed(session: Session) -> Found:
    """(name, labels without the source and the sink) -> value."""
    found: Found = {}
    for name, labels, value in rows(session, "SELECT name, labels, value FROM kshell.metrics"):
        rest = {k: v for k, v in json.loads(labels).items() if k not in ("source", "sink")}
        found[name, ",".join(rest.values())] = value
    return found


def test_the_metrics_of_sources_and_sinks_are_what_their_tables_say(session: Session, kafka_topic: Callable[..., str],
                                                                    producer: Recorder) -> None:
    topic = kafka_topic(partitions=2)
    producer.produce(topic, [*events(30), "{"])
    producer.produce(topic, events(10, 100), partition=1)
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'; "
                "CREATE SINK s_lake FROM s INTO ICEBERG local.web.s (COMMIT_INTERVAL '1h'); FLUSH SINK s_lake")
    producer.produce(topic, events(5, 200))
    session.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")
    wait_until(lambda: one(session, "SELECT lag_messages FROM kshell.sources") == 0)
    found = listed(session)
    assert (found["kshell_source_rows_total", ""], found["kshell_error_rows_total", ""]) == (45, 1)
    assert (found["kshell_buffer_rows", ""], found["kshell_sink_pending_rows", ""]) == (5, 5)
    assert found["kshell_source_lag_messages", f"{topic},0"] == found["kshell_source_lag_messages", f"{topic},1"] == 0
    assert found["kshell_source_state", "running"] == found["kshell_sink_state", "running"] == 1
    assert found["kshell_sink_committed_rows_total", ""] == one(session, "SELECT committed_rows FROM kshell.sinks") == 40
    commits, seconds = rows(session, "SELECT count(*), sum(seconds) FROM kshell.commits")[0]
    assert (found["kshell_sink_commits_total", "committed"], found["kshell_sink_commits_total", "failed"]) == (commits, 0)
    assert found["kshell_sink_commit_seconds_count", ""] == commits
    assert abs(found["kshell_sink_commit_seconds_sum", ""] - seconds) < 0.001
    assert found["kshell_source_events_total", "fields_without_column"] == 90


def test_every_name_is_declared_and_every_set_of_labels_stands_once(session: Session, kafka_topic: Callable[..., str],
                                                                    producer: Recorder) -> None:
    topic = kafka_topic(partitions=3)
    producer.produce(topic, events(3))
    session.sql(f"CREATE SOURCE s (id BIGINT) FROM KAFKA kafka (TOPIC '{topic}'); WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")
    found = session.metrics()
    assert {metric(sample.name) for sample in found} <= METRICS.keys()
    assert len({(sample.name, *sorted(sample.labels.items())) for sample in found}) == len(found)
    assert [sample.name for sample in found] == sorted((sample.name for sample in found), key=lambda name: [*METRICS].index(metric(name)))


def test_servers_add_their_own(session: Session) -> None:
    class Two(Nobody):
        def samples(self) -> list[Sample]:
            return [Sample("kshell_sessions", 2.0, {"via": "http"})]

    session.servers = Two()
    session.sql("FROM kshell.metrics")
    assert rows(session, "SELECT name, labels, value FROM kshell.metrics") == [("kshell_sessions", '{"via": "http"}', 2.0)]
