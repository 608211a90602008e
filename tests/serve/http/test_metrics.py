"""GET /metrics, judged by Prometheus' own parser, and equal to what kshell.metrics lists."""

from __future__ import annotations

import json
import threading

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from kshell.serve.http.metrics import exposition
from kshell.session.metrics import METRICS, Sample, metric
from tests.serve.http.conftest import Ask, Stage
from tests.support.waiting import wait_until

Found = dict[tuple[str, tuple[tuple[str, str], ...]], float]
MOVING = {"kshell_buffer_oldest_seconds", "kshell_sessions", "kshell_query_seconds"}


def scraped(client: httpx.Client) -> Found:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return parsed(answer.text)


def parsed(text: str) -> Found:
    found: Found = {}
    for family in text_string_to_metric_families(text):
        assert family.type != "unknown", family.name
        assert family.documentation
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def test_what_prometheus_reads_is_what_kshell_metrics_lists(client: httpx.Client, stage: Stage) -> None:
    name = stage.source()
    stage.session.sql(f"CREATE SINK {name}_lake FROM {name} INTO ICEBERG local.web.{name} (COMMIT_INTERVAL '1h')")
    stage.put(name, *range(7))
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 7 TIMEOUT '30s'; FLUSH SINK {name}_lake")
    stage.put(name, 8)
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 8 TIMEOUT '30s'")
    wait_until(lambda: stage.session.sql("SELECT sum(lag_messages) FROM kshell.sources").fetchall() == [(0,)])
    rows = stage.session.sql("SELECT name, labels, value FROM kshell.metrics").fetchall()
    listed = {(name, tuple(sorted(json.loads(labels).items()))): value for name, labels, value in rows}
    found = scraped(client)
    assert found.keys() == listed.keys()
    assert {k: v for k, v in found.items() if metric(k[0]) not in MOVING} == {k: v for k, v in listed.items() if metric(k[0]) not in MOVING}
    of = (("sink", f"{name}_lake"), ("source", name))
    assert found["kshell_sink_committed_rows_total", of] == 7
    assert {metric(key[0]) for key in found} == METRICS.keys()


def test_statements_of_clients_are_counted_by_how_they_ended(client: httpx.Client, stage: Stage) -> None:
    before = stage.servers.served()[0].host.counts
    done, failed = before.done, before.failed
    client.post("/query", content="SELECT 1")
    client.post("/query", content="FROM nowhere")
    found = scraped(client)
    of = ("via", "http")
    assert found["kshell_queries_total", (("result", "ok"), of)] == done + 1
    assert found["kshell_queries_total", (("result", "failed"), of)] == failed + 1
    assert found["kshell_query_seconds_count", (of,)] == found["kshell_query_seconds_bucket", (("le", "+Inf"), of)] == done + failed + 2
    assert found["kshell_query_seconds_sum", (of,)] > 0


def test_a_scrape_waits_for_nothing(client: httpx.Client, ask: Ask, stage: Stage) -> None:
    """Not for the broker, and not for those who change the views."""
    name = stage.source()
    stage.put(name, 1)
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 1 TIMEOUT '30s'")
    stage.broker.set_down()
    try:
        with stage.session._engine.publish_lock:
            answers: list[Found] = []
            thread = threading.Thread(target=lambda: answers.append(scraped(client)))
            thread.start()
            thread.join(10)
            assert answers[0]["kshell_source_rows_total", (("source", name),)] == 1
    finally:
        stage.broker.set_up()


@pytest.mark.parametrize("hostile", ['"', "\\", "\n", 'a"} 1\nkshell_up{x="', "ü\u202e", "\x1b[2J"])
def test_a_hostile_name_stays_one_label(hostile: str) -> None:
    text = exposition([Sample("kshell_source_rows_total", 3.0, {"source": hostile})]).decode()
    assert parsed(text) == {("kshell_source_rows_total", (("source", hostile),)): 3.0}


def test_a_label_holds_names_and_no_data(client: httpx.Client, stage: Stage, ask: Ask) -> None:
    name = stage.source()
    stage.put(name, 123456789)
    ask(f"SELECT 'canary' AS c FROM {name} WHERE id = 123456789")
    text = client.get("/metrics").text
    assert "canary" not in text
    assert "123456789" not in text
    labels = {label for key in parsed(text) for label, _ in key[1]}
    assert labels <= {"source", "topic", "partition", "state", "event", "sink", "result", "via", "le"}
