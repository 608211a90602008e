-- What the prompt of the demo starts with. The sink finds its progress in the table and goes on.
ATTACH {address:l} AS k (TYPE kafka);
CREATE SOURCE clicks FROM KAFKA k (TOPIC 'web.clicks', FORMAT json);
CREATE SOURCE orders FROM KAFKA k (FORMAT json);
CREATE SINK clicks_lake FROM clicks INTO ICEBERG local.web.clicks (COMMIT_INTERVAL '10s');
