"""Topics in the shapes that topics have, with made-up records: python generate.py 127.0.0.1:9092 [topic ...]

Each function yields (value, headers) of one topic, which has its name. The same call gives the same records."""

import json
import sys
from base64 import b64encode

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

START_S = 1_767_323_045                       # 2026-01-02T03:04:05Z
PATHS = ["/", "/search", "/cart", "/help"]
FIELDS = [("id", "int64"), ("name", "string"), ("balance", "double")]
SCHEMA = {"type": "struct", "optional": False, "fields": [{"field": f, "type": t, "optional": True} for f, t in FIELDS]}


def time_of(i):
    return f"2026-01-02T03:{4 + i // 60:02}:{i % 60:02}Z"


def cloudevents():
    """Both modes in one topic: all in one object, and the attributes in headers."""
    for i in range(6):
        ours = {"specversion": "1.0", "id": f"e{i}", "source": "/shop/till", "type": "sale" if i % 3 else "refund", "time": time_of(i)}
        data = {"amount": 10 + i, "currency": "EUR"}
        if i % 2:
            headers = [(f"ce_{name}", value.encode()) for name, value in ours.items()]
            yield data, [*headers, ("content-type", b"application/json")]
        else:
            yield {**ours, "datacontenttype": "application/json", "data": data}, [("content-type", b"application/cloudevents+json")]


def customers_changes():
    """Debezium: an insert, an update and a delete, and the tombstone after it."""
    first, second = {"id": 1, "name": "Ada"}, {"id": 1, "name": "Ada L."}
    for i, (op, before, after) in enumerate([("c", None, first), ("u", first, second), ("d", second, None)]):
        source = {"connector": "postgresql", "db": "shop", "table": "customers", "lsn": 100 + i}
        event = {"before": before, "after": after, "source": source, "op": op, "ts_ms": (START_S + i) * 1000}
        yield {"schema": {"type": "struct", "name": "shop.customers.Envelope"}, "payload": event}, []
    yield None, []


def accounts():
    """Kafka Connect's JsonConverter with schemas.enable: the schema in every record."""
    for i, name in enumerate(["Ada", "Grace", None]):
        yield {"schema": SCHEMA, "payload": {"id": i, "name": name, "balance": 12.5 * i}}, []


def otel_logs():
    """OpenTelemetry: a batch of log records in each message, as the collector's exporter writes JSON."""
    for i in range(3):
        service = {"key": "service.name", "value": {"stringValue": ["cart", "search"][i % 2]}}
        logs = [{"timeUnixNano": str((START_S + i) * 10**9 + n), "severityText": ["INFO", "ERROR"][n % 2],
                 "body": {"stringValue": f"step {n}"},
                 "attributes": [{"key": "http.status", "value": {"intValue": str([200, 500][n % 2])}}]} for n in range(2)]
        yield {"resourceLogs": [{"resource": {"attributes": [service]}, "scopeLogs": [{"scope": {"name": "app"}, "logRecords": logs}]}]}, []


def page_views():
    """Web analytics: parameters and items as arrays of objects whose value is in the member of its type."""
    for i in range(4):
        params = [{"key": "page", "value": {"string_value": PATHS[i]}}, {"key": "engaged_ms", "value": {"int_value": 900 * i}}]
        items = [{"item_id": f"sku{n}", "price": 5.5 + n, "quantity": 1 + n} for n in range(i % 3)]
        yield {"event_name": "purchase" if items else "page_view", "user_pseudo_id": f"u{i % 2}", "event_params": params, "items": items,
               "contexts": {"schema": "iglu:example/ctx/jsonschema/1-0-0", "data": [{"device": {"os": "linux"}}]}}, []


def repository_events():
    """An archive of events at a code host: the payload depends on the type."""
    kinds = [("PushEvent", {"size": 2, "commits": [{"sha": "a1", "message": "Fix"}, {"sha": "b2", "message": "Test"}]}),
             ("IssuesEvent", {"action": "opened", "issue": {"number": 7, "labels": [{"name": "bug"}]}}),
             ("WatchEvent", {"action": "started"})]
    for i in range(6):
        kind, payload = kinds[i % 3]
        yield {"id": str(5000 + i), "type": kind, "actor": {"id": i % 2, "login": f"dev{i % 2}"}, "repo": {"id": 1, "name": "acme/tool"},
               "payload": payload, "public": True, "created_at": time_of(i)}, []


def nginx_access():
    """nginx with log_format escape=json: every value is a text."""
    for i in range(6):
        yield {"time_iso8601": time_of(i), "remote_addr": f"192.0.2.{i}", "request_method": "GET", "request_uri": PATHS[i % 4],
               "status": ["200", "404", "500"][i % 3], "request_time": f"0.{i:03}",
               "upstream_response_time": "-" if i % 3 == 1 else f"0.{i:03}"}, []


def syslog():
    """syslog as its daemons write JSON: names with @ and dots."""
    for i in range(4):
        yield {"@timestamp": time_of(i), "host": f"web{i % 2}", "severity": ["info", "err"][i % 2], "app.name": "sshd",
               "procid": str(100 + i),
               "message": ["Accepted publickey", "Connection reset"][i % 2], "raw": b64encode(bytes([i])).decode()}, []


TOPICS = {f.__name__.replace("_", "."): f
          for f in (cloudevents, customers_changes, accounts, otel_logs, page_views, repository_events, nginx_access, syslog)}


def main(brokers, *wanted):
    chosen = wanted or TOPICS
    admin = AdminClient({"bootstrap.servers": brokers})
    made = admin.create_topics([NewTopic(t, 1, config={"retention.ms": "-1"}) for t in chosen])
    for topic in made.values():
        topic.result()
    producer = Producer({"bootstrap.servers": brokers})
    for topic in chosen:
        for value, headers in TOPICS[topic]():
            producer.produce(topic, None if value is None else json.dumps(value), headers=headers)
    producer.flush()
    print(", ".join(chosen))


if __name__ == "__main__":
    main(*sys.argv[1:])
