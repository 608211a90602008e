-- One source per topic of generate.py, each read as what it holds.
ATTACH 'kafka://127.0.0.1:9092' AS k (TYPE kafka, FORMAT json);
CREATE SOURCE events FROM KAFKA k (TOPIC 'cloudevents', ENVELOPE cloudevents);
CREATE SOURCE changes (op VARCHAR, id BIGINT FROM '$.after.id', name VARCHAR FROM '$.after.name', was VARCHAR FROM '$.before.name',
    at_ms BIGINT FROM '$.ts_ms') FROM KAFKA k (TOPIC 'customers.changes', ENVELOPE debezium);
CREATE SOURCE accounts FROM KAFKA k (ENVELOPE connect);
CREATE SOURCE otel FROM KAFKA k (TOPIC 'otel.logs');
CREATE SOURCE views FROM KAFKA k (TOPIC 'page.views');
CREATE SOURCE archive (type VARCHAR, login VARCHAR FROM '$.actor.login', repo VARCHAR FROM '$.repo.name', payload JSON, created_at TIMESTAMPTZ)
    FROM KAFKA k (TOPIC 'repository.events');
CREATE SOURCE access (at TIMESTAMPTZ FROM '$.time_iso8601', remote_addr VARCHAR, request_uri VARCHAR, status INTEGER, request_time DOUBLE,
    upstream VARCHAR FROM '$.upstream_response_time') FROM KAFKA k (TOPIC 'nginx.access');
CREATE SOURCE logs (at TIMESTAMPTZ FROM '$."@timestamp"', host VARCHAR, app VARCHAR FROM '$."app.name"', severity VARCHAR, message VARCHAR)
    FROM KAFKA k (TOPIC 'syslog');
